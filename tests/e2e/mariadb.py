"""A MariaDB of Debian's packages for the tests: started by them, thrown away after them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from airflow_provider_partnero.demo.sessions import end_session

from .processes import free_port, start_process
from .waiting import PATIENCE

HOW_TO_START = (
    "needs MariaDB: apt-get install mariadb-server libmariadb-dev pkg-config gcc, then uv sync --group mariadb; "
    "the test starts a server of its own"
)
_SERVER = Path("/usr/sbin/mariadbd")
_INSTALL = Path("/usr/bin/mariadb-install-db")


def is_installed() -> bool:
    """Whether Debian's package is there, and the driver that Airflow asks for."""
    return _SERVER.exists() and _INSTALL.exists() and find_spec("MySQLdb") is not None


class MariaDB:
    """A running server; its user ``root`` has no password."""

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, database: str, user: str = "root") -> str:
        """What Airflow calls ``sql_alchemy_conn``."""
        return f"mysql+mysqldb://{user}@127.0.0.1:{self._port}/{database}?charset=utf8mb4"

    def rows(self, database: str | None, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Ask a database; a statement that returns nothing gives no rows."""
        import MySQLdb

        chosen = {"database": database} if database else {}
        with closing(
            MySQLdb.connect(host="127.0.0.1", port=self._port, user="root", **chosen, autocommit=True)
        ) as link:
            cursor = link.cursor()
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def create(self, database: str) -> str:
        """A new database, with MySQL's usual comparison of texts, which takes ``a`` for ``A``; its URL."""
        self.rows(None, f"create database `{database}` character set utf8mb4 collate utf8mb4_general_ci")
        return self.url(database)


@contextmanager
def running() -> Iterator[MariaDB]:
    """A server on a free port, with data in a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="partnero-mariadb-"))
    user = "mysql" if os.geteuid() == 0 else None  # MariaDB refuses to run as root
    if user:
        shutil.chown(folder, user)
    port = free_port()
    data = folder / "data"
    # --no-defaults: not what /etc/mysql says, which is about the machine's own server.
    install = [str(_INSTALL), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    install += ["--skip-test-db"]
    subprocess.run(install, user=user, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    run = [str(_SERVER), "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"]
    run += [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}"]
    run += ["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]  # the data need not outlive the machine
    with (folder / "log").open("wb") as log:
        process = start_process(run, dict(os.environ), log, user=user, cwd=folder)
        try:
            server = MariaDB(port)
            _wait_until_up(server, process)
            yield server
        finally:
            end_session(process, patience=10)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(server: MariaDB, process: subprocess.Popen[Any]) -> None:
    import MySQLdb

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            server.rows(None, "select 1")
        except MySQLdb.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
