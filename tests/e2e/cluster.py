"""A real Airflow for the tests: its own home, its own processes, ended whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import requests

from airflow_provider_partnero.demo.airflow import airflow_environment, dags_folder
from airflow_provider_partnero.demo.sessions import end_session, kill_session
from airflow_provider_partnero.sandbox import Sandbox

from .mariadb import MariaDB
from .postgres import MIGRATED, Postgres
from .processes import free_port, start_process
from .waiting import PATIENCE, answer_of, wait_for, wait_until_up

T = TypeVar("T")

AIRFLOW = str(Path(sys.executable).parent / "airflow")
DAGS = Path(__file__).parent / "dags"
SQLITE_PATIENCE = 60  # seconds
_OVER = {"success", "failed"}
# Before Airflow 3.3, two requests of the triggerer to its own supervisor may cross, and it ends (apache/airflow#64620).
_TRIGGERER_RACE = "Response read out of order"
_TAIL = 3_000  # characters
_QUIET = 60.0  # seconds, much longer than a scheduler takes from receiving an event to handling it


class Cluster:
    """Airflow's parts as separate processes, so that each can be killed and started again."""

    def __init__(self, folder: Path, sandbox: Sandbox, database: Path | Postgres | MariaDB, dags: Path = DAGS) -> None:
        """
        :param folder: of its own; everything is in there.
        :param sandbox: the Partnero behind ``partnero_default``.
        :param database: a migrated SQLite database to copy, a server that has one, or one where it is made.
        :param dags: folder of the DAGs.
        """
        folder.mkdir(exist_ok=True)
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
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-the-tests-" * 4,
            # Four processes that start at once would make four keys, and not read each other's triggers.
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(b"partnero-tests-partnero-tests-32").decode(),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",  # then another takes over from a killed one
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "PARTNERO_TEST_FOLDER": str(folder),
        }
        self.home = Path(self.environment["AIRFLOW_HOME"])
        self._database = database
        if isinstance(database, Postgres):
            address = database.copy(MIGRATED, folder.name)
        elif isinstance(database, MariaDB):
            address = database.create(folder.name)
        else:
            shutil.copy(database, self.home / "airflow.db")
            # Several processes write to it: on a busy machine one waits longer than Python's 5 seconds for another.
            address = f"sqlite:///{self.home}/airflow.db?timeout={SQLITE_PATIENCE}"
        self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = address
        if isinstance(database, MariaDB):
            self.airflow("db", "migrate")
        self._processes: dict[str, subprocess.Popen[Any]] = {}
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            end_session(process, patience=1)

    def start(self, *parts: str) -> None:
        """Start ``api-server``, ``scheduler``, ``dag-processor``, ``triggerer`` or ``standalone``."""
        for part in parts:
            self._start(part, [AIRFLOW, part])

    def start_server(self, name: str, workers: int = 1) -> str:
        """Start one more API server, or one of that name again after it was killed; its address."""
        port = self._ports.setdefault(name, free_port())
        self._start(name, [AIRFLOW, "api-server", "--port", str(port), "--workers", str(workers)])
        return f"http://127.0.0.1:{port}"

    def _start(self, name: str, command: list[str]) -> None:
        with self.log(name).open("ab") as log:
            self._processes[name] = start_process(command, self.environment, log)

    def log(self, name: str) -> Path:
        """Where a part writes its log."""
        return self.folder / f"{name}.log"

    def is_of(self, part: str, pid: int) -> bool:
        """Whether the part has started this process, which still runs."""
        with suppress(ProcessLookupError):
            return part in self._processes and os.getsid(pid) == self.pid(part)
        return False

    def cpu_seconds(self) -> float:
        """What the parts have used so far, with the processes they have started."""
        sessions = {str(process.pid) for process in self._processes.values()}
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12]) if fields[3] in sessions else 0
        return ticks / os.sysconf("SC_CLK_TCK")

    def pid(self, part: str) -> int:
        """The part's process, which leads the session of all that it started."""
        return self._processes[part].pid

    def kill(self, part: str) -> None:
        """SIGKILL, to the part and all it started."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        kill_session(process.pid)  # tasks have groups of their own
        process.wait()

    def stop(self, part: str) -> subprocess.Popen[Any]:
        """SIGTERM to the part's own process, as from a service manager; does not wait for its end."""
        process = self._processes.pop(part)
        process.terminate()
        return process

    def airflow(self, *arguments: str) -> str:
        """Run Airflow's command line; its output."""
        done = subprocess.run(
            [AIRFLOW, *arguments], env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api(self, method: str, path: str, **body: Any) -> Any:
        """Airflow's own REST API."""
        answer = answer_of(method, self.address + path, json=body or None, headers=self.login())
        assert answer.ok, answer.text
        return answer.json()

    def login(self, address: str | None = None) -> dict[str, str]:
        """Headers of somebody who has logged in, at the first API server unless told otherwise."""
        url = f"{address or self.address}/auth/token"
        if self.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "True":
            answer = answer_of("GET", url)
        else:
            passwords = wait_for(
                lambda: next(self.home.glob("simple_auth_manager_passwords.json*"), None), "Airflow's passwords"
            )
            assert passwords is not None
            given = {"username": "admin", "password": json.loads(passwords.read_text())["admin"]}
            answer = answer_of("POST", url, json=given)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def wait_for(self, condition: Callable[[], T], what: str) -> T:
        """What the condition returns once it is true; fails at once when a part has ended by itself."""

        def checked() -> T:
            self._check_parts()
            return condition()

        return wait_for(checked, what, self._story)

    def wait_until_up(self, address: str | None = None) -> None:
        """Wait until an API server answers, the first one unless told otherwise."""
        wait_until_up(address or self.address, self._check_parts)

    def wait_until_healthy(self) -> None:
        """Wait until API server, scheduler, DAG processor and triggerer are at work."""

        def is_healthy() -> bool:
            try:
                health = answer_of("GET", f"{self.address}/api/v2/monitor/health").json()
            except requests.RequestException:
                return False
            return all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))

        self.wait_for(is_healthy, "a healthy Airflow")

    def wait_until_parsed(self, dag_id: str) -> None:
        """Wait until the DAG can be run."""

        def is_parsed() -> bool:
            errors = self.rows("select filename, stacktrace from import_error")
            assert not errors, errors
            return bool(self.rows("select 1 from serialized_dag where dag_id = ?", dag_id))

        self.wait_for(is_parsed, f"DAG {dag_id}")

    def wait_until_idle(self) -> None:
        """Wait until no run is under way.

        On SQLite, Airflow's API server may wait for itself when a task starts while somebody asks it to write.
        """
        runs = "select dag_id from dag_run where state in ('queued', 'running')"
        self.wait_for(lambda: not self.rows(f"{runs} union select target_dag_id from asset_dag_run_queue"), "a pause")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run of the DAG; its run id."""
        self.wait_until_parsed(dag_id)
        run: dict[str, str] = self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", logical_date=None, conf=conf)
        return run["dag_run_id"]

    def end_of(self, dag_id: str, run_id: str) -> str:
        """Wait until the run is over; its state."""
        self.wait_for(lambda: self.run_state(dag_id, run_id) in _OVER, f"the end of {dag_id}")
        return str(self.run_state(dag_id, run_id))

    def succeed(self, dag_id: str, run_id: str) -> None:
        """Wait until the run has succeeded; fails at once when it has not."""
        state = self.end_of(dag_id, run_id)
        assert state == "success", self._story()

    def wait_until_heard(self, dag_id: str, run_id: str, task_id: str, number: int = 1) -> None:
        """Wait until the scheduler has heard from the executor that the task's process has ended.

        Airflow 3.3.2 fails a task that is queued anew (after a deferral, a rescheduling, a human's answer) before that.

        It drops an event that it has received while the task's row is locked. So it is enough that it has received all,
        and handled no other for a while: then no other is on its way.

        :param number: of processes; more than one for a mapped task.
        """
        key = f"TaskInstanceKey(dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}', "
        received_words = f"Received executor event with state success for task instance {key}".encode()
        handled_words = f"TaskInstance Finished: dag_id={dag_id}, task_id={task_id}, run_id={run_id}, ".encode()
        received, handled, last = 0, 0, time.monotonic()
        read: dict[Path, int] = {}

        def has_heard() -> bool:
            nonlocal received, handled, last
            for log in self.folder.glob("scheduler*.log"):
                lines = _new_lines(log, read)
                if handled_words in lines or received_words in lines:
                    received += lines.count(received_words)
                    handled += lines.count(handled_words)
                    last = time.monotonic()
            is_quiet = time.monotonic() - last > _QUIET
            return handled >= number or (is_quiet and received >= number)

        self.wait_for(has_heard, f"a scheduler to hear of the end of {dag_id}.{task_id}")

    def pause(self, dag_id: str, *, is_paused: bool) -> None:
        """Pause the DAG, or let it go on: while it is paused, no task of its runs is queued."""
        self.api("PATCH", f"/api/v2/dags/{dag_id}", is_paused=is_paused)

    def states(self, dag_id: str, run_id: str, task_id: str) -> list[str | None]:
        """State of each of the task's instances, by map index."""
        rows = self.rows(
            "select state from task_instance where dag_id = ? and run_id = ? and task_id = ? order by map_index",
            dag_id, run_id, task_id,
        )  # fmt: skip
        return [state for (state,) in rows]

    def state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        """State of the task's only instance."""
        states = self.states(dag_id, run_id, task_id)
        return states[0] if states else None

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of the run."""
        rows = self.rows("select state from dag_run where dag_id = ? and run_id = ?", dag_id, run_id)
        return rows[0][0] if rows else None

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask Airflow's database; ``?`` stands for a value."""
        if not isinstance(self._database, Path):
            return self._database.rows(self.folder.name, query.replace("?", "%s"), values)
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=SQLITE_PATIENCE)) as connection:
            return connection.execute(query, values).fetchall()

    def everything_written(self) -> Iterator[tuple[str, bytes]]:
        """Every file (logs, SQLite's database and its journal), and every table of PostgreSQL's."""
        yield from everything_written(self.folder)
        if isinstance(self._database, Postgres):
            names = self.rows("select table_name from information_schema.tables where table_schema = 'public'")
            for (name,) in names:
                yield name, "\n".join(row for (row,) in self.rows(f'select t::text from "{name}" t')).encode()

    def _check_parts(self) -> None:
        for name, process in list(self._processes.items()):
            if process.poll() is None:
                continue
            log = self.log(name).read_text(errors="replace")
            if name == "triggerer" and _TRIGGERER_RACE in log:
                self.start(name)  # as any supervisor would
                continue
            pytest.fail(f"{name} ended by itself with {process.returncode}; its log ends: {log[-_TAIL:]}")

    def _story(self) -> str:
        """What a failed test wants to know: tasks that are not over or have failed, and what Airflow says of them."""
        tasks = "select dag_id, run_id, task_id, map_index, state, try_number from task_instance where state is null "
        runs = "select dag_id, run_id, state from dag_run where state <> 'success'"
        words = "select dag_id, task_id, event, extra from log where event in ('state mismatch', 'heartbeat timeout')"
        queries = (runs, tasks + "or state not in ('success', 'skipped')", words)
        return "\n".join(str(self.rows(query)) for query in queries)


def everything_written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder, except the DAGs and the configuration."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "dags" not in path.relative_to(folder).parts:
            yield str(path.relative_to(folder)), path.read_bytes()


def _new_lines(log: Path, read: dict[Path, int]) -> bytes:
    """The whole lines written since the last look; how far it has been read is kept in ``read``."""
    with log.open("rb") as file:
        file.seek(read.get(log, 0))
        lines = file.read()
    whole = lines[: lines.rfind(b"\n") + 1]
    read[log] = read.get(log, 0) + len(whole)
    return whole
