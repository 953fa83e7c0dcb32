"""A real Airflow for the tests: its own home, its own processes, ended whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_partnero.demo.airflow import airflow_environment, dags_folder
from airflow_provider_partnero.demo.sessions import end_session
from airflow_provider_partnero.sandbox import Sandbox

from .postgres import HOW_TO_START, Postgres, binaries, running

AIRFLOW = str(Path(sys.executable).parent / "airflow")
TOKEN = "tok-3fQ9zLw7-e2e"
DAGS = Path(__file__).parent / "dags"


class Cluster:
    """Airflow's parts as separate processes, so that each can be killed and started again."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, template: Path, *, postgres: Postgres | None = None, dags: Path = DAGS
    ) -> None:
        """
        :param template: a migrated SQLite database; its twin in PostgreSQL is named ``migrated``.
        :param postgres: use it instead of SQLite.
        :param dags: folder of the DAGs.
        """
        self.folder = folder
        self.sandbox = sandbox
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        source, dags = dags, folder / "dags"
        shutil.copytree(source, dags)
        for example in dags_folder().glob("partnero_webhooks_as_code.*"):
            shutil.copy(example, dags)
        self.environment = airflow_environment(folder, sandbox.connection_json) | {
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-the-tests-" * 4,
            # Four processes that start at once would make four keys, and not read each other's triggers.
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(b"partnero-tests-partnero-tests-32").decode(),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "PARTNERO_TEST_FOLDER": str(folder),
        }
        self.home = Path(self.environment["AIRFLOW_HOME"])
        self._postgres = postgres
        if postgres:
            self._database = folder.name
            self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = postgres.copy("migrated", self._database)
        else:
            shutil.copy(template, self.home / "airflow.db")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    def start(self, *parts: str) -> None:
        """Start ``api-server``, ``scheduler``, ``dag-processor`` or ``triggerer``."""
        for part in parts:
            self._start(part, [AIRFLOW, part])

    def start_server(self, name: str, workers: int = 1) -> str:
        """Start one more API server, or one of that name again after it was killed; its address."""
        port = self._ports.setdefault(name, free_port())
        self._start(name, [AIRFLOW, "api-server", "--port", str(port), "--workers", str(workers)])
        return f"http://127.0.0.1:{port}"

    def revive(self) -> None:
        """Start again what died by itself, as any supervisor would: SQLite and several processes do not go well."""
        for part, process in list(self._processes.items()):
            if process.poll() is not None:
                self.start(part)

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, part: str) -> None:
        """SIGKILL, to the part and all it started."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything."""
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            end_session(process, patience=3)

    def airflow(self, *arguments: str) -> str:
        """Run Airflow's command line; its output."""
        done = subprocess.run(
            [AIRFLOW, *arguments], env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api(self, method: str, path: str, **body: Any) -> Any:
        """Airflow's own REST API."""
        token = requests.get(f"{self.address}/auth/token", timeout=10).json()["access_token"]
        answer = requests.request(
            method,
            self.address + path,
            json=body or None,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def trigger(self, dag_id: str) -> str:
        """Start a run of the DAG; its run id."""
        wait_for(lambda: self.rows("select 1 from serialized_dag where dag_id = ?", dag_id), f"DAG {dag_id} parsed")
        run: dict[str, str] = self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", logical_date=None)
        return run["dag_run_id"]

    def state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        """State of the task's only instance."""
        rows = self.rows(
            "select state from task_instance where dag_id = ? and run_id = ? and task_id = ?", dag_id, run_id, task_id
        )
        return rows[0][0] if rows else None

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of the run."""
        rows = self.rows("select state from dag_run where dag_id = ? and run_id = ?", dag_id, run_id)
        return rows[0][0] if rows else None

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask Airflow's database; ``?`` stands for a value."""
        if self._postgres:
            return self._postgres.rows(self._database, query.replace("?", "%s"), values)
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=30)) as connection:
            return connection.execute(query, values).fetchall()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test on a whole Airflow again: 3.3.2 fails a task that is queued anew before its scheduler has heard from
    the executor that the first half ended, which a slow machine makes likely. On PostgreSQL nothing is tried again:
    there the promise is that nothing is lost.
    """
    for item in items:
        is_here = item.path.parent == Path(__file__).parent
        if is_here and item.get_closest_marker("airflow") and not item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=2))


def wait_for(condition: Callable[[], Any], what: str, patience: float = 90) -> Any:
    """What the condition returns once it is true."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.25)
    pytest.fail(f"waited {patience:g} s in vain for: {what}")


def wait_until_up(address: str) -> None:
    """Wait until an API server answers."""

    def is_up() -> bool:
        try:
            return requests.get(f"{address}/api/v2/version", timeout=2).ok
        except requests.RequestException:
            return False

    wait_for(is_up, f"an API server at {address}", patience=120)


def everything_written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder (logs, database and its journal), except the DAGs and the configuration."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "dags" not in path.relative_to(folder).parts:
            yield str(path.relative_to(folder)), path.read_bytes()


@pytest.fixture(scope="session")
def e2e_sandbox() -> Iterator[Sandbox]:
    """A local Partnero whose token is found by a search."""
    with Sandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow database fresh from ``airflow db migrate``, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = airflow_environment(folder, "partnero://")
    subprocess.run([AIRFLOW, "db", "migrate"], env=environment, capture_output=True, timeout=120, check=True)
    return Path(environment["AIRFLOW_HOME"]) / "airflow.db"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of the tests' own, with a migrated database to copy."""
    bin_folder = binaries()
    if bin_folder is None:
        pytest.skip(HOW_TO_START)
    with running(bin_folder) as server:
        server.rows("postgres", "create database migrated")
        environment = airflow_environment(tmp_path_factory.mktemp("migrated-postgres"), "partnero://")
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.url("migrated")
        subprocess.run([AIRFLOW, "db", "migrate"], env=environment, capture_output=True, timeout=120, check=True)
        yield server


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, e2e_sandbox: Sandbox, migrated_database: Path
) -> Iterator[Cluster]:
    """A whole Airflow: API server, scheduler with LocalExecutor, DAG processor, triggerer."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), e2e_sandbox, migrated_database)
    cluster.start("api-server", "scheduler", "dag-processor", "triggerer")
    try:
        wait_for(lambda: _is_healthy(cluster.address), "a healthy Airflow", patience=120)
        yield cluster
    finally:
        cluster.stop()


def _is_healthy(address: str) -> bool:
    try:
        health = requests.get(f"{address}/api/v2/monitor/health", timeout=2).json()
    except (requests.RequestException, json.JSONDecodeError):
        return False
    return all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))
