"""Databases that the ledger's tables are tested in: SQLite, PostgreSQL and MariaDB, by the same names for all."""

from __future__ import annotations

import json
import select
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airflow_provider_partnero.demo.airflow import airflow_environment
from airflow_provider_partnero.demo.sessions import end_session

from .mariadb import MariaDB
from .postgres import Postgres
from .waiting import PATIENCE

MANAGER = "airflow_provider_partnero.ledger.manager.PartneroDBManager"

_AIRFLOW = str(Path(sys.executable).parent / "airflow")
_FORKING = Path(__file__).with_name("forking_airflow.py")
_COMMAND = "from airflow.__main__ import main; main()"  # as the script `airflow` does
_MODEST = "modest"


class ForkingAirflow:
    """A process that has imported Airflow, and does all work in forks of itself.

    :param environment: of an Airflow whose database is of the same kind as those of the work.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-P", "-W", "ignore", str(_FORKING)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def run(self, environment: dict[str, str], code: str, *arguments: str) -> str:
        """Run code; what it prints.

        :param arguments: become ``sys.argv``.
        """
        assert self._process.stdin
        assert self._process.stdout
        with TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            order = {"environment": environment, "code": code, "arguments": arguments}
            order |= {"output": str(output), "errors": str(errors)}
            print(json.dumps(order), file=self._process.stdin, flush=True)
            answered, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
            assert answered, f"no end of it in {PATIENCE:g} s"
            said = output.read_text(), errors.read_text()
            code = self._process.stdout.readline().strip()
            assert code == "0", f"ended with {code}: {''.join(said)}"
            return said[0]

    def end(self) -> None:
        """End it and all it started."""
        end_session(self._process)


class ForkingAirflows:
    """One for each kind of database, once it is needed."""

    def __init__(self) -> None:
        self._started: dict[str, ForkingAirflow] = {}

    def of(self, kind: str, environment: dict[str, str]) -> ForkingAirflow:
        """That of the kind; started with the environment if there is none."""
        if kind not in self._started:
            self._started[kind] = ForkingAirflow(environment)
        return self._started[kind]

    def end(self) -> None:
        """End them all."""
        for airflow in self._started.values():
            airflow.end()


@dataclass(frozen=True)
class Place:
    """One database.

    :param environment: of an Airflow that uses it.
    :param rows: asks the database, with all rights.
    :param modest: the URL of a user who may read and write rows and no more; grants what is there now.
    """

    kind: str
    environment: dict[str, str]
    rows: Callable[[str], list[tuple[Any, ...]]]
    modest: Callable[[], str]
    airflows: ForkingAirflows

    def run(self, code: str, url: str | None = None) -> Any:
        """Run code in a process that has imported Airflow.

        :returns: what it prints last, read as JSON.
        """
        chosen = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url} if url else {}
        return json.loads(self._forking.run(self.environment | chosen, code).splitlines()[-1])

    def airflow(self, *command: str) -> str:
        """Run a command of Airflow as its script does, in a process that has imported it; what it prints."""
        return self._forking.run(self.environment, _COMMAND, "airflow", *command)

    def airflow_anew(self, *command: str) -> str:
        """Run a command of Airflow in a new process, as a user does; what it prints."""
        done = subprocess.run(
            [_AIRFLOW, *command], env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def _forking(self) -> ForkingAirflow:
        return self.airflows.of(self.kind, self.environment)


def sqlite_place(folder: Path, airflows: ForkingAirflows) -> Place:
    """A new SQLite database."""
    environment = _environment(folder)
    path = Path(environment["AIRFLOW_HOME"]) / "airflow.db"
    # Several processes write to it: on a busy machine one waits longer than Python's 5 seconds for another.
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{path}?timeout=60"

    def rows(query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as link:
            return link.execute(query).fetchall()

    def modest() -> str:
        raise NotImplementedError("SQLite has no users")

    return Place("sqlite", environment, rows, modest, airflows)


def postgres_place(folder: Path, airflows: ForkingAirflows, server: Postgres, database: str) -> Place:
    """A new database in PostgreSQL."""
    server.rows("postgres", f'create database "{database}"')
    environment = _environment(folder)
    url = server.url(database)
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url

    def modest() -> str:
        server.make_user(_MODEST)
        server.rows(database, "revoke create on schema public from public")
        server.rows(database, f"grant select, insert, update, delete on all tables in schema public to {_MODEST}")
        server.rows(database, f"grant usage on all sequences in schema public to {_MODEST}")
        return url.replace("//postgres@", f"//{_MODEST}@")

    return Place("postgres", environment, lambda query: server.rows(database, query), modest, airflows)


def mariadb_place(folder: Path, airflows: ForkingAirflows, server: MariaDB, database: str) -> Place:
    """A new database in MariaDB."""
    environment = _environment(folder)
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.create(database)

    def modest() -> str:
        server.rows(None, f"create user if not exists {_MODEST}")
        server.rows(None, f"grant select, insert, update, delete on `{database}`.* to {_MODEST}")
        return server.url(database, _MODEST)

    return Place("mariadb", environment, lambda query: server.rows(database, query), modest, airflows)


def _environment(folder: Path) -> dict[str, str]:
    # Before 3.2, Airflow has to be told; after, it makes no difference.
    return airflow_environment(folder, "partnero://") | {"AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": MANAGER}
