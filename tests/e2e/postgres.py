"""A PostgreSQL of Debian's packages for the tests: started by them, thrown away after them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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

    def copy(self, template: str, database: str) -> str:
        """A new database like another one, which nobody uses now; its URL."""
        self.rows("postgres", f'create database "{database}" template "{template}"')
        return self.url(database)


@contextmanager
def running(bin_folder: Path) -> Iterator[Postgres]:
    """A server on a free port, with data in a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="partnero-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    run = [str(bin_folder / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
    run += ["-E", "UTF8", "--no-locale"]  # LANG may name a locale that this machine does not have
    subprocess.run(run, user=user, cwd=folder, check=True, capture_output=True)
    log = (folder / "log").open("wb")
    options = ["-D", str(data), "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
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


def _wait_until_up(server: Postgres, patience: float = 30) -> None:
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
