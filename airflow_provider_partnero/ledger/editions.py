"""Brings the ledger's tables from any edition to another, by the migrations in ``ledger/migrations``.

A migration makes what is missing and leaves alone what is there: so tables that were made without a record of it, or by
a run that broke off, are taken over with their rows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection, Engine

VERSION_TABLE = "partnero_alembic_version"
MIGRATIONS = Path(__file__).parent / "migrations"
ALEMBIC_INI = MIGRATIONS / "alembic.ini"

_LOCK = 7_217_130_402  # any number that nobody else uses
_WAITS_FOR_OTHERS = 10  # seconds that another server gets to finish the same
_WAITS_FOR_TABLE = 1  # seconds; whoever needs the table meanwhile queues behind us
_IN_USE = {"55P03", 1205}  # lock not available: PostgreSQL, MySQL
_one_thread = threading.Lock()  # what Alembic works on is a global variable


class EditionError(Exception):
    """The tables were not brought to an edition.

    :param is_busy: whether it may work later, because somebody uses the tables now.
    """

    def __init__(self, reason: str, is_busy: bool = False) -> None:
        super().__init__(reason)
        self.is_busy = is_busy


def upgrade(engine: Engine, is_complete: Callable[[Connection], bool] | None = None, revision: str = "heads") -> None:
    """Bring the tables to an edition. In PostgreSQL and SQLite it is done whole or not at all.

    Servers that do so at once wait for each other. Those that need the tables meanwhile do not wait for long: a change
    that is not let in within a second is given up.

    :param is_complete: whether the tables are as they should be after all; if not, all migrations are gone through,
        whatever the version table says.
    :raises EditionError: the database refuses it, or the tables are in use, or of an edition that is not known here.
    """

    def run(config: Config, connection: Connection) -> None:
        from alembic import command

        if is_complete is not None:
            if is_complete(connection):
                return
            command.stamp(config, "base")
        command.upgrade(config, revision)

    _change(engine, run)


def upgrade_patiently(
    engine: Engine, revision: str = "heads", tries: int = 30, sleep: Callable[[float], object] = time.sleep
) -> None:
    """:func:`upgrade`, again and again while somebody uses the tables, with a second between the tries.

    :raises EditionError: the last try failed, or the database refuses it.
    """
    for left in reversed(range(tries)):
        try:
            upgrade(engine, revision=revision)
        except EditionError as error:
            if not error.is_busy or not left:
                raise
            sleep(1)
        else:
            return


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to an edition.

    :raises EditionError: see :func:`upgrade`.
    """

    def run(config: Config, _: Connection) -> None:
        from alembic import command

        command.downgrade(config, revision)

    _change(engine, run)


def current_revision(engine: Engine, schema: str | None) -> str | None:
    """The edition that the version table names; None without one."""
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "version_table_schema": schema}
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def alembic_config() -> Config:
    """Alembic's configuration; what runs a command puts a ``connection`` among its attributes."""
    from alembic.config import Config

    config = Config(str(ALEMBIC_INI))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def first_line(error: DBAPIError) -> str:
    """What the database says, shortened."""
    return str(error.orig).partition("\n")[0][:200]


def _change(engine: Engine, run: Callable[[Config, Connection], None]) -> None:
    from alembic.util import CommandError

    try:
        with _one_thread, engine.connect() as connection, _alone(connection):
            config = alembic_config()
            config.attributes["connection"] = connection
            run(config, connection)
    except DBAPIError as error:
        raise EditionError(first_line(error), is_busy=_is_busy(error)) from error
    except CommandError as error:
        raise EditionError(str(error)) from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """A transaction in which nobody else changes the tables."""
    dialect = connection.dialect.name
    if dialect == "mysql":
        connection.detach()  # closed afterwards, so that nobody inherits its lock and its settings
    with connection.begin():
        if dialect == "mysql":
            if not connection.scalar(text(f"SELECT GET_LOCK('{VERSION_TABLE}', {_WAITS_FOR_OTHERS})")):
                raise EditionError("another server changes the tables", is_busy=True)
            connection.execute(text(f"SET SESSION lock_wait_timeout = {_WAITS_FOR_TABLE}"))
        elif dialect == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAITS_FOR_OTHERS}s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAITS_FOR_TABLE}s'"))
        else:  # SQLite: Python begins no transaction for changes of tables
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


def _is_busy(error: DBAPIError) -> bool:
    code = getattr(error.orig, "pgcode", None) or next(iter(getattr(error.orig, "args", ())), None)
    return code in _IN_USE or "database is locked" in str(error.orig)
