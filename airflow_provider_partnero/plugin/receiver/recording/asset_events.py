"""Asset events, written as Airflow's own API server does; what differs between Airflow 3.0 and 3.3 is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.assets.manager import asset_manager
from airflow.models.asset import (
    AssetDagRunQueue,
    AssetModel,
    DagScheduleAssetNameReference,
    DagScheduleAssetReference,
    DagScheduleAssetUriReference,
)
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunType
from sqlalchemy import case, or_, select, update

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"  # what Airflow's partition mappers read unless told otherwise


@dataclass(frozen=True, slots=True)
class Listeners:
    """The DAGs that an event of an asset starts: unpaused, and scheduled on it alone or among others."""

    plain: frozenset[str]
    partitioned: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.plain or self.partitioned)


def find_asset(session: Session, uri: str) -> AssetModel | None:
    """The asset that some DAG has declared, best the one in use now."""
    query = select(AssetModel).where(AssetModel.uri == uri).order_by(AssetModel.active.has().desc(), AssetModel.id)
    return session.scalars(query.limit(1)).first()


def find_listeners(session: Session, asset: AssetModel) -> Listeners:
    """The DAGs that an event of this asset starts."""
    references = (
        (DagScheduleAssetReference, DagScheduleAssetReference.asset_id == asset.id),
        (DagScheduleAssetNameReference, DagScheduleAssetNameReference.name == asset.name),
        (DagScheduleAssetUriReference, DagScheduleAssetUriReference.uri == asset.uri),
    )
    is_listening = or_(*(DagModel.dag_id.in_(select(table.dag_id).where(matches)) for table, matches in references))
    is_partitioned = getattr(DagModel, "timetable_partitioned", None)  # from 3.2
    columns = [DagModel.dag_id] if is_partitioned is None else [DagModel.dag_id, is_partitioned]
    rows = session.execute(
        select(*columns).where(is_listening, DagModel.is_paused.is_(False), DagModel.is_stale.is_(False))
    ).all()
    return Listeners(
        plain=frozenset(row[0] for row in rows if len(row) == 1 or not row[1]),
        partitioned=frozenset(row[0] for row in rows if len(row) == 2 and row[1]),
    )


def register(
    session: Session,
    asset: AssetModel,
    extra: dict[str, Any],
    *,
    at: datetime,
    happened: datetime,
    listeners: Listeners,
) -> None:
    """Write one asset event and queue the runs it starts.

    :param at: the event's time; grows from one event to the next.
    :param happened: when it happened at Partnero. It is the partition key, to the second and in UTC, if a DAG with a
        partitioned schedule listens: without a key such a DAG does not start, with one a plain DAG does not.
    """
    key: dict[str, Any] = {"partition_key": happened.strftime(_KEY_FORMAT)} if listeners.partitioned else {}
    event = asset_manager.register_asset_change(asset=asset, extra=extra, session=session, **key)
    if event is None:
        raise LookupError(f"Airflow does not find the asset {asset.uri!r} any more")
    event.timestamp = at


def queue(session: Session, asset: AssetModel, listeners: Listeners, at: datetime) -> None:
    """Queue a run of each plain DAG that takes the events up to a point in time.

    Airflow leaves a run that is queued already as it is, which takes the events up to its own time only: those after
    it would wait for the next delivery.
    """
    rows = [{"asset_id": asset.id, "target_dag_id": dag_id, "created_at": at} for dag_id in sorted(listeners.plain)]
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


def is_seen_to(session: Session, asset: AssetModel, dag_id: str, at: datetime) -> bool:
    """Whether a plain DAG's run is queued, or has been made, that takes the asset's events up to a point in time.

    The scheduler of Airflow 3.0 and 3.1 deletes all that is queued for a DAG when it makes a run, also what was queued
    since it looked: such an event would wait for the next delivery.
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
