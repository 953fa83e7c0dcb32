"""Deliveries become asset events, in one transaction in which it is this server's turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.assets import event_asset_uri
from airflow_provider_partnero.ledger.asset_events import (
    NewEvent,
    Route,
    find_routes,
    queue_all_runs,
    register_all,
)
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.turn import TICK, end_turn, take_turn, utc_now
from airflow_provider_partnero.ledger.waiting import NOBODY, remember

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


Subject = tuple[str, str]
"""A connection, and an event of Partnero."""


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
        self._look_up([uri])
        return self._routes[uri]

    def look_up(self, subjects: Iterable[Subject]) -> None:
        """Look up at once where the events of many subjects go, and not one by one when somebody asks."""
        self._look_up([event_asset_uri(event, conn_id) for conn_id, event in subjects])

    def _look_up(self, uris: Sequence[str]) -> None:
        if missing := [uri for uri in uris if uri not in self._routes]:
            self._routes |= dict.fromkeys(missing) | find_routes(self.session, missing)

    def outcome(self, conn_id: str, event: str) -> Outcome:
        """What becomes of a delivery of an event now."""
        route = self.route(event_asset_uri(event, conn_id))
        if route is None or not (route.listeners or route.listeners.paused):
            return Outcome.UNROUTED
        return Outcome.ACCEPTED if route.listeners else Outcome.PAUSED

    def emit(self, conn_id: str, event: str, events: Sequence[NewEvent]) -> list[int | None]:
        """:meth:`emit_all` for one subject."""
        [ids] = self.emit_all({(conn_id, event): events})
        return ids

    def emit_all(self, groups: Mapping[Subject, Sequence[NewEvent]]) -> list[list[int | None]]:
        """Write asset events, queue the runs they start, and remember the DAGs that are paused.

        Where no DAG listens, nothing is written, so that the asset event of a later replay is the only one.

        :param groups: the events of each subject; the times of :meth:`tick`, oldest first.
        :returns: the ids of the asset events, in the order of ``groups``; None for each where no DAG listens.
        """
        self.look_up(groups)
        routes = {subject: self._heard_route(subject) for subject in groups}
        heard = [(route, groups[subject]) for subject, route in routes.items() if route]
        # Before Airflow does, by this server's clock.
        queue_all_runs(self.session, [(route.asset, route.listeners.plain, events[-1].at) for route, events in heard])
        written = iter(register_all(self.session, heard))
        ids: list[list[int | None]] = []
        for (conn_id, event), events in groups.items():
            route = routes[conn_id, event]
            first, last = events[0].at, events[-1].at
            missing = route.listeners.paused if route else [NOBODY]
            remember(self.session, conn_id, event, missing, first, last)
            if route:
                self._latest[route.asset.uri] = last
            ids.append([*next(written)] if route else [None] * len(events))
        return ids

    def _heard_route(self, subject: Subject) -> Route | None:
        """The route of a subject that a DAG listens to, paused or not."""
        conn_id, event = subject
        if self.outcome(conn_id, event) is Outcome.UNROUTED:
            return None
        return self.route(event_asset_uri(event, conn_id))

    def latest(self) -> dict[str, datetime]:
        """The time of the last event of each asset, by its URI."""
        return dict(self._latest)

    def end(self) -> None:
        """Remember the latest time, at the end of the transaction."""
        end_turn(self.session, self._now)
