"""A PostgreSQL of Debian's packages for the tests: started by them, thrown away after them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_partnero.demo.airflow import airflow_environment

from .processes import free_port
from .waiting import PATIENCE

MIGRATED = "migrated"
HOW_TO_START = "needs PostgreSQL: apt-get install postgresql; the test starts a server of its own"


def binaries() -> Path | None:
    """Where Debian puts ``initdb`` and ``postgres``; they are not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A running server; every database is made from one that Airflow has migrated."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database: str) -> str:
        """What Airflow calls ``sql_alchemy_conn``."""
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self._port}/{database}"

    def rows(self, database: str, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Ask a database; a statement that returns nothing gives no rows."""
        import psycopg2

        with closing(psycopg2.connect(host="127.0.0.1", port=self._port, user="postgres", dbname=database)) as link:
            link.autocommit = True
            with link.cursor() as cursor:
                cursor.execute(query, values or None)
                return cursor.fetchall() if cursor.description else []

    def make_user(self, name: str) -> None:
        """A user who may do nothing yet, unless there is one of this name: users belong to the whole server."""
        if not self.rows("postgres", "select 1 from pg_roles where rolname = %s", (name,)):
            self.rows("postgres", f'create user "{name}"')

    def copy(self, template: str, database: str) -> str:
        """A new database like another one, which nobody uses now; its URL."""
        self.rows("postgres", f'create database "{database}" template "{template}"')
        return self.url(database)


@contextmanager
def migrated(bin_folder: Path, folder: Path) -> Iterator[Postgres]:
    """A server with a database that Airflow has migrated, to be copied.

    :param folder: for Airflow's home.
    """
    with running(bin_folder) as server:
        server.rows("postgres", f"create database {MIGRATED}")
        environment = airflow_environment(folder, "partnero://")
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.url(MIGRATED)
        migrate = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
        subprocess.run(migrate, env=environment, capture_output=True, timeout=PATIENCE, check=True)
        yield server


@contextmanager
def running(bin_folder: Path) -> Iterator[Postgres]:
    """A server on a free port, with data in a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="partnero-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    port = free_port()
    data = folder / "data"
    run = [str(bin_folder / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
    run += ["-E", "UTF8", "--no-locale"]  # LANG may name a locale that this machine does not have
    subprocess.run(run, user=user, cwd=folder, check=True, capture_output=True)
    log = (folder / "log").open("wb")
    options = ["-D", str(data), "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    options += ["-c", "fsync=off"]  # the data need not outlive the machine
    process = subprocess.Popen(
        [str(bin_folder / "postgres"), *options],
        user=user,
        cwd=folder,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        server = Postgres(port)
        _wait_until_up(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(server: Postgres, patience: float = PATIENCE) -> None:
    import psycopg2

    deadline = time.monotonic() + patience
    while True:
        try:
            server.rows("postgres", "select 1")
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
