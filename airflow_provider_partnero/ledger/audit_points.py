"""What every audit of a programme has counted, and what a single one has found, as Airflow's database tells.

An audit that succeeded is an event of its programme's audit asset. One that failed its task leaves no event, and tells
the same in an XCom.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.xcom import XComModel
from sqlalchemy import Text, and_, cast, func, or_, select

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError, failed_audit_key, past_audit_of
from airflow_provider_partnero.webhooks.timeline import AuditPoint, read_point

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_AUDITS = 500
LARGEST_EXTRA = 131_072  # characters; an audit of ours writes some 10,000
_READ_AT_ONCE = 50
_LATEST_LOOKED_AT = 10  # so that an event of somebody else hides no audit


@dataclass(frozen=True, slots=True)
class AuditRun:
    """The task that audited.

    :param map_index: -1 unless the task is mapped.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


@dataclass(frozen=True, slots=True, order=True)
class AuditPlace:
    """Where Airflow's database tells of an audit: an asset event, or the XCom of a task that the audit has failed.

    :param event_id: of the asset event; 0 for an XCom.
    :param dag_run_id: of the failed task, in the database; 0 for an asset event.
    """

    event_id: int
    dag_run_id: int = 0
    task_id: str = ""
    map_index: int = -1

    def __str__(self) -> str:
        """As an address has it: ``12``, or ``x7.-1.audit``."""
        return str(self.event_id) if self.event_id else f"x{self.dag_run_id}.{self.map_index}.{self.task_id}"


@dataclass(frozen=True, slots=True)
class RecordedPoint:
    """What one audit has counted.

    :param run: the task that audited; None if somebody wrote the event by hand.
    """

    place: AuditPlace
    point: AuditPoint
    run: AuditRun | None

    @property
    def has_failed(self) -> bool:
        """Whether the audit failed its task."""
        return not self.place.event_id


@dataclass(frozen=True, slots=True)
class RecordedPoints:
    """What the latest audits of a programme have counted.

    :param points: the oldest first.
    :param unreadable: how many of the latest events and XComs tell of no audit.
    :param is_more: whether there are older ones, which are left out.
    """

    points: tuple[RecordedPoint, ...]
    unreadable: int
    is_more: bool


def read_points(session: Session, conn_id: str, most: int = MOST_AUDITS) -> RecordedPoints:
    """The latest audits of a connection's programme.

    :param most: how many events and XComs to look at, from 1.
    """
    newest = sorted(_places(session, conn_id, most + 1), reverse=True)
    shown = [place for _, place in newest[:most]]
    found = list(_points(session, conn_id, shown))
    found.sort(key=lambda one: (one.point.at, one.place))
    return RecordedPoints(tuple(found), len(shown) - len(found), len(newest) > most)


def latest_audit(session: Session, conn_id: str) -> tuple[RecordedPoint, PastAudit | None] | None:
    """The latest audit, and what it has found as far as that can be read; None if none is known."""
    points = read_points(session, conn_id, _LATEST_LOOKED_AT).points
    if not points:
        return None
    try:
        return points[-1], read_past_audit(session, conn_id, points[-1].place)
    except UnreadableAuditError:
        return points[-1], None


def read_past_audit(session: Session, conn_id: str, place: AuditPlace) -> PastAudit:
    """What one audit has found.

    :raises UnreadableAuditError: it is not there, or tells of no audit of this connection.
    """
    rows = list(_told(session, conn_id, [place]))
    if not rows:
        raise UnreadableAuditError("it is not there any more")
    return past_audit_of(_parsed(rows[0].told))


def _asset_ids(session: Session, conn_id: str) -> list[int]:
    """Of the programme's audit asset. Whoever renames an asset makes a second one of the same URI."""
    return list(session.scalars(select(AssetModel.id).where(AssetModel.uri == audit_asset_uri(conn_id)).limit(10)))


def _places(session: Session, conn_id: str, most: int) -> Iterator[tuple[datetime, AuditPlace]]:
    """The latest of each kind, with the moments at which Airflow recorded them."""
    event, xcom = AssetEvent, XComModel
    of_asset = event.asset_id.in_(_asset_ids(session, conn_id))
    events = select(event.timestamp, event.id).where(of_asset).order_by(event.timestamp.desc(), event.id.desc())
    for at, event_id in session.execute(events.limit(most)):
        yield at, AuditPlace(event_id)
    columns = (xcom.timestamp, xcom.dag_run_id, xcom.task_id, xcom.map_index)
    xcoms = select(*columns).where(xcom.key == failed_audit_key(conn_id)).order_by(xcom.timestamp.desc())
    for at, dag_run_id, task_id, map_index in session.execute(xcoms.limit(most)):
        yield at, AuditPlace(0, dag_run_id, task_id, map_index)


@dataclass(frozen=True, slots=True)
class _Row:
    """What is told of one audit, as JSON text, of which the beginning is enough to see that it is too long."""

    place: AuditPlace
    at: datetime
    run: AuditRun | None
    told: str


def _points(session: Session, conn_id: str, places: Sequence[AuditPlace]) -> Iterator[RecordedPoint]:
    for start in range(0, len(places), _READ_AT_ONCE):
        for row in _told(session, conn_id, places[start : start + _READ_AT_ONCE]):
            point = _point(row)
            if point:
                yield RecordedPoint(row.place, point, row.run)


def _told(session: Session, conn_id: str, places: Iterable[AuditPlace]) -> Iterator[_Row]:
    events = [place.event_id for place in places if place.event_id]
    if events:
        yield from _in_events(session, conn_id, events)
    xcoms = [place for place in places if not place.event_id]
    if xcoms:
        yield from _in_xcoms(session, conn_id, xcoms)


def _in_events(session: Session, conn_id: str, event_ids: list[int]) -> Iterator[_Row]:
    event = AssetEvent
    source = (event.source_dag_id, event.source_run_id, event.source_task_id, event.source_map_index)
    are_they = (event.id.in_(event_ids), event.asset_id.in_(_asset_ids(session, conn_id)))
    rows = session.execute(select(event.id, event.timestamp, _start_of(event.extra), *source).where(*are_they))
    for event_id, at, told, dag_id, run_id, task_id, map_index in rows:
        is_task = dag_id and run_id and task_id
        run = AuditRun(dag_id, run_id, task_id, -1 if map_index is None else map_index) if is_task else None
        yield _Row(AuditPlace(event_id), at, run, told)


def _in_xcoms(session: Session, conn_id: str, places: list[AuditPlace]) -> Iterator[_Row]:
    xcom = XComModel
    columns = (xcom.dag_run_id, xcom.task_id, xcom.map_index, xcom.dag_id, xcom.run_id, xcom.timestamp)
    is_one = or_(
        *(
            and_(
                xcom.dag_run_id == place.dag_run_id,
                xcom.task_id == place.task_id,
                xcom.map_index == place.map_index,
            )
            for place in places
        )
    )
    are_they = (xcom.key == failed_audit_key(conn_id), is_one)
    rows = session.execute(select(*columns, _start_of(xcom.value)).where(*are_they))
    for dag_run_id, task_id, map_index, dag_id, run_id, at, told in rows:
        run = AuditRun(dag_id, run_id, task_id, map_index)
        yield _Row(AuditPlace(0, dag_run_id, task_id, map_index), at, run, told)


def _start_of(column: Any) -> Any:
    """The beginning of a column as JSON, which anybody may have written who may create events or XComs."""
    return func.substr(cast(column, Text), 1, LARGEST_EXTRA + 1)


def _point(row: _Row) -> AuditPoint | None:
    try:
        return read_point(_parsed(row.told), row.at)
    except UnreadableAuditError:
        return None


def _parsed(text: str) -> object:
    if len(text) > LARGEST_EXTRA:
        raise UnreadableAuditError(f"it is larger than {LARGEST_EXTRA:,} characters")
    try:
        plain: object = json.loads(text)
        return json.loads(plain) if isinstance(plain, str) else plain  # as XComs are before Airflow 3.1
    except (ValueError, RecursionError) as error:
        raise UnreadableAuditError("it is damaged") from error
