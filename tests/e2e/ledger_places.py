"""Databases that the ledger's tables are tested in: SQLite, PostgreSQL and MariaDB, by the same names for all."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_partnero.demo.airflow import airflow_environment

from .mariadb import MariaDB
from .postgres import Postgres
from .waiting import PATIENCE

AIRFLOW = str(Path(sys.executable).parent / "airflow")
MANAGER = "airflow_provider_partnero.ledger.manager.PartneroDBManager"

_MODEST = "modest"


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

    def run(self, code: str, url: str | None = None) -> Any:
        """Run code in a process of Airflow.

        :returns: what it prints last, read as JSON.
        """
        return json.loads(self.output([sys.executable, "-W", "ignore", "-c", code], url).splitlines()[-1])

    def airflow(self, *command: str) -> str:
        """Run a command of Airflow; what it prints."""
        return self.output([AIRFLOW, *command], None)

    def output(self, command: list[str], url: str | None) -> str:
        chosen = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url} if url else {}
        done = subprocess.run(
            command,
            env=self.environment | chosen,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def sqlite_place(folder: Path) -> Place:
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

    return Place("sqlite", environment, rows, modest)


def postgres_place(folder: Path, server: Postgres, database: str) -> Place:
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

    return Place("postgres", environment, lambda query: server.rows(database, query), modest)


def mariadb_place(folder: Path, server: MariaDB, database: str) -> Place:
    """A new database in MariaDB."""
    environment = _environment(folder)
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.create(database)

    def modest() -> str:
        server.rows(None, f"create user if not exists {_MODEST}")
        server.rows(None, f"grant select, insert, update, delete on `{database}`.* to {_MODEST}")
        return server.url(database, _MODEST)

    return Place("mariadb", environment, lambda query: server.rows(database, query), modest)


def _environment(folder: Path) -> dict[str, str]:
    # Before 3.2, Airflow has to be told; after, it makes no difference.
    return airflow_environment(folder, "partnero://") | {"AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": MANAGER}
