"""One transaction that records deliveries: an asset event and an entry in the ledger for each, or neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.ledger import entries as ledger
from airflow_provider_partnero.ledger import turn
from airflow_provider_partnero.ledger.asset_events import NewEvent, Route, find_route, queue_runs, register_all
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNROUTED, Answer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.plugin.receiver.recording.job import Job


class Transaction:
    """Begins by waiting for its turn among all API servers; see :func:`~.turn.take_turn`.

    :param wall_clock: the time in UTC, for a database without a clock of its own.
    """

    def __init__(self, session: Session, wall_clock: Callable[[], datetime] = turn.utc_now) -> None:
        self._session = session
        self._now = turn.take_turn(session, wall_clock)
        self._routes: dict[str, Route | None] = {}
        self._latest: dict[str, datetime] = {}

    def record(self, jobs: Sequence[Job]) -> list[Answer]:
        """Record what is new; an answer for each job."""
        before = ledger.find_entries(self._session, {job.delivery.delivery_id for job in jobs})
        entries = set(before)
        answers = [self._record(job, entries) for job in jobs]
        ledger.add_entries(self._session, entries - before, self._now)
        for uri, at in self._latest.items():
            self._queue_runs(self._routes[uri], at)
        turn.end_turn(self._session, self._now)
        return answers

    def latest(self) -> dict[str, datetime]:
        """The time of the last event of each asset, by its URI."""
        return dict(self._latest)

    def _record(self, job: Job, entries: set[tuple[str, str]]) -> Answer:
        entry = (job.conn_id, job.delivery.delivery_id)
        if entry in entries:
            return DUPLICATE
        route = self._route(job.asset_uri)
        if route is None:
            return UNROUTED
        entries.add(entry)
        self._emit(job, route)
        return ACCEPTED if route.listeners else UNROUTED

    def _route(self, uri: str) -> Route | None:
        if uri not in self._routes:
            self._routes[uri] = find_route(self._session, uri)
        return self._routes[uri]

    def _emit(self, job: Job, route: Route) -> None:
        self._now += turn.TICK
        if job.asset_uri not in self._latest:
            self._queue_runs(route, self._now)  # before Airflow does, by this server's clock
        self._latest[job.asset_uri] = self._now
        happened = job.delivery.moment() or self._now
        register_all(self._session, route, [NewEvent(job.delivery.to_extra(job.store), self._now, happened)])

    def _queue_runs(self, route: Route | None, at: datetime) -> None:
        if route:
            queue_runs(self._session, route.asset, route.listeners.plain, at)
