"""One of each part, with the LocalExecutor, on MariaDB: the examples run there, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Sandbox
from tests.e2e.cluster import Cluster
from tests.e2e.mariadb import MariaDB
from tests.e2e.programme import TOKEN

from . import stories

# Once in such a time Airflow 3.3.2 asks for `WITH ... DELETE`, which MariaDB has not; the scheduler ends at that.
_RARELY = {"AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "86400"}  # seconds

pytestmark = [pytest.mark.airflow, pytest.mark.mariadb, pytest.mark.slow]


def test_all_example_dags_succeed_with_the_local_executor_on_mariadb(mariadb: MariaDB, tmp_path: Path) -> None:
    dags = stories.copy_examples(tmp_path / "source")
    with Sandbox(token=TOKEN) as sandbox:
        cluster = Cluster(tmp_path / "local", sandbox, mariadb, dags)
        cluster.environment |= stories.RECEIVING | _RARELY | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}
        stories.put_programme(cluster)
        with cluster:
            cluster.start("api-server", "scheduler", "dag-processor", "triggerer")
            cluster.wait_until_healthy()
            stories.run_all(cluster)
