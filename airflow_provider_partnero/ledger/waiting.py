"""Which DAGs are to be told of deliveries later: those that were paused, and those that nobody has scheduled yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airflow.models.dag import DagModel
from sqlalchemy import and_, delete, insert, select, update

from airflow_provider_partnero.assets import event_asset_uri
from airflow_provider_partnero.ledger.tables import WAITING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

NOBODY = ""  # no DAG listened


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deliveries of one event that wait for one DAG.

    :param dag_id: the DAG that is paused, or :data:`NOBODY`.
    :param since: the time of the first of them.
    :param at: the time of the last of them.
    """

    conn_id: str
    event: str
    dag_id: str
    since: datetime
    at: datetime

    @property
    def uri(self) -> str:
        """The asset that stands for the event."""
        return event_asset_uri(self.event, self.conn_id)


def remember(session: Session, conn_id: str, event: str, dag_ids: Iterable[str], since: datetime, at: datetime) -> None:
    """Remember that deliveries wait for some DAGs; only the server whose turn it is may call this.

    :param since: the time of the first delivery.
    :param at: the time of the last.
    """
    missing = set(dag_ids)
    if not missing:
        return
    ours = and_(WAITING.c.conn_id == conn_id, WAITING.c.event == event, WAITING.c.dag_id.in_(missing))
    known = set(session.scalars(select(WAITING.c.dag_id).where(ours)))
    if known:
        session.execute(update(WAITING).where(ours).values(at=at))
    rows = [
        {"conn_id": conn_id, "event": event, "dag_id": dag_id, "since": since, "at": at}
        for dag_id in sorted(missing - known)
    ]
    if rows:
        session.execute(insert(WAITING), rows)


def find_waiting(session: Session) -> list[Waiting]:
    """What waits for a DAG that is not paused any more, or for any at all; the longest waiting first.

    There are at most as many as events of Partnero, times the DAGs that listen to each.
    """
    rows = [Waiting(*row) for row in session.execute(select(WAITING).order_by(WAITING.c.since))]
    dag_ids = {row.dag_id for row in rows} - {NOBODY}
    is_awake = and_(DagModel.dag_id.in_(dag_ids), DagModel.is_paused.is_(False), DagModel.is_stale.is_(False))
    awake = set(session.scalars(select(DagModel.dag_id).where(is_awake))) if dag_ids else set()
    return [row for row in rows if row.dag_id == NOBODY or row.dag_id in awake]


def find_again(session: Session, waiting: Waiting) -> Waiting | None:
    """The same as it is now; None when somebody else has seen to it."""
    row = session.execute(select(WAITING).where(_is(waiting))).first()
    return Waiting(*row) if row else None


def narrow(session: Session, waiting: Waiting, since: datetime) -> None:
    """Note that what came before a time waits no more."""
    session.execute(update(WAITING).where(_is(waiting)).values(since=since))


def settle(session: Session, waiting: Waiting) -> None:
    """Note that nothing waits any more."""
    session.execute(delete(WAITING).where(_is(waiting)))


def _is(waiting: Waiting) -> ColumnElement[bool]:
    return and_(
        WAITING.c.conn_id == waiting.conn_id, WAITING.c.event == waiting.event, WAITING.c.dag_id == waiting.dag_id
    )
