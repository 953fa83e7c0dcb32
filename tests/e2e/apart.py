"""A ``partnero-receiver`` of the tests' own: SQLite, one connection with a secret in it, no other part of Airflow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

import requests

from airflow_provider_partnero.api import sign
from airflow_provider_partnero.demo.airflow import airflow_environment
from airflow_provider_partnero.demo.sessions import end_session

from .deliveries import PATH, settled
from .processes import free_port, start_process
from .waiting import HTTP_PATIENCE, PATIENCE, wait_for

COMMAND = str(Path(sys.executable).parent / "partnero-receiver")
SECRET = "apart-sEcReT-5Kp1"
SETTING = json.dumps({"conn_type": "partnero", "password": "tok-5Kp1", "extra": {"signing_secrets": [SECRET]}})
_TODAY = datetime.now(UTC).isoformat()  # once, so that the same key makes the same body; what is old is refused

_LISTENER = """
from datetime import datetime
from airflow.sdk import DAG
from airflow_provider_partnero.assets import partnero_event_asset

dag = DAG("listener", schedule=partnero_event_asset("transaction.created"), start_date=datetime(2026, 1, 1))
"""


def add_listener(folder: Path, database: Path) -> Path:
    """A database like a migrated one that knows one DAG that listens; its path."""
    environment = home_of(folder, database)
    dags = folder / "listening"
    dags.mkdir()
    (dags / "listener.py").write_text(_LISTENER)
    subprocess.run(
        [str(Path(sys.executable).parent / "airflow"), "dags", "reserialize"],
        env=environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    return Path(environment["AIRFLOW_HOME"]) / "airflow.db"


def home_of(folder: Path, database: Path) -> dict[str, str]:
    """The environment of an Airflow home with a copy of a database; ``receiver_enabled`` is not set."""
    environment = airflow_environment(folder, SETTING)
    path = Path(environment["AIRFLOW_HOME"]) / "airflow.db"
    shutil.copy(database, path)
    environment |= {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{path}?timeout=60",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    return environment


def run_python(code: str, environment: dict[str, str], *arguments: str) -> str:
    """Run code in a process of Airflow; what it prints last."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().rpartition("\n")[2]


def delivery(key: str, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Body and headers as Partnero would send them."""
    body = json.dumps(
        {
            "event": "transaction.created",
            "webhook_key": "k",
            "created_at": _TODAY,
            "data": {"key": key, "note": "é\\/"},
        },
        ensure_ascii=False,
    ).encode()
    return body, {"Content-Type": "application/json", "Signature": sign(body, secret)}


def change(environment: dict[str, str], statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in the home's database; the rows that it yields."""
    path = Path(environment["AIRFLOW_HOME"]) / "airflow.db"
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        return connection.execute(statement).fetchall()


def recorded(environment: dict[str, str]) -> int:
    """How many asset events there are."""
    [(number,)] = change(environment, "select count(*) from asset_event")
    return int(number)


@dataclass(frozen=True)
class Apart:
    """A running receiver."""

    address: str
    process: Popen[Any]
    log: Path

    def post(self, key: str, **options: Any) -> requests.Response:
        """One delivery's answer, which is sent again while the receiver is too busy."""
        body, headers = delivery(key, **options)
        return settled(lambda: requests.post(self.address + PATH, body, headers=headers, timeout=HTTP_PATIENCE))

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a page."""
        answer = requests.get(self.address + path, timeout=HTTP_PATIENCE)
        return answer.status_code, answer.json()

    def wait_until_ready(self) -> None:
        """Wait until it can record deliveries."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return self.get("/readyz")[0] == 200
            except requests.RequestException:
                return False

        wait_for(is_ready, "a receiver that is ready", self.log.read_text)

    def terminate(self) -> int:
        """SIGTERM to the process that was started, as from a service manager; its exit code."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(HTTP_PATIENCE)


@contextmanager
def started(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[Apart]:
    """Start it on a free port; end it and whatever it started afterwards."""
    port = free_port()
    with log.open("ab") as output:
        process = start_process([COMMAND, "--port", str(port), *arguments], environment, output)
    try:
        yield Apart(f"http://127.0.0.1:{port}", process, log)
    finally:
        end_session(process, patience=1)
