"""Deliveries that are sent again: asset events with what the ledger keeps of them, marked as replays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, or_, select, update

from airflow_provider_partnero.airflow_compat import server_stats
from airflow_provider_partnero.ledger.asset_events import NewEvent
from airflow_provider_partnero.ledger.keeping import UnreadableError, unpack
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

    from airflow_provider_partnero.ledger.emission import Emission

MARK = "replay"  # in the extra of an asset event: the number of the replay


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that may be sent again, as it was found before this server's turn.

    :param replays: how often it was sent again.
    :param extra: what is kept of it; None: nothing.
    :param obstacle: why what is kept cannot be read; empty if it can.
    """

    conn_id: str
    delivery_id: str
    event: str
    created_at: datetime | None
    recorded_at: datetime
    outcome: str | None
    replays: int
    extra: dict[str, Any] | None = field(repr=False)
    obstacle: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What names its entry."""
        return self.conn_id, self.delivery_id


class Resending(StrEnum):
    """What became of the wish to send a delivery again."""

    SENT = "sent"
    UNHEARD = "no DAG that is not paused listens"
    NOTHING_KEPT = "nothing of it is kept"
    UNREADABLE = "what is kept of it cannot be read"
    CHANGED = "it was sent again or forgotten meanwhile"
    HELD = "a DAG has it already"
    GONE = "the ledger does not have it any more"


def find_candidates(session: Session, conditions: Sequence[ColumnElement[bool]], at_once: int) -> list[Candidate]:
    """A portion of the deliveries that meet some conditions, the oldest first, with what is kept of them."""
    table = DELIVERIES.c
    columns = (table.conn_id, table.delivery_id, table.event, table.created_at, table.recorded_at, table.outcome)
    rows = session.execute(
        select(*columns, table.replays, table.kept)
        .where(*conditions)
        .order_by(table.recorded_at, table.delivery_id)
        .limit(at_once)
    )
    return [_candidate(row) for row in rows]


def _candidate(row: Any) -> Candidate:
    extra, obstacle = None, ""
    try:
        extra = unpack(bytes(row.kept)) if row.kept else None
    except UnreadableError as error:
        obstacle = str(error)
    return Candidate(
        conn_id=row.conn_id,
        delivery_id=row.delivery_id,
        event=row.event or "",
        created_at=row.created_at,
        recorded_at=row.recorded_at,
        outcome=row.outcome,
        replays=row.replays or 0,
        extra=extra,
        obstacle=obstacle,
    )


def send_again(emission: Emission, candidates: Sequence[Candidate]) -> dict[tuple[str, str], Resending]:
    """Send deliveries again, in this server's turn; what became of each, by its key.

    One that was sent again or forgotten since it was found is left alone: nothing is ever sent twice for one wish.

    :param candidates: the oldest first.
    """
    now = _counters(emission.session, candidates)
    results: dict[tuple[str, str], Resending] = {}
    sent: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        results[candidate.key] = _decide(emission, candidate, now)
        if results[candidate.key] is Resending.SENT:
            sent[candidate.conn_id, candidate.event].append(candidate)
    for (conn_id, event), group in sent.items():
        _send_group(emission, conn_id, event, group)
    return results


def _counters(session: Session, candidates: Sequence[Candidate]) -> dict[tuple[str, str], tuple[str | None, int]]:
    table = DELIVERIES.c
    by_connection: dict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        by_connection[candidate.conn_id].append(candidate.delivery_id)
    are_asked_for = [
        and_(table.conn_id == conn_id, table.delivery_id.in_(ids)) for conn_id, ids in by_connection.items()
    ]
    if not are_asked_for:
        return {}
    rows = session.execute(
        select(table.conn_id, table.delivery_id, table.outcome, table.replays).where(or_(*are_asked_for))
    )
    return {(conn_id, digest): (outcome, replays or 0) for conn_id, digest, outcome, replays in rows}


def _decide(emission: Emission, candidate: Candidate, now: dict[tuple[str, str], tuple[str | None, int]]) -> Resending:
    if now.get(candidate.key) != (candidate.outcome, candidate.replays) or candidate.outcome == Outcome.FORGOTTEN:
        return Resending.CHANGED
    if candidate.obstacle:
        return Resending.UNREADABLE
    if candidate.extra is None:
        return Resending.NOTHING_KEPT
    if emission.outcome(candidate.conn_id, candidate.event) is not Outcome.ACCEPTED:
        return Resending.UNHEARD
    return Resending.SENT


def _send_group(emission: Emission, conn_id: str, event: str, group: Sequence[Candidate]) -> None:
    events = []
    for candidate in group:
        at = emission.tick()
        extra = {**(candidate.extra or {}), MARK: candidate.replays + 1}
        events.append(NewEvent(extra, at, candidate.created_at or at))
    ids = emission.emit(conn_id, event, events)
    server_stats().incr("partnero.receiver.replayed", len(events))
    is_it = and_(DELIVERIES.c.conn_id == conn_id, DELIVERIES.c.delivery_id == bindparam("its_id"))
    emission.session.execute(
        update(DELIVERIES).where(is_it).values(outcome=str(Outcome.ACCEPTED)),
        [
            {"its_id": candidate.delivery_id, "asset_event_id": event_id, "replays": candidate.replays + 1}
            for candidate, event_id in zip(group, ids, strict=True)
        ],
    )
