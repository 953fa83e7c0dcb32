"""What the end-to-end tests share: migrated databases, local Partneros, one whole Airflow, one built package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from . import mariadb as mariadb_server
from .apart import add_listener
from .chromium import chromium
from .cluster import Cluster
from .ledger_places import ForkingAirflows
from .packages import build_wheel, install
from .postgres import HOW_TO_START, Postgres, binaries, migrated
from .programme import TOKEN, webhook

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def e2e_sandbox() -> Iterator[Sandbox]:
    """The Partnero behind the cluster's ``partnero_default``; a search would find its token."""
    with Sandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def watched_sandbox() -> Iterator[Sandbox]:
    """The Partnero behind the cluster's ``watched``: watchers poll it all the time."""
    with Sandbox(token=TOKEN) as sandbox:
        sandbox.put_webhooks([webhook("a"), webhook("b")])
        yield sandbox


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of the tests' own, with a migrated database to copy."""
    bin_folder = binaries()
    if bin_folder is None:
        pytest.skip(HOW_TO_START)
    with migrated(bin_folder, tmp_path_factory.mktemp("migrated-postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_server.MariaDB]:
    """A MariaDB server of the tests' own."""
    if not mariadb_server.is_installed():
        pytest.skip(mariadb_server.HOW_TO_START)
    with mariadb_server.running() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, e2e_sandbox: Sandbox, watched_sandbox: Sandbox, postgres: Postgres
) -> Iterator[Cluster]:
    """A whole Airflow: API server, scheduler with LocalExecutor, DAG processor, triggerer.

    It ends with the module, since even an idle one takes a third of a core. On PostgreSQL: on SQLite, Airflow's API
    server may wait for itself when a task starts while somebody asks it to write.
    """
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), e2e_sandbox, postgres)
    cluster.environment |= {
        "AIRFLOW_CONN_WATCHED": watched_sandbox.connection_json,
        "AIRFLOW_CONN_PROGRAMME_A": watched_sandbox.connection_json,
        "AIRFLOW_CONN_PROGRAMME_B": e2e_sandbox.connection_json,
        "AIRFLOW_CONN_PROGRAMME_C": e2e_sandbox.connection_json.replace(TOKEN, "refused"),
        "AIRFLOW_VAR_PARTNERO_FLEET_REPORT_PATH": str(cluster.folder / "fleet.json"),
    }
    with cluster:
        cluster.start("api-server", "scheduler", "dag-processor", "triggerer")
        cluster.wait_until_healthy()
        yield cluster


@pytest.fixture(scope="module")
def airflows() -> Iterator[ForkingAirflows]:
    """What has imported Airflow, for the work in databases of each kind."""
    airflows = ForkingAirflows()
    try:
        yield airflows
    finally:
        airflows.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of the module's own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built package."""
    if shutil.which("uv") is None:
        pytest.skip("needs uv: pip install uv")
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the built package and today's Airflow, and knows nothing of this checkout."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def listening_database(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one DAG that listens, to be copied."""
    return add_listener(tmp_path_factory.mktemp("listening"), migrated_database)
