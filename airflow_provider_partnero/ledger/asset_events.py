"""Asset events, written as Airflow's own API server does, and the runs that they start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
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
from sqlalchemy import bindparam, case, false, select, update

from airflow_provider_partnero.airflow_compat import partitioned_schedule_column, server_stats

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql import Select

_KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"  # what Airflow's partition mappers read unless told otherwise
_COLUMNS = frozenset(AssetEvent.__table__.columns.keys()) - {"id", "asset_id", "extra", "timestamp"}


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
    return find_routes(session, [uri]).get(uri)


def find_routes(session: Session, uris: Collection[str]) -> dict[str, Route]:
    """The routes of many assets' events by URI, in a few statements; without those that no DAG has declared."""
    assets: dict[str, AssetModel] = {}
    for asset in session.scalars(_assets_of_uris(), {"uris": list(uris)}):
        assets.setdefault(asset.uri, asset)  # best the one in use now
    listeners = _find_listeners(session, list(assets.values())) if assets else {}
    return {uri: Route(asset, listeners[asset.id]) for uri, asset in assets.items()}


def _find_listeners(session: Session, assets: Sequence[AssetModel]) -> dict[int, Listeners]:
    """Those of each asset, by its id."""
    found: dict[int, set[tuple[str, bool, bool]]] = {asset.id: set() for asset in assets}
    for attribute, referring in _REFERENCES.items():
        ids: defaultdict[Any, list[int]] = defaultdict(list)
        for asset in assets:
            ids[getattr(asset, attribute)].append(asset.id)
        for referred, dag_id, is_partitioned, is_paused in session.execute(_listening(referring), {"those": list(ids)}):
            for asset_id in ids[referred]:
                found[asset_id].add((dag_id, is_partitioned, is_paused))
    return {asset_id: _listeners(rows) for asset_id, rows in found.items()}


def _listeners(rows: Iterable[tuple[str, bool, bool]]) -> Listeners:
    awake = [(dag_id, is_partitioned) for dag_id, is_partitioned, is_paused in rows if not is_paused]
    return Listeners(
        plain=frozenset(dag_id for dag_id, is_partitioned in awake if not is_partitioned),
        partitioned=frozenset(dag_id for dag_id, is_partitioned in awake if is_partitioned),
        paused=frozenset(dag_id for dag_id, _, is_paused in rows if is_paused),
    )


# By the asset's attribute that they name.
_REFERENCES = {
    "id": DagScheduleAssetReference.asset_id,
    "name": DagScheduleAssetNameReference.name,
    "uri": DagScheduleAssetUriReference.uri,
}


# Each transaction asks these, and to build them takes longer than to run them.
@cache
def _assets_of_uris() -> Select[Any]:
    of_uris = select(AssetModel).where(AssetModel.uri.in_(bindparam("uris", expanding=True)))
    return of_uris.order_by(AssetModel.active.has().desc(), AssetModel.id)


@cache
def _listening(referring: Any) -> Select[Any]:
    column = partitioned_schedule_column()
    is_partitioned = false() if column is None else column
    rows = select(referring, DagModel.dag_id, is_partitioned, DagModel.is_paused)
    joined = rows.select_from(referring.class_).join(DagModel, DagModel.dag_id == referring.class_.dag_id)
    return joined.where(referring.in_(bindparam("those", expanding=True)), DagModel.is_stale.is_(False))


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


def register_all(session: Session, groups: Sequence[tuple[Route, Sequence[NewEvent]]]) -> list[list[int]]:
    """Write asset events, and queue the runs they start.

    Airflow registers the first one. The others are rows like it, written at once, unless something looks at each event
    by itself: a DAG with a partitioned schedule, a listener, or an asset manager that is not Airflow's own. The runs of
    these others have to be queued by :func:`queue_runs`.

    ``happened`` is the partition key, to the second and in UTC, if a DAG with a partitioned schedule listens: without a
    key such a DAG does not start, with one a plain DAG does not.

    :param groups: the events of each route, oldest first.
    :returns: the ids of the asset events, in the order of ``groups``.
    :raises LookupError: the asset was deleted meanwhile.
    """
    first: AssetEvent | None = None
    alike: list[AssetEvent] = []
    written: list[list[AssetEvent]] = []
    for route, events in groups:
        if _is_each_looked_at(route):
            written.append([_register(session, route, event) for event in events])
            continue
        of_route: list[AssetEvent] = []
        for event in events:
            if first is None:
                first = _register(session, route, event)
                of_route.append(first)
            else:
                of_route.append(_like(first, route, event))
                alike.append(of_route[-1])
        written.append(of_route)
    if alike:
        session.add_all(alike)
        server_stats().incr("asset.updates", len(alike))
    session.flush()
    return [[event.id for event in events] for events in written]


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


def _like(written: AssetEvent, route: Route, event: NewEvent) -> AssetEvent:
    """One more event, which differs in its asset, its extra and its time."""
    same = {name: getattr(written, name) for name in _COLUMNS}
    return AssetEvent(**same, asset_id=route.asset.id, extra=event.extra, timestamp=event.at)


def partition_key(happened: datetime) -> str:
    """The key of the partition that an event belongs to."""
    return happened.strftime(_KEY_FORMAT)


def queue_runs(session: Session, asset: AssetModel, dag_ids: Iterable[str], at: datetime) -> None:
    """Queue a run of each plain DAG that takes the asset's events up to a point in time.

    If a run is queued already, Airflow does not change it: it takes the events up to its own time only, and those
    after it would wait for the next delivery.
    """
    queue_all_runs(session, [(asset, dag_ids, at)])


def queue_all_runs(session: Session, wanted: Iterable[tuple[AssetModel, Iterable[str], datetime]]) -> None:
    """:func:`queue_runs` for many assets, in one statement."""
    rows = [
        {"asset_id": asset.id, "target_dag_id": dag_id, "created_at": at}
        for asset, dag_ids, at in wanted
        for dag_id in sorted(dag_ids)
    ]
    if not rows:
        return
    rows.sort(key=itemgetter("asset_id"))  # servers and schedulers that lock several do so in one order
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
