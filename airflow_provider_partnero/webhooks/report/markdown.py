"""An audit's report as Markdown, for tickets and pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.coverage import coverage
from airflow_provider_partnero.webhooks.report.embedded import comment, kept
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.table import summary
from airflow_provider_partnero.webhooks.texts import cell, counted, program_label

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison
    from airflow_provider_partnero.webhooks.findings import Finding

_MOST_WEBHOOKS = 200
_SPECIAL = re.compile(r"([\\`*_\[\]|~#$!@])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render_markdown(
    report: AuditReport, title: str, moment: datetime, conn_id: str, comparison: Comparison | None = None
) -> str:
    """GitHub's Markdown: counts, what has changed, all findings, what to do, the first 200 webhooks and where they
    deliver, and how many webhooks subscribe to each event.

    Names, keys and events are escaped, so that none of them can add markup.

    :param moment: when the audit was made, in UTC.
    :param comparison: this audit beside an earlier one; None: that is not looked at.
    """
    programme = f"programme {escaped(program_label(report.program))}, " if report.program else ""
    lines = [
        f"# {escaped(title)}",
        "",
        f"Connection {escaped(conn_id)}, {programme}{moment:%Y-%m-%d %H:%M} UTC.",
        "",
        f"**{escaped(summary(report.counts))}**",
        "",
        *_changes(comparison),
        *_findings(report, comparison),
        *_gone(comparison),
        *_rules(report),
        *_webhooks(report),
        *_coverage(report),
        "",
        comment(kept(report, moment, conn_id, comparison)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str, longest: int = 400) -> str:
    """The text for a cell of a Markdown table: one line, no markup, no spreadsheet formula.

    :param longest: how many characters are kept, from 1; escapes come on top.
    """
    shown = "".join(_ENTITIES.get(letter, letter) for letter in cell(text, longest))
    return _SPECIAL.sub(r"\\\1", shown)


def _changes(comparison: Comparison | None) -> Iterator[str]:
    if comparison is not None:
        yield from (escaped(comparison.summary, 1_000), "")


def _findings(report: AuditReport, comparison: Comparison | None) -> Iterator[str]:
    yield from ("## Findings", "")
    if not report.findings:
        yield from ("None.", "")
        return
    head = ["Severity", "Rule", "Webhook", "Key", "What", *([] if comparison is None else ["Since"])]
    yield from (_row(head), _row("---" for _ in head))
    for finding in report.findings:
        name = "" if finding.name is None else escaped(finding.name, 120)
        key = "" if finding.key is None else escaped(finding.key, 60)
        since = [] if comparison is None else [_since(comparison, finding)]
        yield _row([finding.severity, finding.rule, name, key, escaped(finding.words), *since])
    yield ""


def _since(comparison: Comparison, finding: Finding) -> str:
    """Since when a finding is there; empty if an earlier audit is not known, or says nothing of it."""
    is_new = comparison.is_new(finding)
    if is_new is None:
        return ""
    return "**new**" if is_new else f"{comparison.since[finding.fingerprint]:%Y-%m-%d}"


def _gone(comparison: Comparison | None) -> Iterator[str]:
    if comparison is None or not comparison.gone:
        return
    yield from ("## Gone since then", "", "| Rule | Webhook | Key | Was there since |", "| --- | --- | --- | --- |")
    for one in comparison.gone:
        key, name = (escaped(text or "", 60) for text in (one.key, one.name))
        yield _row([escaped(one.rule), name, key, f"{one.since:%Y-%m-%d}"])
    yield ""


def _webhooks(report: AuditReport) -> Iterator[str]:
    if not report.webhooks:
        return
    yield from ("## Webhooks", "", "| Webhook | Key | Delivers to | Service | Active | Events |")
    yield "| --- | --- | --- | --- | --- | ---: |"
    for webhook in report.webhooks[:_MOST_WEBHOOKS]:
        texts = [escaped(webhook.name, 120), escaped(webhook.key, 60), escaped(webhook.host), escaped(webhook.service)]
        yield _row([*texts, "yes" if webhook.is_active else "no", str(len(set(webhook.events)))])
    if left_out := len(report.webhooks[_MOST_WEBHOOKS:]):
        yield from ("", f"And {counted(left_out, 'webhook')} more; the report as .json lists all.")
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rules(report: AuditReport) -> Iterator[str]:
    broken = [rule for rule in RULES if rule.id in report.counts["by_rule"]]
    if not broken:
        return
    yield from ("## What to do", "", "| Rule | Findings | What it finds | What to do |", "| --- | ---: | --- | --- |")
    for rule in broken:
        number = report.counts["by_rule"][rule.id]
        yield f"| {rule.id} | {number} | {escaped(rule.title)} | {escaped(rule.remedy)} |"
    yield ""


def _coverage(report: AuditReport) -> Iterator[str]:
    yield from ("## Events", "", "| Event | Active webhooks | Inactive webhooks |", "| --- | ---: | ---: |")
    for event in coverage(report.webhooks):
        note = "" if event.is_documented else " (not documented)"
        yield f"| {escaped(event.event, 120)}{note} | {event.active} | {event.inactive} |"
