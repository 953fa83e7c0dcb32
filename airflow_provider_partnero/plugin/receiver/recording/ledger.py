"""Our two tables in Airflow's database: which deliveries were recorded, and the clock of their recording.

They are made on the first delivery. Airflow has no table with a unique column for this, and nothing but a unique
column decides between two API servers.
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
_FORGOTTEN_AT_ONCE = 1_000
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

    :raises NoTablesError: they are missing still.
    """
    if _missing(engine) is None:
        return
    refusal = _tried(engine, _metadata.create_all)
    _tried(engine, lambda connection: connection.execute(insert(CLOCK).values(id=1, last=_LONG_AGO)))
    missing = _missing(engine)
    if missing is not None:
        raise NoTablesError(
            f"the tables {DELIVERIES.fullname} and {CLOCK.fullname} cannot be made ({refusal or missing}): allow it "
            "to the user of Airflow's database once, as `airflow db migrate` needs it too"
        )


def _missing(engine: Engine) -> str | None:
    """What the database says when something is missing; waits for no lock."""

    def look(connection: Connection) -> object:
        connection.execute(select(DELIVERIES.c.delivery_id).limit(1))
        return connection.execute(select(CLOCK.c.id).where(CLOCK.c.id == 1)).one()

    try:
        return _tried(engine, look)
    except NoResultFound:
        return f"{CLOCK.name} is empty"


def _tried(engine: Engine, change: Callable[[Connection], object]) -> str | None:
    """The first line of the refusal; another server may have been quicker.

    :raises DBAPIError: the database cannot be reached.
    """
    with engine.connect() as connection:
        try:
            with connection.begin():
                change(connection)
        except DBAPIError as error:
            return str(error.orig).partition("\n")[0]
    return None


def turn(session: Session) -> datetime:
    """Wait for our turn among all API servers, until the end of the transaction; the time at which we write.

    A run that an asset starts takes the events up to a point in time, and the next run those after it: an event that
    is committed later than one with a later time is seen by none. So recordings come one after the other, and their
    times grow. They are the database's, whatever the servers' clocks say: by its clock the scheduler decides whether
    a run's time has come. Should that clock have been far ahead once, runs do not wait until it is there again.
    """
    session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(id=1))  # locks the row; in SQLite, the database
    clock: Any = literal_column(_CLOCKS.get(session.get_bind().dialect.name, "NULL"))
    row = session.execute(select(CLOCK.c.last, clock).where(CLOCK.c.id == 1)).first()
    if row is None:
        raise LookupError(f"table {CLOCK.name} is empty")
    last, now = row[0], _as_utc(row[1])
    return max(now, last + TICK) if last - now < _MOST_AHEAD else now


def _as_utc(now: datetime | None) -> datetime:
    """What the database's clock says; SQLite's is this machine's."""
    if now is None:
        return datetime.now(UTC)
    return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)


def end_turn(session: Session, last: datetime) -> None:
    """Remember the latest time that this transaction has used."""
    session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(last=last))


def recorded(session: Session, delivery_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which of these are recorded already: (connection, delivery id)."""
    rows = session.execute(
        select(DELIVERIES.c.conn_id, DELIVERIES.c.delivery_id).where(DELIVERIES.c.delivery_id.in_(delivery_ids))
    )
    return {(conn_id, delivery_id) for conn_id, delivery_id in rows}


def enter(session: Session, entries: Iterable[tuple[str, str]], now: datetime) -> None:
    """Record deliveries: (connection, delivery id)."""
    rows = [{"conn_id": conn_id, "delivery_id": digest, "recorded_at": now} for conn_id, digest in entries]
    if rows:
        session.execute(insert(DELIVERIES), rows)


def forget_old(session: Session, now: datetime) -> bool:
    """Delete some of what is too old to come again, if anything is: a thousand or so, so that it takes no time.

    A delivery as old as that is refused by its own ``created_at``.

    :returns: whether there may be more of it.
    """
    recorded_at = DELIVERIES.c.recorded_at
    old = select(recorded_at).where(recorded_at < now - KEPT_FOR).order_by(recorded_at)
    last = session.scalar(old.offset(_FORGOTTEN_AT_ONCE - 1).limit(1))
    session.execute(delete(DELIVERIES).where(recorded_at < now - KEPT_FOR if last is None else recorded_at <= last))
    return last is not None
