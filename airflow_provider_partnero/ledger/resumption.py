"""Deliveries that waited for a DAG reach it when it is unpaused, or scheduled for the first time.

A paused DAG: the asset event is there, so only its run is queued, up to the last event. A DAG with a partitioned
schedule takes events one by one, so each that it has missed is queued for it, as Airflow would have. No other DAG is
told again.

An event that nobody had scheduled: asset events are written now, marked as replays. Airflow 3.3 gives a DAG only the
events since it was first scheduled, so earlier ones would be seen by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from airflow.models.asset import AssetEvent
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import select, update

from airflow_provider_partnero.airflow_compat import events_queued_by_partition, queue_by_partition
from airflow_provider_partnero.ledger.asset_events import Route, find_route, has_run, partition_key, queue_runs
from airflow_provider_partnero.ledger.emission import Emission
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.replay import Candidate, find_candidates, send_again
from airflow_provider_partnero.ledger.tables import DELIVERIES
from airflow_provider_partnero.ledger.turn import TICK
from airflow_provider_partnero.ledger.waiting import NOBODY, Waiting, find_again, find_waiting, narrow, settle
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement


def resume_waiting(
    prepare: Callable[[Session], object],
    wall_clock: Callable[[], datetime],
    at_once: int,
    *,
    is_unrouted_sent: bool = True,
) -> Iterator[dict[str, datetime]]:
    """Let everything that waits reach its DAG, if that is there: a transaction for each portion.

    :param prepare: is given each session first.
    :param wall_clock: the time in UTC, for a database without a clock of its own.
    :param at_once: how many deliveries a portion holds at most.
    :param is_unrouted_sent: whether what no DAG had listened to is sent, too; else only paused DAGs are seen to.
    :returns: after each portion, the time of the last event that it wrote to each asset, by its URI.
    """
    with create_session() as session:
        prepare(session)
        waiting = [one for one in find_waiting(session) if is_unrouted_sent or one.dag_id != NOBODY]
    for one in waiting:
        is_more = True
        while is_more:
            with create_session() as session:
                prepare(session)
                now = find_again(session, one)
                if now is None or not _may_go(session, now):
                    break
                portion = _read_portion(session, now, at_once)
            with create_session() as session:
                prepare(session)
                emission = Emission(session, wall_clock)
                is_more = _resume(emission, one, portion, at_once)
                emission.end()
            yield emission.latest()


def _may_go(session: Session, waiting: Waiting) -> bool:
    """Whether a DAG is there for what waits: a look before the turn, which holds up nobody."""
    if waiting.dag_id != NOBODY:
        return True
    route = find_route(session, waiting.uri)
    return route is not None and bool(route.listeners)


def _read_portion(session: Session, waiting: Waiting, at_once: int) -> list[Candidate]:
    """The first deliveries that wait for any DAG at all, with what is kept of them.

    Deciphering takes time, so it is done before the turn. Empty for what waits for a certain DAG.
    """
    if waiting.dag_id != NOBODY:
        return []
    return find_candidates(session, _unrouted(waiting, waiting.since), at_once)


def _resume(emission: Emission, waiting: Waiting, portion: list[Candidate], at_once: int) -> bool:
    """Let a portion of what waits reach its DAG, in this server's turn.

    :param portion: what :func:`_read_portion` has read.
    :param at_once: how many deliveries at most.
    :returns: whether there may be more to do now.
    """
    now = find_again(emission.session, waiting)
    if now is None:
        return False
    if now.dag_id == NOBODY:
        return _send_unrouted(emission, now, portion)
    route = emission.route(now.uri)
    if route is not None and now.dag_id in route.listeners.paused:
        return False  # paused again
    if route is not None and now.dag_id in route.listeners.plain:
        is_more = _start(emission.session, route, now, at_once)
    elif route is not None and now.dag_id in route.listeners.partitioned:
        is_more = _start_by_partition(emission.session, route, now, at_once)
    else:
        is_more = False  # it does not listen any more
    if not is_more:
        settle(emission.session, now)
    return is_more


def _send_unrouted(emission: Emission, waiting: Waiting, portion: list[Candidate]) -> bool:
    if emission.outcome(waiting.conn_id, waiting.event) is not Outcome.ACCEPTED:
        return False
    since = waiting.since
    if portion:
        send_again(emission, portion)
        since = max(since, portion[-1].recorded_at + TICK)  # one that cannot be read is passed over
    recorded_at = DELIVERIES.c.recorded_at
    left = select(recorded_at).where(*_unrouted(waiting, since)).order_by(recorded_at)
    first = emission.session.scalar(left.limit(1))
    if first is None:
        settle(emission.session, waiting)
        return False
    narrow(emission.session, waiting, first)
    return True


def _unrouted(waiting: Waiting, since: datetime) -> list[ColumnElement[bool]]:
    return [
        DELIVERIES.c.conn_id == waiting.conn_id,
        DELIVERIES.c.event == waiting.event,
        DELIVERIES.c.recorded_at >= since,
        DELIVERIES.c.outcome == str(Outcome.UNROUTED),
        DELIVERIES.c.kept.is_not(None),
    ]


def _start(session: Session, route: Route, waiting: Waiting, at_once: int) -> bool:
    """Queue the DAG's run, and note of a portion of deliveries that a DAG has them now; whether there may be more."""
    if not has_run(session, route.asset, waiting.dag_id, waiting.at):
        queue_runs(session, route.asset, [waiting.dag_id], waiting.at)
    paused = (
        select(AssetEvent.id)
        .join(DELIVERIES, AssetEvent.id == DELIVERIES.c.asset_event_id)
        .where(*_missed(route, waiting), *_paused(waiting))
    )
    ids = session.scalars(paused.limit(at_once)).all()
    _accept(session, waiting, ids)
    return len(ids) == at_once


def _start_by_partition(session: Session, route: Route, waiting: Waiting, at_once: int) -> bool:
    """Queue a portion of the events that a DAG with a partitioned schedule has missed; whether there may be more."""
    dag = session.get_one(DagModel, waiting.dag_id)
    missed = select(AssetEvent).where(
        *_missed(route, waiting), AssetEvent.id.not_in(events_queued_by_partition(waiting.dag_id))
    )
    events = session.scalars(missed.order_by(AssetEvent.timestamp).limit(at_once)).all()
    for event in events:
        queue_by_partition(session, dag, event, partition_key(_happened(event)))
    _accept(session, waiting, [event.id for event in events])
    if len(events) < at_once:
        return False
    narrow(session, waiting, events[-1].timestamp + TICK)  # one without a partition is passed over
    return True


def _happened(event: AssetEvent) -> datetime:
    try:
        moment = PartneroDelivery.from_extra(event.extra).moment()
    except ValueError:  # somebody else's event
        moment = None
    return moment or event.timestamp


def _accept(session: Session, waiting: Waiting, event_ids: Collection[int]) -> None:
    if event_ids:
        are_told = DELIVERIES.c.asset_event_id.in_(event_ids)
        session.execute(update(DELIVERIES).where(*_paused(waiting), are_told).values(outcome=str(Outcome.ACCEPTED)))


def _missed(route: Route, waiting: Waiting) -> list[ColumnElement[bool]]:
    return [
        AssetEvent.asset_id == route.asset.id,
        AssetEvent.timestamp >= waiting.since,
        AssetEvent.timestamp <= waiting.at,
    ]


def _paused(waiting: Waiting) -> list[ColumnElement[bool]]:
    return [
        DELIVERIES.c.conn_id == waiting.conn_id,
        DELIVERIES.c.event == waiting.event,
        DELIVERIES.c.outcome == str(Outcome.PAUSED),
    ]
