"""Our two tables in Airflow's database: which deliveries were recorded, and the clock of their recording.

They are made on the first delivery. Two API servers may be given the same delivery at once; only a unique column
decides between them, and Airflow has none for this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.base import metadata as airflow_metadata
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, NoResultFound

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.orm import Session

KEPT_FOR = timedelta(days=91)  # a day longer than a delivery is let in, whatever the clocks say
TICK = timedelta(microseconds=1)
_MOST_AHEAD = timedelta(minutes=1)
_CLOCKS = {"postgresql": "clock_timestamp()", "mysql": "utc_timestamp(6)"}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_metadata = MetaData(schema=airflow_metadata.schema)  # [database] sql_alchemy_schema
DELIVERIES = Table(
    "partnero_delivery",
    _metadata,
    # A digest, not the id itself: MySQL compares texts without regard to case, and keys have their limits.
    Column("delivery_id", String(64), primary_key=True),
    Column("conn_id", String(250), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
)
CLOCK = Table(
    "partnero_receiver_clock",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", UtcDateTime, nullable=False),
)


class NoTablesError(Exception):
    """The two tables are missing and cannot be made."""


def create_tables(engine: Engine) -> None:
    """Make what is missing; harmless when several API servers do so at once.

    :raises NoTablesError: something is still missing.
    """
    if _find_missing(engine) is None:
        return
    refusal = _try(engine, _metadata.create_all)
    _try(engine, lambda connection: connection.execute(insert(CLOCK).values(id=1, last=_LONG_AGO)))
    missing = _find_missing(engine)
    if missing is not None:
        raise NoTablesError(
            f"the tables {DELIVERIES.fullname} and {CLOCK.fullname} cannot be made ({refusal or missing}): allow it "
            "to the user of Airflow's database once, as `airflow db migrate` needs it too"
        )


def _find_missing(engine: Engine) -> str | None:
    """What the database says when something is missing, else None; waits for no lock."""

    def read_both(connection: Connection) -> object:
        connection.execute(select(DELIVERIES.c.delivery_id).limit(1))
        return connection.execute(select(CLOCK.c.id).where(CLOCK.c.id == 1)).one()

    try:
        return _try(engine, read_both)
    except NoResultFound:
        return f"{CLOCK.name} is empty"


def _try(engine: Engine, change: Callable[[Connection], object]) -> str | None:
    """Change something in a transaction of its own.

    :returns: the first line of what the database says if it refuses, as it does when another server was quicker.
    :raises DBAPIError: the database cannot be reached.
    """
    with engine.connect() as connection:
        try:
            with connection.begin():
                change(connection)
        except DBAPIError as error:
            return str(error.orig).partition("\n")[0]
    return None


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def take_turn(session: Session, wall_clock: Callable[[], datetime] = utc_now) -> datetime:
    """Wait for our turn among all API servers; it lasts until the end of the transaction.

    A run that an asset starts takes the events up to a point in time, and the next run those after it. An event that
    is committed late, with an earlier time than one before it, is taken by no run. So API servers record one after
    the other, and the times of their events grow.

    The times are the database's, whatever the servers' clocks say: by its clock the scheduler decides whether a run's
    time has come. If that clock was once far ahead, runs do not wait until it is there again.

    :param wall_clock: the time in UTC, for a database without a clock of its own (SQLite).
    :returns: the time to write at.
    """
    session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(id=1))  # locks the row; in SQLite, the database
    clock: Any = literal_column(_CLOCKS.get(session.get_bind().dialect.name, "NULL"))
    row = session.execute(select(CLOCK.c.last, clock).where(CLOCK.c.id == 1)).first()
    if row is None:
        raise LookupError(f"table {CLOCK.name} is empty")
    last, now = row[0], wall_clock() if row[1] is None else _as_utc(row[1])
    return max(now, last + TICK) if last - now < _MOST_AHEAD else now


def _as_utc(now: datetime) -> datetime:
    return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)


def end_turn(session: Session, last: datetime) -> None:
    """Remember the latest time that this transaction has used."""
    session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(last=last))


def find_entries(session: Session, delivery_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which of these deliveries are recorded already: (connection, delivery id)."""
    rows = session.execute(
        select(DELIVERIES.c.conn_id, DELIVERIES.c.delivery_id).where(DELIVERIES.c.delivery_id.in_(delivery_ids))
    )
    return {(conn_id, delivery_id) for conn_id, delivery_id in rows}


def add_entries(session: Session, entries: Iterable[tuple[str, str]], now: datetime) -> None:
    """Record deliveries: (connection, delivery id)."""
    rows = [{"conn_id": conn_id, "delivery_id": digest, "recorded_at": now} for conn_id, digest in entries]
    if rows:
        session.execute(insert(DELIVERIES), rows)


def forget_old(session: Session, now: datetime, at_once: int) -> bool:
    """Delete a portion of the entries that are older than :data:`KEPT_FOR`.

    A delivery as old as that is refused by its own ``created_at``, so its entry is not needed.

    :param at_once: about how many are deleted; few enough that no sender waits long.
    :returns: whether there may be more.
    """
    recorded_at = DELIVERIES.c.recorded_at
    old = select(recorded_at).where(recorded_at < now - KEPT_FOR).order_by(recorded_at)
    last = session.scalar(old.offset(at_once - 1).limit(1))
    session.execute(delete(DELIVERIES).where(recorded_at < now - KEPT_FOR if last is None else recorded_at <= last))
    return last is not None
