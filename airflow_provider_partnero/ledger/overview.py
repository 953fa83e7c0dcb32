"""What the ledger tells at a glance: the last delivery of each event, what became of the recent ones, what waits.

Each question is a few probes of an index, however many deliveries there are, or is counted up to a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select

from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.ledger.tables import DELIVERIES, WAITING
from airflow_provider_partnero.ledger.waiting import Waiting

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_EVENTS = 100  # of one connection
MOST_COUNTED = 100_000
MOST_WAITING = 100
PERIODS: Mapping[str, timedelta] = {"24 h": timedelta(hours=24), "7 d": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class LastDelivery:
    """The last genuine delivery of one event, whatever became of it.

    :param at: when it was recorded.
    """

    conn_id: str
    event: str
    at: datetime

    def age(self, now: datetime) -> float:
        """Seconds since then; never below 0, whatever the clocks say."""
        return max(0.0, (now - self.at).total_seconds())


@dataclass(frozen=True, slots=True)
class Overview:
    """The ledger at a glance.

    :param last: by connection and event; at most :data:`MOST_EVENTS` of a connection.
    :param recent: for each of :data:`PERIODS`, how many deliveries had which outcome, counted up to
        :data:`MOST_COUNTED`.
    :param waiting: those that wait longest first, at most :data:`MOST_WAITING`.
    """

    last: tuple[LastDelivery, ...]
    recent: Mapping[str, Mapping[str, int]]
    waiting: tuple[Waiting, ...]


def read_overview(session: Session, conn_ids: Iterable[str], now: datetime) -> Overview:
    """The ledger at a glance.

    :param conn_ids: the connections that deliveries are taken for.
    :raises sqlalchemy.exc.DBAPIError: there are no tables, or the database takes longer than 5 s (PostgreSQL).
    """
    limit_statements(session)
    return Overview(last_deliveries(session, conn_ids), _count_recent(session, now), _waiting(session))


def last_deliveries(session: Session, conn_ids: Iterable[str], most: int = MOST_EVENTS) -> tuple[LastDelivery, ...]:
    """The last delivery of each event of these connections.

    :param most: of how many events of a connection, in the order of their names.
    """
    return tuple(
        LastDelivery(conn_id, event, at)
        for conn_id in sorted(conn_ids)
        for event, at in session.execute(_last_of_each_event(conn_id, most))
    )


def _last_of_each_event(conn_id: str, most: int) -> Any:
    """A skip scan: from one event's name to the next in the index, and in each to its last entry."""
    table = DELIVERIES.c
    of_connection = table.conn_id == conn_id
    first = select(func.min(table.event).label("event"), literal(1).label("number")).where(of_connection)
    names = first.cte("names", recursive=True)
    following = select(func.min(table.event)).where(of_connection, table.event > names.c.event).scalar_subquery()
    is_more = (names.c.event.is_not(None), names.c.number < most)
    names = names.union_all(select(following, names.c.number + 1).where(*is_more))
    last = select(func.max(table.recorded_at)).where(of_connection, table.event == names.c.event).scalar_subquery()
    return select(names.c.event, last).where(names.c.event.is_not(None)).order_by(names.c.event)


def _count_recent(session: Session, now: datetime) -> dict[str, dict[str, int]]:
    numbers = [
        select(func.count()).select_from(_recent(outcome, now - period).subquery()).scalar_subquery()
        for period in PERIODS.values()
        for outcome in Outcome
    ]
    counted = iter(session.execute(select(*numbers)).one())
    return {period: {outcome.value: next(counted) for outcome in Outcome} for period in PERIODS}


def _recent(outcome: Outcome, since: datetime) -> Any:
    matches = (DELIVERIES.c.outcome == outcome.value, DELIVERIES.c.recorded_at >= since)
    return select(DELIVERIES.c.outcome).where(*matches).limit(MOST_COUNTED)


def _waiting(session: Session) -> tuple[Waiting, ...]:
    rows = session.execute(select(WAITING).order_by(WAITING.c.since).limit(MOST_WAITING))
    return tuple(Waiting(*row) for row in rows)
