"""An audit's report as Markdown, for tickets and pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.coverage import coverage
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.table import summary
from airflow_provider_partnero.webhooks.texts import cell, program_label

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport

_SPECIAL = re.compile(r"([\\`*_\[\]|~#$!@])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render_markdown(report: AuditReport, title: str, moment: datetime, conn_id: str) -> str:
    """GitHub's Markdown: counts, all findings, what to do, and how many webhooks subscribe to each event.

    Names, keys and events are escaped, so that none of them can add markup.

    :param moment: when the audit was made, in UTC.
    """
    programme = f"programme {escaped(program_label(report.program))}, " if report.program else ""
    lines = [
        f"# {escaped(title)}",
        "",
        f"Connection {escaped(conn_id)}, {programme}{moment:%Y-%m-%d %H:%M} UTC.",
        "",
        f"**{escaped(summary(report.counts))}**",
        "",
        *_findings(report),
        *_rules(report),
        *_coverage(report),
    ]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str, longest: int = 400) -> str:
    """The text for a cell of a Markdown table: one line, no markup, no spreadsheet formula.

    :param longest: how many characters are kept, from 1; escapes come on top.
    """
    shown = "".join(_ENTITIES.get(letter, letter) for letter in cell(text, longest))
    return _SPECIAL.sub(r"\\\1", shown)


def _findings(report: AuditReport) -> Iterator[str]:
    yield from ("## Findings", "")
    if not report.findings:
        yield from ("None.", "")
        return
    yield from ("| Severity | Rule | Webhook | Key | What |", "| --- | --- | --- | --- | --- |")
    for finding in report.findings:
        name = "" if finding.name is None else escaped(finding.name, 120)
        key = "" if finding.key is None else escaped(finding.key, 60)
        yield f"| {finding.severity} | {finding.rule} | {name} | {key} | {escaped(finding.words)} |"
    yield ""


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
