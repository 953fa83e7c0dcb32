"""The view Coverage: which webhook gets which event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.coverage import EventCoverage, coverage
from airflow_provider_partnero.webhooks.report.matrix import Matrix, build_matrix, worst_by_webhook
from airflow_provider_partnero.webhooks.rules.subscriptions import uncovered
from airflow_provider_partnero.webhooks.texts import listed

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot
    from airflow_provider_partnero.webhooks.history import PastAudit


@dataclass(frozen=True, slots=True)
class CoverageView:
    """What the view shows.

    :param events: documented ones, then the others in use.
    :param missed: those of which the last audit complained that nobody gets them, and that nobody gets now.
    :param matrix: None without webhooks.
    :param unused: what the events are about that have no column, since nobody subscribes to any of them, in words.
    """

    events: tuple[EventCoverage, ...]
    missed: frozenset[str]
    matrix: Matrix | None
    unused: str


def build_event_coverage(snapshot: ProgrammeSnapshot, audit: PastAudit | None) -> CoverageView:
    """Which webhook gets which event.

    :param audit: the latest that is known; it tells which events its DAG requires.
    """
    events = coverage(snapshot.report.webhooks)
    gotten = {event.event for event in events if event.active}
    required = {known.name for known in audit.findings if known.rule == uncovered.id} if audit else set()
    missed = frozenset(name for name in required if name and name not in gotten)
    worst = worst_by_webhook(snapshot.report.findings)
    matrix = build_matrix(snapshot.report, events, worst, missed) if snapshot.report.webhooks else None
    return CoverageView(events, missed, matrix, _unused(events, missed))


def _unused(events: tuple[EventCoverage, ...], missed: frozenset[str]) -> str:
    used = {event.noun for event in events if event.active or event.inactive or event.event in missed}
    nouns = dict.fromkeys(f"{event.noun}s" for event in events if event.noun not in used)
    return listed(list(nouns), most=len(nouns))
