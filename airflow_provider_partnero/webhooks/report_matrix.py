"""The coverage matrix of the HTML report: events across, webhooks down."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.markup import shown
from airflow_provider_partnero.webhooks.texts import cell, counted

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditedWebhook, AuditReport
    from airflow_provider_partnero.webhooks.coverage import EventCoverage

_MOST_ROWS = 200
_MOST_UNDOCUMENTED = 24
_LONGEST_CLEAR = 40  # letters of a name that a row shows; longer ones may differ in what is cut off

_DOT = '<span class="dot" role="img" aria-label="delivered"></span>'
_RING = '<span class="dot ring" role="img" aria-label="subscribed, but inactive"></span>'


def worst_by_webhook(report: AuditReport) -> dict[tuple[str | None, str | None], Severity]:
    """Key and name of each webhook with findings, with the worst severity of them."""
    worst: dict[tuple[str | None, str | None], Severity] = {}
    for finding in report.findings:  # the worst first
        worst.setdefault((finding.key, finding.name), finding.severity)
    return worst


def matrix_section(report: AuditReport, events: Sequence[EventCoverage]) -> Iterator[str]:
    """A table with a row for each webhook, in a box that scrolls by itself; empty for a programme without webhooks.

    Columns are the documented events about whatever the programme's webhooks are about, and the undocumented ones in
    use. Of more than 200 webhooks only those with findings have a row, 200 at most.
    """
    if not report.webhooks:
        return
    rows, note = _rows(report)
    columns, left_out = _columns(events)
    yield '<section aria-labelledby="matrix"><h2 id="matrix">Webhooks and their events</h2>'
    marks = "".join(f'<span class="{severity}">{severity}</span>' for severity in Severity)
    yield f'<p class="legend"><span>{_DOT}delivered</span><span>{_RING}subscribed, but inactive</span>{marks}</p>'
    yield '<div class="scroll" tabindex="0" role="region" aria-labelledby="matrix"><table>'
    yield from _header(columns)
    yield from _body(report, rows, columns)
    yield "</table></div>"
    notes = [note] if note else []
    if left_out:
        notes.append(f"{counted(left_out, 'undocumented event')} without a column.")
    if notes:
        yield f'<p class="legend">{" ".join(notes)}</p>'
    yield "</section>"


def _rows(report: AuditReport) -> tuple[Sequence[AuditedWebhook], str]:
    if len(report.webhooks) <= _MOST_ROWS:
        return report.webhooks, ""
    found = worst_by_webhook(report)
    affected = [webhook for webhook in report.webhooks if (webhook.key, webhook.name) in found]
    rows = affected[:_MOST_ROWS]
    return rows, (
        f"{len(rows):,} of {len(affected):,} webhooks with findings have a row, "
        f"out of {len(report.webhooks):,} webhooks in all."
    )


def _columns(events: Sequence[EventCoverage]) -> tuple[list[EventCoverage], int]:
    """The events with a column, and how many undocumented ones have none."""
    nouns = {event.noun for event in events if event.active or event.inactive}
    documented = [event for event in events if event.is_documented and event.noun in nouns]
    others = [event for event in events if not event.is_documented]
    return documented + others[:_MOST_UNDOCUMENTED], max(len(others) - _MOST_UNDOCUMENTED, 0)


def _header(columns: Sequence[EventCoverage]) -> Iterator[str]:
    yield '<thead><tr><th class="corner" rowspan="2" scope="col">Webhook</th>'
    for noun, group in groupby(columns, key=_group):
        yield f'<th class="first" colspan="{len(list(group))}" scope="colgroup">{html.escape(noun.capitalize())}</th>'
    yield "</tr><tr>"
    for event, edge in _with_edges(columns):
        name = event.verb if event.is_documented else event.event
        full = html.escape(cell(event.event))
        yield f'<th{edge} scope="col" title="{full}"><span class="turned">{shown(name, 24)}</span></th>'
    yield "</tr></thead>"


def _body(report: AuditReport, rows: Sequence[AuditedWebhook], columns: Sequence[EventCoverage]) -> Iterator[str]:
    yield f'<tbody><tr class="total"><th scope="row">All {report.counts["active"]:,} active</th>'
    for event, edge in _with_edges(columns, none=True):
        yield f"<td{edge}>{event.active:,}</td>"
    yield "</tr>"
    names = Counter(webhook.name for webhook in rows)
    worst = worst_by_webhook(report)
    for webhook in rows:
        mark = _DOT if webhook.is_active else _RING
        subscribed = set(webhook.events)
        is_clear = names[webhook.name] == 1 and 0 < len(webhook.name.strip()) <= _LONGEST_CLEAR
        key = "" if is_clear else f"<code>{shown(webhook.key, 24)}</code>"
        cells = "".join(
            f"<td{edge}>{mark if event.event in subscribed else ''}</td>" for event, edge in _with_edges(columns)
        )
        severity = worst.get((webhook.key, webhook.name))
        marked = f' class="{severity}"' if severity else ""
        told = f'<span class="unseen"> ({severity})</span>' if severity else ""
        full = html.escape(cell(webhook.name))
        name = f'<span class="name" title="{full}"><bdi>{shown(webhook.name, 60)}</bdi>{told}</span>'
        yield f'<tr><th scope="row"{marked}>{name}{key}</th>{cells}</tr>'
    yield "</tbody>"


def _group(event: EventCoverage) -> str:
    return event.noun if event.is_documented else "Not documented"


def _with_edges(columns: Sequence[EventCoverage], *, none: bool = False) -> Iterator[tuple[EventCoverage, str]]:
    """Each column with its class attribute: where a group begins, and what no active webhook gets."""
    for position, event in enumerate(columns):
        begins = position == 0 or _group(columns[position - 1]) != _group(event)
        classes = [*(["first"] if begins else []), *(["none"] if none and not event.active else [])]
        yield event, f' class="{" ".join(classes)}"' if classes else ""
