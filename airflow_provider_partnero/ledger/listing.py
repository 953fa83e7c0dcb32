"""What the ledger knows about deliveries: found by what they are, and with the runs that took them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent, association_table
from airflow.models.dagrun import DagRun
from sqlalchemy import and_, exists, func, or_, select

from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

FAILED = "failed"  # an outcome that Airflow knows, not the ledger
_TABLE = DELIVERIES.c


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant: those that meet everything that is given.

    :param ids: the whole ids of deliveries.
    :param outcomes: of :class:`~.outcomes.Outcome`, or :data:`FAILED`: any of them.
    :param since: recorded then or later.
    :param until: recorded before.
    """

    ids: tuple[str, ...] = ()
    event: str | None = None
    conn_id: str | None = None
    webhook_key: str | None = None
    outcomes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        found: list[ColumnElement[bool]] = []
        if self.ids:
            found.append(_TABLE.delivery_id.in_(self.ids))
        pairs = ((_TABLE.event, self.event), (_TABLE.conn_id, self.conn_id), (_TABLE.webhook_key, self.webhook_key))
        found += [column == value for column, value in pairs if value is not None]
        if self.outcomes:
            found.append(or_(*map(_has_outcome, self.outcomes)))
        if self.since is not None:
            found.append(_TABLE.recorded_at >= self.since)
        if self.until is not None:
            found.append(_TABLE.recorded_at < self.until)
        return found


def _has_outcome(outcome: str) -> ColumnElement[bool]:
    if outcome == FAILED:
        return is_failed()
    if outcome == Outcome.ACCEPTED:
        return or_(_TABLE.outcome == outcome, _TABLE.outcome.is_(None))  # the first edition's
    return _TABLE.outcome == outcome


def is_failed() -> ColumnElement[bool]:
    """Whether a run that took the delivery has failed."""
    taken = association_table.c
    return exists(
        select(taken.event_id)
        .join(DagRun, DagRun.id == taken.dag_run_id)
        .where(taken.event_id == _TABLE.asset_event_id, DagRun.state == FAILED)
    )


def is_sendable() -> ColumnElement[bool]:
    """Whether no DAG has made use of the delivery: none has it, or a run that took it has failed."""
    return or_(_TABLE.outcome.in_([str(Outcome.UNROUTED), str(Outcome.PAUSED)]), is_failed())


@dataclass(frozen=True, slots=True)
class RunOfDelivery:
    """A run that took a delivery."""

    dag_id: str
    run_id: str
    state: str


@dataclass(frozen=True, slots=True)
class RecordedDelivery:
    """An entry of the ledger, without what is kept of the delivery.

    :param event: empty in an entry of the first edition, and in one that was forgotten.
    :param recorded_outcome: as the ledger has it; see :attr:`outcome`.
    :param is_kept: whether it can be sent again.
    :param runs: those that took its asset event.
    :param has_event: whether Airflow has its asset event still.
    """

    delivery_id: str
    conn_id: str
    event: str
    webhook_key: str
    recorded_at: datetime
    created_at: datetime | None
    recorded_outcome: str
    asset_event_id: int | None
    replays: int
    is_kept: bool
    runs: tuple[RunOfDelivery, ...] = ()
    has_event: bool = False

    @property
    def outcome(self) -> str:
        """What became of it: one of :class:`~.outcomes.Outcome`, or :data:`FAILED` when a run of it has."""
        return FAILED if any(run.state == FAILED for run in self.runs) else self.recorded_outcome


def find_deliveries(session: Session, wanted: DeliveryFilter, most: int) -> tuple[list[RecordedDelivery], int]:
    """The latest deliveries, newest first, and how many there are in all.

    :param most: how many to return.
    """
    conditions = wanted.conditions()
    found = read_deliveries(session, conditions, most)
    total = session.scalar(select(func.count()).select_from(DELIVERIES).where(*conditions)) or 0
    return found, total


def read_deliveries(session: Session, conditions: Sequence[ColumnElement[bool]], most: int) -> list[RecordedDelivery]:
    """The latest deliveries that meet some conditions, newest first, with the runs that took them.

    :param most: how many to return.
    """
    columns = [column for column in DELIVERIES.columns if column is not _TABLE.kept]
    newest = select(*columns, _TABLE.kept.is_not(None).label("is_kept")).where(*conditions)
    rows = session.execute(newest.order_by(_TABLE.recorded_at.desc(), _TABLE.delivery_id.desc()).limit(most)).all()
    event_ids = {row.asset_event_id for row in rows if row.asset_event_id is not None}
    runs, alive = find_runs(session, event_ids), _existing(session, event_ids)
    return [_delivery(row, runs.get(row.asset_event_id, ()), row.asset_event_id in alive) for row in rows]


def _delivery(row: Any, runs: tuple[RunOfDelivery, ...], has_event: bool) -> RecordedDelivery:
    return RecordedDelivery(
        delivery_id=row.delivery_id,
        conn_id=row.conn_id,
        event=row.event or "",
        webhook_key=row.webhook_key or "",
        recorded_at=row.recorded_at,
        created_at=row.created_at,
        recorded_outcome=row.outcome or str(Outcome.ACCEPTED),
        asset_event_id=row.asset_event_id,
        replays=row.replays or 0,
        is_kept=bool(row.is_kept),
        runs=runs,
        has_event=has_event,
    )


def find_runs(session: Session, event_ids: Collection[int]) -> dict[int | None, tuple[RunOfDelivery, ...]]:
    """The runs that took asset events, by the event's id."""
    if not event_ids:
        return {}
    taken = association_table.c
    rows = session.execute(
        select(taken.event_id, DagRun.dag_id, DagRun.run_id, DagRun.state)
        .join(DagRun, DagRun.id == taken.dag_run_id)
        .where(taken.event_id.in_(event_ids))
        .order_by(DagRun.id)
    )
    found: dict[int | None, list[RunOfDelivery]] = defaultdict(list)
    for event_id, dag_id, run_id, state in rows:
        found[event_id].append(RunOfDelivery(dag_id, run_id, str(state)))
    return {event_id: tuple(runs) for event_id, runs in found.items()}


def _existing(session: Session, event_ids: Collection[int]) -> set[int]:
    return set(session.scalars(select(AssetEvent.id).where(AssetEvent.id.in_(event_ids)))) if event_ids else set()


def resolve_ids(session: Session, prefixes: Collection[str], conn_id: str | None) -> tuple[str, ...]:
    """The whole ids of deliveries, of which the beginnings are given.

    :param conn_id: only those to this connection.
    :raises ValueError: there is none that begins so, or more than one.
    """
    return tuple(_resolve(session, prefix, conn_id) for prefix in prefixes)


def _resolve(session: Session, prefix: str, conn_id: str | None) -> str:
    begins = and_(_TABLE.delivery_id >= prefix, _TABLE.delivery_id <= prefix + "g")  # hex digits end with f
    is_there = begins if conn_id is None else and_(begins, _TABLE.conn_id == conn_id)
    found = session.scalars(select(_TABLE.delivery_id).where(is_there).distinct().limit(2)).all()
    if not found:
        where = "" if conn_id is None else f" to the connection {conn_id!r}"
        raise ValueError(f"{prefix}: the ledger has no delivery{where} whose id begins so")
    if len(found) > 1:
        raise ValueError(f"{prefix}: the ids of several deliveries begin so; give more of it")
    return str(found[0])


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of an event there are with one outcome."""

    conn_id: str
    event: str
    outcome: str
    number: int


def count_deliveries(session: Session, conditions: list[ColumnElement[bool]]) -> list[Tally]:
    """How many deliveries meet some conditions, by connection, event and the ledger's outcome."""
    groups = (_TABLE.conn_id, _TABLE.event, _TABLE.outcome)
    rows = session.execute(
        select(*groups, func.count()).select_from(DELIVERIES).where(*conditions).group_by(*groups).order_by(*groups)
    )
    return [
        Tally(conn_id, event or "", outcome or str(Outcome.ACCEPTED), number)
        for conn_id, event, outcome, number in rows
    ]
