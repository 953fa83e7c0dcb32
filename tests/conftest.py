"""What several folders of tests share: an Airflow home, a connected sandbox, and a small context of a task."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

MakeContext = Callable[..., Any]

# Without byte-code, pytest rewrites all tests in every run, and each process of Airflow compiles what it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_HOME = Path(tempfile.mkdtemp(prefix="partnero-unit-airflow-"))
(_HOME / "dags").mkdir()
# Airflow reads its configuration when it is first imported, which the collection of any folder may do.
os.environ |= {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}

_ASKED_FOR = (
    ("slow", "PARTNERO_SLOW", "takes long"),
    ("matrix", "PARTNERO_MATRIX", "installs other Airflows and Pythons"),
)

SEEDS = [
    pytest.param(range(25), id="25 seeds"),
    pytest.param(range(25, 1000), id="975 more seeds", marks=pytest.mark.slow),
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers, since a whole Airflow is four processes already; none for one file, so that ``-s`` works."""
    files = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(files) == 1 and Path(files.pop()).is_file() else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use Airflow's database, and skip long ones unless the environment asks for them."""
    for item in items:
        if "migrated_database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.airflow)
        for marker, variable, why in _ASKED_FOR:
            if item.get_closest_marker(marker) and os.environ.get(variable) != "1":
                item.add_marker(pytest.mark.skip(reason=f"{why}; {variable}=1 runs it"))


def pytest_unconfigure() -> None:
    """Remove the home with the session."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow database fresh from ``airflow db migrate``, to be copied; all workers of a session share one."""
    base = tmp_path_factory.getbasetemp()
    is_worker = hasattr(request.config, "workerinput")  # whose folder is inside the session's
    folder = (base.parent if is_worker else base) / "migrated"
    folder.mkdir(exist_ok=True)
    migrated = folder / "migrated.db"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not migrated.exists():
            command = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
            environment = os.environ | {"AIRFLOW_HOME": str(folder)}
            subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)
            (folder / "airflow.db").rename(migrated)
    return migrated


@pytest.fixture
def make_context() -> MakeContext:
    """What ``execute`` uses of Airflow's context; what is pushed to XCom is in ``context["ti"].pushed``."""

    def make(**fields: Any) -> dict[str, Any]:
        pushed: dict[str, Any] = {}
        ti = SimpleNamespace(
            **{"dag_id": "dag", "task_id": "task", "run_id": "run", "map_index": -1, "try_number": 1, **fields},
            pushed=pushed,
            xcom_push=lambda key, value: pushed.update({key: value}),
        )
        return {"ti": ti, "outlet_events": _OutletEvents()}

    return make


class _OutletEvents(dict[Any, Any]):
    def __missing__(self, asset: Any) -> Any:
        through_alias: dict[Any, Any] = {}
        self[asset] = SimpleNamespace(
            extra={},
            through_alias=through_alias,
            add=lambda asset, extra: through_alias.update({asset: extra}),
        )
        return self[asset]


@pytest.fixture
def sandbox(partnero_sandbox: Sandbox, partnero_connection: str) -> Iterator[Sandbox]:
    """An empty local Partnero, to which the connection ``partnero_default`` leads."""
    assert partnero_connection == "partnero_default"
    yield partnero_sandbox
    # A task has a process of its own. Here hundreds of tests share one, and the masker's cost is quadratic.
    from airflow.sdk.log import _secrets_masker  # type: ignore[attr-defined]

    _secrets_masker().reset_masker()  # type: ignore[no-untyped-call]


@pytest.fixture
def one_attempt(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, through a connection that tries every request once."""
    connection = json.loads(sandbox.connection_json) | {"extra": {"max_attempts": 1}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    return sandbox
