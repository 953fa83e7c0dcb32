"""The view History: the audits over time, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.plugin.page.line_plot import NARROW, WIDE, LinePlot, build_plot
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules import RULES_BY_ID

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.audit_points import RecordedPoint, RecordedPoints
    from airflow_provider_partnero.webhooks.history import KnownFinding
    from airflow_provider_partnero.webhooks.timeline import ChangesBetween

MOST_ROWS = 30  # unless all are asked for
_MOST_FINDINGS = 100  # of each kind


@dataclass(frozen=True, slots=True)
class TwoAudits:
    """Which audits are compared."""

    earlier: RecordedPoint
    later: RecordedPoint


def chosen_audits(points: Sequence[RecordedPoint], earlier: str, later: str) -> TwoAudits | None:
    """The two audits to compare, in the order of their times; None if there are not two.

    :param points: the oldest first.
    :param earlier: where an audit is told of, as the query has it; empty: the audit before the later one.
    :param later: likewise; empty: the latest audit.
    :raises ValueError: there is no such audit.
    """
    if len(points) < 2:
        return None
    by_id = {str(one.place): number for number, one in enumerate(points)}
    for name, text in (("earlier", earlier), ("later", later)):
        if text and text not in by_id:
            raise ValueError(f"{name}={short_repr(text)}: is none of the audits that are listed")
    last = by_id[later] if later else len(points) - 1
    first = by_id[earlier] if earlier else max(last - 1, 0)
    return TwoAudits(points[min(first, last)], points[max(first, last)])


@dataclass(frozen=True, slots=True)
class ChangedFinding:
    """A finding that is new or gone.

    :param key: of the webhook, for a link; empty if there is none, or it is not known whole.
    """

    severity: Severity | None
    rule: str
    title: str
    name: str
    key: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ComparedAudits:
    """What changed between two audits.

    :param new: the first of those that are new.
    :param gone: the first of those that are gone.
    """

    headline: str
    new: tuple[ChangedFinding, ...]
    more_new: int
    gone: tuple[ChangedFinding, ...]
    more_gone: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditTimeline:
    """The view.

    :param rows: the latest audits, the newest first.
    :param left_out: how many further ones there are to be listed.
    :param plots: the same drawing for a wide and for a narrow window; empty without an audit.
    :param unreadable: how many events of the audit asset tell of no audit.
    :param is_more: whether there are older audits that are not looked at.
    :param chosen: None if there are not two audits.
    :param compared: None if there are not two audits, or one of them cannot be read.
    """

    rows: tuple[RecordedPoint, ...]
    left_out: int
    plots: tuple[LinePlot, ...]
    unreadable: int
    is_more: bool
    chosen: TwoAudits | None
    compared: ComparedAudits | None


def build_audit_timeline(
    recorded: RecordedPoints, chosen: TwoAudits | None, changes: ChangesBetween | None, *, shows_all: bool
) -> AuditTimeline:
    """What the view says.

    :param changes: between the chosen ones; None if they cannot be read.
    :param shows_all: whether to list all audits.
    """
    newest = tuple(reversed(recorded.points))
    rows = newest if shows_all else newest[:MOST_ROWS]
    points = [one.point for one in recorded.points]
    return AuditTimeline(
        rows=rows,
        left_out=len(newest) - len(rows),
        plots=tuple(build_plot(points, width) for width in (WIDE, NARROW)) if points else (),
        unreadable=recorded.unreadable,
        is_more=recorded.is_more,
        chosen=chosen,
        compared=_compared(changes) if changes else None,
    )


def _compared(changes: ChangesBetween) -> ComparedAudits:
    return ComparedAudits(
        headline=changes.headline,
        new=tuple(map(_finding, changes.new[:_MOST_FINDINGS])),
        more_new=max(0, len(changes.new) - _MOST_FINDINGS),
        gone=tuple(map(_finding, changes.gone[:_MOST_FINDINGS])),
        more_gone=max(0, len(changes.gone) - _MOST_FINDINGS),
        notes=changes.notes,
    )


def _finding(known: KnownFinding) -> ChangedFinding:
    rule = RULES_BY_ID.get(known.rule)
    is_key_whole = known.key is not None and "…" not in known.key and "<U+" not in known.key
    return ChangedFinding(
        severity=rule.severity if rule else None,
        rule=known.rule,
        title=rule.title if rule else "",
        name=known.name or known.key or "",
        key=known.key if known.key and is_key_whole else "",
        since=known.since,
    )
