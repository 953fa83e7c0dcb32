"""Deliveries that somebody chose from a list are sent again, as they were when the list was made."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.ledger.emission import Emission
from airflow_provider_partnero.ledger.listing import is_sendable
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.ledger.replay import Candidate, Resending, find_candidates, send_again
from airflow_provider_partnero.ledger.resumption import resume_waiting
from airflow_provider_partnero.ledger.tables import DELIVERIES
from airflow_provider_partnero.ledger.turn import utc_now

MOST_CHOSEN = 50  # in one transaction; meanwhile the receiver's senders wait
_RESUMED_AT_ONCE = 50
_LETS_SENDERS_IN = 0.05  # seconds between two transactions
_TEXT = re.compile(r"([0-9a-f]{1,64})\.(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChosenDelivery:
    """A delivery as somebody has seen it. The same wish is never granted twice, since the number grows.

    :param replays: how often it had been sent again then.
    """

    delivery_id: str
    replays: int

    def __str__(self) -> str:
        return f"{self.delivery_id}.{self.replays}"

    @classmethod
    def from_text(cls, text: str) -> ChosenDelivery:
        """The delivery that a text names.

        :raises ValueError: it names none.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"delivery={short_repr(text)}: must be an id, a dot, and how often it was replayed")
        return cls(found[1], int(found[2]))


def send_chosen(
    conn_id: str,
    chosen: Sequence[ChosenDelivery],
    *,
    is_held_sent: bool = False,
    wall_clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[ChosenDelivery, Resending]:
    """Send deliveries of one connection again; what became of each.

    First, what waits for DAGs that were unpaused is handed to them, so that they do not get it twice.

    :param chosen: at most :data:`MOST_CHOSEN`.
    :param is_held_sent: whether those are sent, too, that a DAG has, and whose runs have not failed.
    :param wall_clock: the time in UTC, for a database without a clock of its own.
    :param sleep: lets the receiver's senders in between two transactions.
    :raises ValueError: more are chosen.
    """
    if len(chosen) > MOST_CHOSEN:
        raise ValueError(f"{len(chosen)} deliveries are chosen: at most {MOST_CHOSEN} are sent again at once")
    for _ in resume_waiting(limit_statements, wall_clock, _RESUMED_AT_ONCE, is_unrouted_sent=False):
        sleep(_LETS_SENDERS_IN)
    candidates, unused = _find(conn_id, [one.delivery_id for one in chosen])
    results = {one: _refuse(one, candidates.get(one.delivery_id), unused, is_held_sent) for one in chosen}
    wanted = {one.delivery_id for one, refused in results.items() if refused is None}
    if wanted:
        with create_session() as session:
            limit_statements(session)
            emission = Emission(session, wall_clock)
            sent = send_again(emission, [one for one in candidates.values() if one.delivery_id in wanted])
            emission.end()
    return {one: refused or sent[conn_id, one.delivery_id] for one, refused in results.items()}


def _find(conn_id: str, ids: Sequence[str]) -> tuple[dict[str, Candidate], set[str]]:
    """The deliveries with what is kept of them, the oldest first, and the ids of those that no DAG has made use of."""
    table = DELIVERIES.c
    are_chosen = (table.conn_id == conn_id, table.delivery_id.in_(ids))
    with create_session() as session:
        limit_statements(session)
        candidates = find_candidates(session, are_chosen, MOST_CHOSEN)
        unused = set(session.scalars(select(table.delivery_id).where(*are_chosen, is_sendable())))
    return {one.delivery_id: one for one in candidates}, unused


def _refuse(
    chosen: ChosenDelivery, candidate: Candidate | None, unused: set[str], is_held_sent: bool
) -> Resending | None:
    """Why a delivery is not sent again; None if nothing speaks against it so far."""
    if candidate is None:
        return Resending.GONE
    if candidate.replays != chosen.replays:
        return Resending.CHANGED
    if chosen.delivery_id not in unused and not is_held_sent and candidate.extra is not None:
        return Resending.HELD
    return None
