"""Entries of the ledger: one for each delivery to a connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from airflow_provider_partnero.ledger.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

KEPT_FOR = timedelta(days=91)  # a day longer than a delivery is let in, whatever the clocks say


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
