"""One transaction that records deliveries: an asset event and an entry in the ledger for each, or neither."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from airflow.utils.session import create_session
from sqlalchemy import text

from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNROUTED, Answer
from airflow_provider_partnero.plugin.receiver.recording import ledger
from airflow_provider_partnero.plugin.receiver.recording.asset_events import (
    Listeners,
    find_asset,
    find_listeners,
    is_seen_to,
    queue,
    register,
)

if TYPE_CHECKING:
    from airflow.models.asset import AssetModel
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.plugin.receiver.recording.batch_queue import Job

log = logging.getLogger(__name__)

_FORGET_EVERY = 3_600.0  # seconds
_LIMITS = text(  # of this transaction, in milliseconds; a server that hangs in its turn does not hold up the others
    "SELECT set_config('statement_timeout', '1500', true),"
    " set_config('idle_in_transaction_session_timeout', '5000', true)"
)
_LOOK_AGAIN_AFTER = 10.0  # seconds; the scheduler's transactions are shorter


class Recording:
    """Writes jobs; the thread of the batch queue alone calls it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._has_tables = False
        self._forgets_from = -math.inf
        self._latest: dict[str, tuple[datetime, float]] = {}

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        """Record in one transaction what is new.

        :raises Exception: nothing was recorded.
        """
        if not jobs:
            return []
        try:
            with create_session() as session:
                self._prepare(session)
                latest, answers = _recorded(session, jobs)
        except Exception:
            self._has_tables = False  # somebody may have dropped them: look again
            raise
        self._latest |= {uri: (at, self._clock()) for uri, at in latest.items()}
        return answers

    def look_after(self) -> None:
        """What is not urgent; see :meth:`look_again` and :meth:`forget_old`."""
        self.look_again()
        self.forget_old()

    def look_again(self) -> None:
        """See to it that the events of some seconds ago start their runs; see :func:`is_seen_to`."""
        due = {uri: at for uri, (at, noted) in self._latest.items() if self._clock() - noted >= _LOOK_AGAIN_AFTER}
        for uri, at in due.items():
            del self._latest[uri]
            try:
                with create_session() as session:
                    _queue_again(session, uri, at)
            except Exception as error:  # noqa: BLE001 - the next delivery starts the run
                log.warning("Whether %s has started its runs cannot be seen: %s", uri, type(error).__name__)

    def forget_old(self) -> None:
        """Delete once an hour, in small portions, what the ledger need not remember any more."""
        if not self._has_tables or self._clock() < self._forgets_from:
            return
        is_more = False
        try:
            with create_session() as session:
                self._prepare(session)
                is_more = ledger.forget_old(session, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            log.warning("Old entries of %s cannot be deleted: %s", ledger.DELIVERIES.name, type(error).__name__)
        if not is_more:
            self._forgets_from = self._clock() + _FORGET_EVERY

    def _prepare(self, session: Session) -> None:
        if not self._has_tables:
            ledger.create_tables(cast("Engine", session.get_bind()))
            self._has_tables = True
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_LIMITS)


def _queue_again(session: Session, uri: str, at: datetime) -> None:
    asset = find_asset(session, uri)
    if asset is None:
        return
    plain = find_listeners(session, asset).plain
    unseen = frozenset(dag_id for dag_id in plain if not is_seen_to(session, asset, dag_id, at))
    queue(session, asset, Listeners(plain=unseen, partitioned=frozenset()), at)


def _recorded(session: Session, jobs: Sequence[Job]) -> tuple[dict[str, datetime], list[Answer]]:
    """The time of the latest event of each asset, and an answer for each job."""
    now = ledger.turn(session)
    seen = ledger.recorded(session, {job.delivery.delivery_id for job in jobs})
    known = set(seen)
    routes: dict[str, tuple[AssetModel, Listeners] | None] = {}
    latest: dict[str, datetime] = {}
    answers = []
    for job in jobs:
        entry = (job.conn_id, job.delivery.delivery_id)
        if job.asset_uri not in routes:
            asset = find_asset(session, job.asset_uri)
            routes[job.asset_uri] = (asset, find_listeners(session, asset)) if asset else None
        route = routes[job.asset_uri]
        if entry in known:
            answers.append(DUPLICATE)
        elif route is None:
            answers.append(UNROUTED)
        else:
            now += ledger.TICK
            if job.asset_uri not in latest:
                queue(session, *route, now)  # before Airflow does, by this server's clock
            latest[job.asset_uri] = now
            register(
                session,
                route[0],
                job.delivery.to_extra(job.store),
                at=now,
                happened=job.delivery.moment() or now,
                listeners=route[1],
            )
            known.add(entry)
            answers.append(ACCEPTED if route[1] else UNROUTED)
    ledger.enter(session, known - seen, now)
    for uri, at in latest.items():
        if route := routes[uri]:
            queue(session, *route, at)
    ledger.end_turn(session, now)
    return latest, answers
