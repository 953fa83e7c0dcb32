"""What every audit of a programme has counted, as the events of its audit asset tell; what a single one has found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent, AssetModel
from sqlalchemy import Text, cast, func, select

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.ledger.audit_history import AuditRun
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError, past_audit_of
from airflow_provider_partnero.webhooks.timeline import AuditPoint, read_point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

MOST_AUDITS = 500
LARGEST_EXTRA = 131_072  # characters; an audit of ours writes some 10,000
_READ_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class RecordedPoint:
    """What one audit has counted, as its asset event tells.

    :param event_id: of the asset event.
    :param run: the task that audited; None if somebody wrote the event by hand.
    """

    event_id: int
    point: AuditPoint
    run: AuditRun | None


@dataclass(frozen=True, slots=True)
class RecordedPoints:
    """What the latest audits of a programme have counted.

    :param points: the oldest first.
    :param unreadable: how many of the latest events tell of no audit.
    :param is_more: whether there are older ones, which are left out.
    """

    points: tuple[RecordedPoint, ...]
    unreadable: int
    is_more: bool


def read_points(session: Session, conn_id: str) -> RecordedPoints:
    """The latest audits of a connection's programme: those among its asset's latest :data:`MOST_AUDITS` events."""
    of_asset = AssetEvent.asset_id.in_(_asset_ids(session, conn_id))
    newest = select(AssetEvent.id).where(of_asset).order_by(AssetEvent.timestamp.desc(), AssetEvent.id.desc())
    ids = list(session.scalars(newest.limit(MOST_AUDITS + 1)))
    shown = ids[:MOST_AUDITS]
    found = list(_points(session, shown))
    found.sort(key=lambda one: (one.point.at, one.event_id))
    return RecordedPoints(tuple(found), len(shown) - len(found), len(ids) > MOST_AUDITS)


def read_past_audit(session: Session, conn_id: str, event_id: int) -> PastAudit:
    """What one audit has found.

    :param event_id: of its asset event.
    :raises UnreadableAuditError: the event is not there, or tells of no audit of this connection.
    """
    is_it = (AssetEvent.id == event_id, AssetEvent.asset_id.in_(_asset_ids(session, conn_id)))
    text = session.scalar(select(_text()).where(*is_it))
    if text is None:
        raise UnreadableAuditError("it is not there any more")
    return past_audit_of(_parsed(text))


def _asset_ids(session: Session, conn_id: str) -> list[int]:
    """Of the programme's audit asset. Whoever renames an asset makes a second one of the same URI."""
    return list(session.scalars(select(AssetModel.id).where(AssetModel.uri == audit_asset_uri(conn_id)).limit(10)))


def _points(session: Session, event_ids: list[int]) -> Iterator[RecordedPoint]:
    source = (
        AssetEvent.source_dag_id,
        AssetEvent.source_run_id,
        AssetEvent.source_task_id,
        AssetEvent.source_map_index,
    )
    for start in range(0, len(event_ids), _READ_AT_ONCE):
        are_next = AssetEvent.id.in_(event_ids[start : start + _READ_AT_ONCE])
        rows = session.execute(
            select(AssetEvent.id, AssetEvent.timestamp, *source, _text().label("told")).where(are_next)
        )
        for event_id, timestamp, dag_id, run_id, task_id, map_index, told in rows:
            point = _point(told, timestamp)
            is_task = dag_id and run_id and task_id
            task = AuditRun(dag_id, run_id, task_id, -1 if map_index is None else map_index) if is_task else None
            if point:
                yield RecordedPoint(event_id, point, task)


def _text() -> Any:
    """The beginning of an event's extra as JSON, which anybody may have written who may create asset events."""
    return func.substr(cast(AssetEvent.extra, Text), 1, LARGEST_EXTRA + 1)


def _point(told: str, timestamp: datetime) -> AuditPoint | None:
    try:
        return read_point(_parsed(told), timestamp)
    except UnreadableAuditError:
        return None


def _parsed(text: str) -> object:
    if len(text) > LARGEST_EXTRA:
        raise UnreadableAuditError(f"it is larger than {LARGEST_EXTRA:,} characters")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableAuditError("it is damaged") from error
