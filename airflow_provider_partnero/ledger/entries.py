"""Entries of the ledger: one for each delivery to a connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, insert, or_, select, update

from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.tables import DELIVERIES, WAITING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

KEPT_FOR = timedelta(days=91)  # a day longer than a delivery is let in, whatever the clocks say
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)  # what MySQL can store


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A delivery to be recorded.

    :param recorded_at: grows from one entry to the next.
    :param created_at: when it happened at Partnero; None: not known, or no year of ours.
    :param asset_event_id: the asset event that it became; None: none.
    :param kept: what :func:`~.keeping.pack` made of it.
    """

    delivery_id: str
    conn_id: str
    recorded_at: datetime
    event: str
    webhook_key: str
    created_at: datetime | None
    outcome: Outcome
    asset_event_id: int | None
    kept: bytes


_COLUMNS = tuple(field.name for field in fields(NewEntry))


def find_entries(session: Session, delivery_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which of these deliveries are recorded already: (connection, delivery id)."""
    rows = session.execute(
        select(DELIVERIES.c.conn_id, DELIVERIES.c.delivery_id).where(DELIVERIES.c.delivery_id.in_(delivery_ids))
    )
    return {(conn_id, delivery_id) for conn_id, delivery_id in rows}


def recorded_after(recorded_at: datetime, delivery_id: str) -> ColumnElement[bool]:
    """Whether an entry comes after another one, in the order in which they were recorded.

    The first half alone says where an index is to be entered: without it each portion reads all those before it.
    """
    of_all = DELIVERIES.c
    is_later = and_(of_all.recorded_at == recorded_at, of_all.delivery_id > delivery_id)
    return and_(of_all.recorded_at >= recorded_at, or_(of_all.recorded_at > recorded_at, is_later))


def add_entries(session: Session, entries: Iterable[NewEntry]) -> None:
    """Record deliveries."""
    rows = [_row(entry) for entry in entries]
    if rows:
        session.execute(insert(DELIVERIES), rows)


def _row(entry: NewEntry) -> dict[str, Any]:
    # Other servers wait meanwhile, and asdict() would copy each value.
    return {name: getattr(entry, name) for name in _COLUMNS} | {"outcome": str(entry.outcome)}


def storable_time(moment: datetime | None) -> datetime | None:
    """The time, if every database can store it."""
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None


def delete_old(session: Session, now: datetime, kept_for: timedelta, at_once: int) -> bool:
    """Delete a portion of the entries that are old enough.

    A delivery older than :data:`KEPT_FOR` is refused by its own ``created_at``, so its entry is not needed.

    :param kept_for: how long an entry is kept; at least :data:`KEPT_FOR`.
    :param at_once: about how many are deleted; few enough that no sender waits long.
    :returns: whether there may be more.
    """
    recorded_at = DELIVERIES.c.recorded_at
    oldest_kept = now - kept_for
    last = _end_of_portion(session, _EARLIEST, oldest_kept, at_once)
    session.execute(delete(DELIVERIES).where(recorded_at < oldest_kept if last is None else recorded_at <= last))
    session.execute(delete(WAITING).where(WAITING.c.at < oldest_kept))
    return last is not None


def empty_old(session: Session, since: datetime, until: datetime, at_once: int) -> datetime:
    """Delete what is kept of a portion of the entries of some days ago; the entries stay.

    :param since: where the portion before it has ended.
    :param until: what was recorded from then on is left alone.
    :returns: where the portion has ended; ``until`` when there are no more.
    """
    recorded_at = DELIVERIES.c.recorded_at
    last = _end_of_portion(session, since, until, at_once)
    is_in_it = recorded_at < until if last is None else recorded_at <= last
    session.execute(
        update(DELIVERIES).where(recorded_at > since, is_in_it, DELIVERIES.c.kept.is_not(None)).values(kept=None)
    )
    return until if last is None else last


def _end_of_portion(session: Session, since: datetime, until: datetime, at_once: int) -> datetime | None:
    recorded_at = DELIVERIES.c.recorded_at
    in_order = select(recorded_at).where(recorded_at > since, recorded_at < until).order_by(recorded_at)
    last: datetime | None = session.scalar(in_order.offset(at_once - 1).limit(1))
    return last
