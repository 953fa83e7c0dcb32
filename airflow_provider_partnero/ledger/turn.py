"""One API server records at a time, and the times of what they record grow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column, select, text, update

from airflow_provider_partnero.ledger.tables import CLOCK

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TICK = timedelta(microseconds=1)
_MOST_AHEAD = timedelta(minutes=1)
_WAITS_IN_MYSQL = 2  # seconds; its default is 50, and a sender waits for 3
_CLOCKS = {"postgresql": "clock_timestamp()", "mysql": "utc_timestamp(6)"}


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
    _lock(session)
    clock: Any = literal_column(_CLOCKS.get(session.get_bind().dialect.name, "NULL"))
    row = session.execute(select(CLOCK.c.last, clock).where(CLOCK.c.id == 1)).first()
    if row is None:
        raise LookupError(f"table {CLOCK.name} is empty")
    last, now = row[0], wall_clock() if row[1] is None else _as_utc(row[1])
    return max(now, last + TICK) if last - now < _MOST_AHEAD else now


def _lock(session: Session) -> None:
    is_mysql = session.get_bind().dialect.name == "mysql"
    if is_mysql:
        session.execute(text(f"SET SESSION innodb_lock_wait_timeout = {_WAITS_IN_MYSQL}"))
    try:
        # Locks the row; in SQLite, the database.
        session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(id=1))
    finally:
        if is_mysql:  # who gets the connection next waits as long as it is used to
            session.execute(text("SET SESSION innodb_lock_wait_timeout = DEFAULT"))


def _as_utc(now: datetime) -> datetime:
    return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)


def end_turn(session: Session, last: datetime) -> None:
    """Remember the latest time that this transaction has used."""
    session.execute(update(CLOCK).where(CLOCK.c.id == 1).values(last=last))
