"""The audits of a programme, as Airflow's database remembers them: the events of its audit asset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.asset import AssetEvent, AssetModel
from sqlalchemy import Text, cast, func, select

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError
from airflow_provider_partnero.webhooks.rules.declared import undeclared

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_LARGEST_EXTRA = 262_144  # characters; an audit's takes a tenth of it at most
_MOST_NUMBER = 1_000_000_000


@dataclass(frozen=True, slots=True)
class AuditRun:
    """The task that audited.

    :param map_index: -1 unless the task is mapped.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int


@dataclass(frozen=True, slots=True)
class RecordedAudit:
    """An audit that did not fail its task.

    :param event_id: of its asset event.
    :param past: what it found.
    :param counts: ``{"webhooks", "active", "inactive", "errors", "warnings"}``; without what is not told.
    :param run: None if the event tells no task, as one that was created by hand.
    """

    event_id: int
    past: PastAudit
    counts: Mapping[str, int]
    run: AuditRun | None

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.past.at

    @property
    def undeclared(self) -> frozenset[str] | None:
        """Keys of the webhooks that it found undeclared; None if it compared with no declaration, or tells not all."""
        if undeclared.id not in self.past.rules or self.past.left_out:
            return None
        return frozenset(known.key for known in self.past.findings if known.rule == undeclared.id and known.key)


def recorded_audits(session: Session, conn_id: str, most: int) -> list[RecordedAudit]:
    """The latest audits of a connection's programme, the newest first.

    Whoever may create asset events may write anything into them: what is no audit is left out.

    :param most: how many events to look at, from 1.
    """
    event = AssetEvent
    query = (
        select(
            event.id,
            event.extra,
            event.source_dag_id,
            event.source_run_id,
            event.source_task_id,
            event.source_map_index,
        )
        .join(AssetModel, AssetModel.id == event.asset_id)
        .where(AssetModel.uri == audit_asset_uri(conn_id))
        .where(func.length(cast(event.extra, Text)) <= _LARGEST_EXTRA)
        .order_by(event.timestamp.desc(), event.id.desc())
        .limit(most)
    )
    audits = filter(None, map(_recorded, session.execute(query)))
    return sorted(audits, key=lambda audit: (audit.at, audit.event_id), reverse=True)


def _recorded(row: Any) -> RecordedAudit | None:
    extra = row.extra
    try:
        past = PastAudit.from_dict(_told(extra["for_next_audit"]))
        counts = dict(_counts(_told(extra.get("counts", {}))))
    except (UnreadableAuditError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    run = None
    if row.source_dag_id and row.source_run_id and row.source_task_id:
        index = -1 if row.source_map_index is None else row.source_map_index
        run = AuditRun(row.source_dag_id, row.source_run_id, row.source_task_id, index)
    return RecordedAudit(row.id, past, counts, run)


def _told(value: Any) -> Any:
    """What a field says; through an alias of Airflow 3.0 it is a text."""
    return json.loads(value) if isinstance(value, str) else value


def _counts(counts: Any) -> Iterator[tuple[str, int]]:
    for name in ("webhooks", "active", "inactive", "errors", "warnings"):
        number = counts.get(name)
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MOST_NUMBER:
            yield name, number
