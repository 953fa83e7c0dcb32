"""Asset events, written as Airflow's own API server does, and the runs that they start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.assets.manager import AssetManager, asset_manager
from airflow.listeners.listener import get_listener_manager
from airflow.models.asset import (
    AssetDagRunQueue,
    AssetEvent,
    AssetModel,
    DagScheduleAssetNameReference,
    DagScheduleAssetReference,
    DagScheduleAssetUriReference,
)
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunType
from sqlalchemy import bindparam, case, false, or_, select, update

from airflow_provider_partnero.airflow_compat import partitioned_schedule_column, server_stats

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql import Select

_KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"  # what Airflow's partition mappers read unless told otherwise
_COLUMNS = frozenset(AssetEvent.__table__.columns.keys()) - {"id", "extra", "timestamp"}


@dataclass(frozen=True, slots=True)
class Listeners:
    """The DAGs that are scheduled on an asset, alone or among others.

    True when an event of the asset starts any.

    :param plain: those that an event starts.
    :param partitioned: those that it starts and that have a partitioned schedule, from Airflow 3.2.
    :param paused: those that it would start if they were not paused.
    """

    plain: frozenset[str]
    partitioned: frozenset[str]
    paused: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.plain or self.partitioned)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the events of one kind go: to an asset, and from it to the DAGs that they start."""

    asset: AssetModel
    listeners: Listeners


def find_route(session: Session, uri: str) -> Route | None:
    """The route of an asset's events; None when no DAG has declared the asset."""
    asset = _find_asset(session, uri)
    return Route(asset, _find_listeners(session, asset)) if asset else None


def _find_asset(session: Session, uri: str) -> AssetModel | None:
    """The asset, best the one in use now."""
    asset: AssetModel | None = session.scalars(_asset_of_uri(), {"uri": uri}).first()
    return asset


def _find_listeners(session: Session, asset: AssetModel) -> Listeners:
    rows = session.execute(_listeners(), {"id": asset.id, "name": asset.name, "uri": asset.uri}).all()
    awake = [(dag_id, partitioned) for dag_id, partitioned, is_paused in rows if not is_paused]
    return Listeners(
        plain=frozenset(dag_id for dag_id, partitioned in awake if not partitioned),
        partitioned=frozenset(dag_id for dag_id, partitioned in awake if partitioned),
        paused=frozenset(dag_id for dag_id, _, is_paused in rows if is_paused),
    )


# Each transaction asks these two, and to build them takes longer than to run them.
@cache
def _asset_of_uri() -> Select[Any]:
    of_uri = select(AssetModel).where(AssetModel.uri == bindparam("uri"))
    return of_uri.order_by(AssetModel.active.has().desc(), AssetModel.id).limit(1)


@cache
def _listeners() -> Select[Any]:
    references = (
        (DagScheduleAssetReference, DagScheduleAssetReference.asset_id == bindparam("id")),
        (DagScheduleAssetNameReference, DagScheduleAssetNameReference.name == bindparam("name")),
        (DagScheduleAssetUriReference, DagScheduleAssetUriReference.uri == bindparam("uri")),
    )
    is_listening = or_(*(DagModel.dag_id.in_(select(table.dag_id).where(matches)) for table, matches in references))
    column = partitioned_schedule_column()
    is_partitioned = false() if column is None else column
    columns = (DagModel.dag_id, is_partitioned, DagModel.is_paused)
    return select(*columns).where(is_listening, DagModel.is_stale.is_(False))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An asset event to be written.

    :param extra: what it holds, as plain JSON.
    :param at: its time; grows from one event to the next.
    :param happened: when it happened at Partnero.
    """

    extra: dict[str, Any]
    at: datetime
    happened: datetime


def register_all(session: Session, route: Route, events: Sequence[NewEvent]) -> list[int]:
    """Write asset events of one asset, and queue the runs they start.

    Airflow registers the first one. The others are rows like it, written at once, unless something looks at each event
    by itself: a DAG with a partitioned schedule, a listener, or an asset manager that is not Airflow's own.

    ``happened`` is the partition key, to the second and in UTC, if a DAG with a partitioned schedule listens: without a
    key such a DAG does not start, with one a plain DAG does not.

    :param events: oldest first.
    :returns: the ids of the asset events, in the order of ``events``.
    :raises LookupError: the asset was deleted meanwhile.
    """
    one_by_one = len(events) if _is_each_looked_at(route) else 1
    written = [_register(session, route, event) for event in events[:one_by_one]]
    if others := events[one_by_one:]:
        alike = [_like(written[0], event) for event in others]
        session.add_all(alike)
        server_stats().incr("asset.updates", len(alike))
        written += alike
    session.flush()
    return [event.id for event in written]


def _is_each_looked_at(route: Route) -> bool:
    """Whether Airflow's own function has to see each event, since it does more than to write a row."""
    hooks = vars(get_listener_manager().hook).items()
    has_listener = any(name.startswith("on_asset") and hook.get_hookimpls() for name, hook in hooks)
    return has_listener or bool(route.listeners.partitioned) or type(asset_manager) is not AssetManager


def _register(session: Session, route: Route, event: NewEvent) -> AssetEvent:
    asset = route.asset
    key: dict[str, Any] = {"partition_key": partition_key(event.happened)} if route.listeners.partitioned else {}
    written = asset_manager.register_asset_change(asset=asset, extra=event.extra, session=session, **key)
    if written is None:
        raise LookupError(f"Airflow does not find the asset {asset.uri!r} any more")
    written.timestamp = event.at
    return written


def _like(written: AssetEvent, event: NewEvent) -> AssetEvent:
    """One more event of the same asset, which differs in its extra and its time."""
    same = {name: getattr(written, name) for name in _COLUMNS}
    return AssetEvent(**same, extra=event.extra, timestamp=event.at)


def partition_key(happened: datetime) -> str:
    """The key of the partition that an event belongs to."""
    return happened.strftime(_KEY_FORMAT)


def queue_runs(session: Session, asset: AssetModel, dag_ids: Iterable[str], at: datetime) -> None:
    """Queue a run of each plain DAG that takes the asset's events up to a point in time.

    If a run is queued already, Airflow does not change it: it takes the events up to its own time only, and those
    after it would wait for the next delivery.
    """
    rows = [{"asset_id": asset.id, "target_dag_id": dag_id, "created_at": at} for dag_id in sorted(dag_ids)]
    if not rows:
        return
    session.flush()
    dialect = session.get_bind().dialect.name
    if dialect == "mysql":
        from sqlalchemy.dialects import mysql

        put = mysql.insert(AssetDagRunQueue)
        session.execute(put.on_duplicate_key_update(created_at=_later(put.inserted.created_at)), rows)
        return
    from sqlalchemy.dialects import postgresql, sqlite

    upsert = (postgresql if dialect == "postgresql" else sqlite).insert(AssetDagRunQueue)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[AssetDagRunQueue.asset_id, AssetDagRunQueue.target_dag_id],
            set_={"created_at": _later(upsert.excluded.created_at)},
        ),
        rows,
    )


def has_run(session: Session, asset: AssetModel, dag_id: str, at: datetime) -> bool:
    """Whether a run of a plain DAG is queued or made that takes the asset's events up to a point in time.

    When the scheduler of Airflow 3.0 and 3.1 makes a run, it deletes everything that is queued for the DAG, including
    what it has not read yet: such an event would wait for the next delivery.
    """
    waiting = (
        AssetDagRunQueue.asset_id == asset.id,
        AssetDagRunQueue.target_dag_id == dag_id,
        AssetDagRunQueue.created_at >= at,
    )
    # An update, because it waits for a scheduler that is about to delete the row.
    session.execute(update(AssetDagRunQueue).where(*waiting).values(target_dag_id=dag_id))
    if session.scalar(select(AssetDagRunQueue.target_dag_id).where(*waiting)):
        return True
    made = select(DagRun.id).where(
        DagRun.dag_id == dag_id, DagRun.run_type == DagRunType.ASSET_TRIGGERED, DagRun.run_after >= at
    )
    return session.scalar(made.limit(1)) is not None


def _later(new: Any) -> Any:
    old = AssetDagRunQueue.created_at
    return case((old > new, old), else_=new)
