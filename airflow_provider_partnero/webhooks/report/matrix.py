"""The matrix of the HTML report: a column for each event, a row for each webhook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditedWebhook, AuditReport
    from airflow_provider_partnero.webhooks.coverage import EventCoverage

_MOST_ROWS = 200
_MOST_UNDOCUMENTED = 24
_LONGEST_CLEAR = 40  # letters of a name that a row shows; longer ones may differ in what is cut off

Identity: TypeAlias = tuple[str | None, str | None]
"""A webhook's key and name, as a finding has them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Columns side by side under one heading.

    :param width: how many columns.
    """

    heading: str
    width: int


@dataclass(frozen=True, slots=True)
class Column:
    """One event.

    :param event: its full name.
    :param name: its name below the group's heading.
    :param active: active webhooks that subscribe to it.
    :param classes: of its cells in the style; empty for none.
    :param total_classes: of its cell in the row of totals.
    """

    event: str
    name: str
    active: int
    classes: str
    total_classes: str


@dataclass(frozen=True, slots=True)
class Row:
    """One webhook.

    :param key: its key, if the name alone does not tell it from the others; else None.
    :param destination: the host that it delivers to and the service there, as far as they are known.
    :param worst: the worst severity among its findings; None without any.
    """

    name: str
    key: str | None
    destination: str
    is_active: bool
    events: frozenset[str]
    worst: Severity | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who gets what.

    :param active: how many active webhooks the programme has, with a row or without.
    :param marks: the severities that some row is marked with, the worst first.
    :param note: which webhooks and events are left out; empty if none are.
    """

    groups: tuple[Group, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    active: int
    marks: tuple[Severity, ...]
    note: str


def worst_by_webhook(findings: Sequence[Finding]) -> dict[Identity, Severity]:
    """The worst severity among each webhook's findings."""
    worst: dict[Identity, Severity] = {}
    for finding in findings:  # the worst first
        worst.setdefault((finding.key, finding.name), finding.severity)
    return worst


def build_matrix(
    report: AuditReport,
    events: Sequence[EventCoverage],
    worst: Mapping[Identity, Severity],
    missed: frozenset[str] = frozenset(),
) -> Matrix:
    """The matrix of a programme that has webhooks.

    It has columns for the documented events about every noun that some webhook subscribes to or should, and for the
    first 24 undocumented events in use. Of more than 200 webhooks only those with findings have a row, 200 at most.

    :param events: how many webhooks subscribe to each event.
    :param worst: the worst severity among each webhook's findings.
    :param missed: the events about which a rule complains that nobody gets them. Only their zeroes are coloured.
    """
    nouns = {event.noun for event in events if event.active or event.inactive or event.event in missed}
    documented = [event for event in events if event.is_documented and event.noun in nouns]
    others = [event for event in events if not event.is_documented]
    kept = documented + others[:_MOST_UNDOCUMENTED]
    webhooks, notes = _webhooks(report, worst)
    rows = tuple(_rows(webhooks, worst))
    if left_out := len(others[_MOST_UNDOCUMENTED:]):
        notes.append(f"{counted(left_out, 'undocumented event')} without a column.")
    return Matrix(
        groups=tuple(Group(heading, len(list(group))) for heading, group in groupby(kept, lambda e: e.heading)),
        columns=tuple(_columns(kept, missed)),
        rows=rows,
        active=report.counts["active"],
        marks=tuple(severity for severity in Severity if any(row.worst is severity for row in rows)),
        note=" ".join(notes),
    )


def _webhooks(report: AuditReport, worst: Mapping[Identity, Severity]) -> tuple[Sequence[AuditedWebhook], list[str]]:
    """The webhooks with a row, and a sentence about the others if there are any."""
    if len(report.webhooks) <= _MOST_ROWS:
        return report.webhooks, []
    affected = [webhook for webhook in report.webhooks if (webhook.key, webhook.name) in worst]
    kept = affected[:_MOST_ROWS]
    return kept, [
        f"{len(kept):,} of {len(affected):,} webhooks with findings have a row, "
        f"out of {len(report.webhooks):,} webhooks in all."
    ]


def _columns(events: Sequence[EventCoverage], missed: frozenset[str]) -> Iterator[Column]:
    previous = ""
    for event in events:
        edge = ["first"] if event.heading != previous else []
        total = [*edge, "missed"] if event.event in missed else edge
        yield Column(event.event, event.label, event.active, " ".join(edge), " ".join(total))
        previous = event.heading


def _rows(webhooks: Sequence[AuditedWebhook], worst: Mapping[Identity, Severity]) -> Iterator[Row]:
    names = Counter(webhook.name for webhook in webhooks)
    for webhook in webhooks:
        is_clear = names[webhook.name] == 1 and 0 < len(webhook.name.strip()) <= _LONGEST_CLEAR
        yield Row(
            name=webhook.name,
            key=None if is_clear else webhook.key,
            destination=" · ".join(part for part in (webhook.host, webhook.service) if part),
            is_active=webhook.is_active,
            events=frozenset(webhook.events),
            worst=worst.get((webhook.key, webhook.name)),
        )
