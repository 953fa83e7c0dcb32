"""Deliveries become asset events, in one transaction in which it is this server's turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.assets import event_asset_uri
from airflow_provider_partnero.ledger.asset_events import NewEvent, Route, find_route, queue_runs, register_all
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.turn import TICK, end_turn, take_turn, utc_now
from airflow_provider_partnero.ledger.waiting import NOBODY, remember

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Emission:
    """Begins by waiting for its turn among all API servers; see :func:`~.turn.take_turn`.

    :param wall_clock: the time in UTC, for a database without a clock of its own.
    """

    def __init__(self, session: Session, wall_clock: Callable[[], datetime] = utc_now) -> None:
        self.session = session
        self._now = take_turn(session, wall_clock)
        self._routes: dict[str, Route | None] = {}
        self._latest: dict[str, datetime] = {}

    def tick(self) -> datetime:
        """The time of the next event: later than all before it, of all servers."""
        self._now += TICK
        return self._now

    def route(self, uri: str) -> Route | None:
        """Where an asset's events go; looked up once."""
        if uri not in self._routes:
            self._routes[uri] = find_route(self.session, uri)
        return self._routes[uri]

    def outcome(self, conn_id: str, event: str) -> Outcome:
        """What becomes of a delivery of an event now."""
        route = self.route(event_asset_uri(event, conn_id))
        if route is None or not (route.listeners or route.listeners.paused):
            return Outcome.UNROUTED
        return Outcome.ACCEPTED if route.listeners else Outcome.PAUSED

    def emit(self, conn_id: str, event: str, events: Sequence[NewEvent]) -> list[int | None]:
        """Write asset events, queue the runs they start, and remember the DAGs that are paused.

        Where no DAG listens, nothing is written, so that the asset event of a later replay is the only one.

        :param events: of one event of Partnero; the times of :meth:`tick`, oldest first.
        :returns: the ids of the asset events; None for each where no DAG listens.
        """
        uri = event_asset_uri(event, conn_id)
        route, first, last = self.route(uri), events[0].at, events[-1].at
        if route is None or self.outcome(conn_id, event) is Outcome.UNROUTED:
            remember(self.session, conn_id, event, [NOBODY], first, last)
            return [None] * len(events)
        queue_runs(
            self.session, route.asset, route.listeners.plain, last
        )  # before Airflow does, by this server's clock
        ids = register_all(self.session, route, events)
        remember(self.session, conn_id, event, route.listeners.paused, first, last)
        self._latest[uri] = last
        return list(ids)

    def latest(self) -> dict[str, datetime]:
        """The time of the last event of each asset, by its URI."""
        return dict(self._latest)

    def end(self) -> None:
        """Remember the latest time, at the end of the transaction."""
        end_turn(self.session, self._now)
