"""The demo's own Airflow: its environment, its process, and what is in its database. Tests use it, too."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from airflow_provider_partnero.demo.sessions import end_session


class DemoError(Exception):
    """The demo cannot go on; the message tells its user why."""


def dags_folder() -> Path:
    """The folder of the example DAGs: inside an installed package, beside the package in a checkout."""
    packaged = Path(str(files("airflow_provider_partnero"))) / "_dags_examples"
    return packaged if packaged.is_dir() else packaged.parent.parent / "dags_examples"


def airflow_environment(folder: Path, connection: str) -> dict[str, str]:
    """The environment variables of an Airflow with its own home, a SQLite database, and the example DAGs.

    :param folder: where its home is made.
    :param connection: the connection ``partnero_default``, as JSON or URI.
    """
    home = folder / "airflow"
    home.mkdir()
    # The settings of the user's own Airflow must not reach the demo, nor the demo the user's Airflow.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    no_proxy = kept.get("no_proxy") or kept.get("NO_PROXY")
    return kept | {
        # The demo talks to this machine only, so no proxy may come between.
        "no_proxy": no_proxy if no_proxy == "*" else ",".join(filter(None, [no_proxy, "127.0.0.1"])),
        "PATH": path,  # `airflow standalone` looks for `airflow` there
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        # Airflow gives up a task after 5 attempts of 5 seconds; on a busy machine its API server takes longer to start.
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "20",
        "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "10",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW_CONN_PARTNERO_DEFAULT": connection,
    }


class AirflowProcess:
    """A process that runs commands of Airflow (:mod:`.airflow_commands`).

    The ``with`` block ends it together with all processes that it started.

    :param environment: see :func:`airflow_environment`.
    :param log: file for everything that Airflow prints.
    """

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.database = Path(environment["AIRFLOW_HOME"]) / "airflow.db"
        self.log = log
        self._process = subprocess.Popen(
            # -P: no imports from the working folder, where the user may have a module named like one of Airflow's.
            [sys.executable, "-P", "-m", "airflow_provider_partnero.demo.airflow_commands", str(log)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> AirflowProcess:
        return self

    def __exit__(self, *_: object) -> None:
        # No more patience, because a running DAG ignores SIGTERM and nobody needs its database afterwards.
        end_session(self._process, patience=1)

    def __call__(self, *command: str) -> dict[str, Any]:
        """Run one command of ``airflow``; returns ``{"failure": reason or None, "seconds": how long it took}``.

        :raises DemoError: the process died meanwhile.
        """
        return self._answer({"command": command})

    def at(self, moment: datetime, environment: Mapping[str, str], dag_id: str, *options: str) -> dict[str, Any]:
        """Run a DAG of audits as if it were that moment; returns what a command does.

        :param moment: the run's logical date, and the audits' clock; with a time zone.
        :param environment: variables that hold for this run only.
        :param options: further ones of ``airflow dags test``.
        :raises DemoError: the process died meanwhile.
        """
        order = {"command": ["dags", "test", dag_id, moment.isoformat(), *options], "environment": dict(environment)}
        return self._answer(order | {"dag_id": dag_id, "at": moment.isoformat()})

    def _answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self._order(order)
        answer = self._pipes()[1].readline()
        if not answer:
            raise DemoError(f"the process that runs Airflow died; its log tells why: {self.log}")
        done: dict[str, Any] = json.loads(answer)
        return done

    def begin(self, *command: str) -> None:
        """Start one command of ``airflow``, without waiting for its end."""
        self._order({"command": command})

    def has_ended(self, patience: float = 0) -> bool:
        """Whether the command that was begun ends within ``patience`` seconds."""
        return bool(select.select([self._pipes()[1]], [], [], patience)[0])

    def _order(self, order: Mapping[str, Any]) -> None:
        orders, _ = self._pipes()
        with suppress(BrokenPipeError):
            orders.write(json.dumps(order) + "\n")
            orders.flush()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise DemoError("the process that runs Airflow has no pipes")
        return self._process.stdin, self._process.stdout

    def activate_assets(self) -> None:
        """Activate all assets, as a scheduler would: before that, Airflow 3.0 cannot test DAGs that have outlets."""
        with sqlite3.connect(self.database) as connection:
            connection.execute("insert or ignore into asset_active (name, uri) select name, uri from asset")

    def tasks(self, dag_id: str) -> list[tuple[str, str, int]]:
        """The task instances of the DAG's last run as (task, state, map index), in the order in which they ended."""
        return self._rows(
            "select task_id, state, map_index from task_instance where dag_id = ? and run_id = "
            "(select run_id from dag_run where dag_id = ? order by id desc limit 1) "
            "order by coalesce(end_date, '9'), task_id",
            (dag_id, dag_id),
        )

    def returned(self, dag_id: str, task_id: str) -> Any:
        """What the task returned in the DAG's last run."""
        rows = self._rows(
            "select value from xcom where dag_id = ? and task_id = ? and key = 'return_value' "
            "order by timestamp desc limit 1",
            (dag_id, task_id),
        )
        value = json.loads(rows[0][0]) if rows else None
        try:  # before Airflow 3.1, XCom holds JSON within JSON
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

    def _rows(self, query: str, values: tuple[str, ...]) -> list[Any]:
        with sqlite3.connect(self.database) as connection:
            return connection.execute(query, values).fetchall()
