"""An audit's report as one HTML page: no script, nothing loaded from anywhere, fit for a phone and for the dark."""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.coverage import coverage
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.markup import shown
from airflow_provider_partnero.webhooks.report_matrix import matrix_section, worst_by_webhook
from airflow_provider_partnero.webhooks.report_style import STYLE
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.base import Rule
from airflow_provider_partnero.webhooks.texts import cell, counted

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.coverage import EventCoverage

_SHOWN_AT_ONCE = 8  # findings of a rule before the rest is folded
_SHOWN_AT_ALL = 100  # findings of a rule on the page; JSON and Markdown list all
_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
_ICON_COLOURS = {Severity.ERROR: "ab2a1f", Severity.WARNING: "c98a1b", None: "0d655c"}


def render_html(report: AuditReport, title: str, moment: datetime, conn_id: str) -> str:
    """The page: verdict, findings by rule with what to do, how each event is covered, a matrix of events and webhooks.

    Its Content-Security-Policy lets nothing be loaded or run. At most 100 findings of a rule are shown, and at most 200
    webhooks in the matrix, so that it stays small; the counts are always whole.
    """
    events = coverage(report.webhooks)
    return "\n".join(
        (
            *_head(report, title),
            "<body><main>",
            *_masthead(title, moment, conn_id),
            *_verdict(report),
            *(_findings(report) if report.webhooks or report.findings else ()),
            *(_events(events) if report.webhooks else ()),
            *matrix_section(report, events),
            *_footer(report),
            "</main></body></html>",
            "",
        )
    )


def _head(report: AuditReport, title: str) -> Iterator[str]:
    colour = _ICON_COLOURS[report.worst]
    circle = f"%3Ccircle cx='4' cy='4' r='4' fill='%23{colour}'/%3E"
    icon = f"%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E{circle}%3C/svg%3E"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{html.escape(cell(title))}</title>"
    yield f'<link rel="icon" href="data:image/svg+xml,{icon}">'
    yield f"<style>{STYLE}</style></head>"


def _masthead(title: str, moment: datetime, conn_id: str) -> Iterator[str]:
    written = f"{moment.day} {moment:%B %Y, %H:%M} UTC"
    yield f'<header class="masthead"><h1>{shown(title)}</h1>'
    yield (
        f'<p class="soft"><bdi>{shown(conn_id)}</bdi> · <time datetime="{moment.isoformat(timespec="seconds")}">'
        f"{written}</time></p></header>"
    )


def _verdict(report: AuditReport) -> Iterator[str]:
    counts = report.counts
    wrong = [
        f'<span class="{kind}">{counted(counts[f"{kind}s"], kind)}</span>'
        for kind in ("error", "warning")
        if counts[f"{kind}s"]
    ]
    in_order = '<span class="good">Nothing to mend</span>' if report.webhooks else "No webhooks"
    words = " and ".join(wrong) or in_order
    yield f'<section aria-label="Verdict"><p class="verdict">{words}</p>'
    held = f"{counted(counts['webhooks'], 'webhook')}, {counts['active']:,} active and {counts['inactive']:,} inactive"
    held = held if report.webhooks else "The programme has no webhooks and delivers nothing"
    yield f'<p class="soft">{held}, checked against {counted(len(report.rules), "rule")}.</p>'
    yield from _bar(report)
    yield "</section>"


def _bar(report: AuditReport) -> Iterator[str]:
    """How many webhooks have an error, only warnings, or nothing wrong with them."""
    worst = worst_by_webhook(report)
    tally = Counter(worst.get((webhook.key, webhook.name)) for webhook in report.webhooks)
    parts = (
        ("error", "with errors", tally[Severity.ERROR]),
        ("warning", "with warnings only", tally[Severity.WARNING]),
        ("good", "in order", tally[None]),
    )
    if not report.webhooks:
        return
    yield '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
    start = 0.0
    for kind, _, number in parts:
        width = 1000 * number / len(report.webhooks)
        yield f'<rect class="{kind}" x="{start:.2f}" width="{width:.2f}" height="10"/>'
        start += width
    yield '</svg><ul class="key">'
    for kind, words, number in parts:
        dot = f'<svg viewBox="0 0 8 8" aria-hidden="true"><circle class="{kind}" cx="4" cy="4" r="4"/></svg>'
        yield f"<li>{dot}<b>{number:,}</b> {words}</li>"
    yield "</ul>"


def _findings(report: AuditReport) -> Iterator[str]:
    yield '<section aria-labelledby="findings"><h2 id="findings">Findings</h2>'
    if not report.findings:
        yield "<p>Every webhook keeps to every rule that was checked.</p></section>"
        return
    by_id = {rule.id: rule for rule in RULES}
    groups = [(by_id[rule], list(found)) for rule, found in groupby(report.findings, key=lambda finding: finding.rule)]
    yield '<ul class="index">'
    for rule, found in groups:
        words = f"<b>{len(found):,}</b> <span>{html.escape(rule.title)}</span>"
        yield f'<li class="{rule.severity}"><a href="#{rule.id}">{words}</a></li>'
    yield "</ul>"
    for rule, found in groups:
        yield from _rule(rule, found)
    yield "</section>"


def _rule(rule: Rule, found: Sequence[Finding]) -> Iterator[str]:
    kept = found[:_SHOWN_AT_ALL]
    yield f'<section class="rule {rule.severity}" id="{rule.id}"><header>'
    yield f'<h3><span class="mark">{rule.severity}</span>{html.escape(rule.title)}</h3><code>{rule.id}</code>'
    yield f"<p>{html.escape(rule.remedy)}</p></header>"
    yield from _list(kept[:_SHOWN_AT_ONCE])
    if folded := kept[_SHOWN_AT_ONCE:]:
        yield f"<details><summary>{len(folded):,} more</summary>"
        yield from _list(folded)
        yield "</details>"
    if left_out := len(found) - len(kept):
        yield (
            f'<p class="note">{counted(left_out, "finding")} of this rule '
            f"{'is' if left_out == 1 else 'are'} not shown here; the report as .json or .md lists all.</p>"
        )
    yield "</section>"


def _list(found: Sequence[Finding]) -> Iterator[str]:
    yield '<ul class="findings">'
    for finding in found:
        words = shown(finding.words, 600)
        if finding.name is None:
            yield f'<li><p class="wide">{words}</p></li>'
            continue
        key = "" if finding.key is None else f"<code>{shown(finding.key, 40)}</code>"
        yield f'<li><div class="who"><bdi>{shown(finding.name)}</bdi>{key}</div><p>{words}</p></li>'
    yield "</ul>"


def _events(events: Sequence[EventCoverage]) -> Iterator[str]:
    """How many active webhooks each event reaches; what nobody documents is under a heading of its own."""
    groups: defaultdict[str, list[EventCoverage]] = defaultdict(list)
    for event in events:
        groups[event.noun if event.is_documented else "Not documented"].append(event)
    most = max((event.active for event in events), default=0) or 1
    yield '<section aria-labelledby="events"><h2 id="events">Who gets which event</h2>'
    yield '<p class="lead">Active webhooks that subscribe to each event.</p><ul class="events">'
    for noun, group in groups.items():
        yield f"<li><h3>{html.escape(noun.capitalize())}</h3>"
        if not any(event.active or event.inactive for event in group):
            verbs = ", ".join(shown(event.verb, 60) for event in group)
            yield f'<p class="nobody">nobody: {verbs}</p></li>'
            continue
        yield "<ul>"
        for event in group[:_SHOWN_AT_ALL]:
            name = shown(event.verb if event.is_documented else event.event, 60)
            nobody = "" if event.active else ' class="nobody"'
            asleep = f' title="and {counted(event.inactive, "inactive webhook")}"' if event.inactive else ""
            nobody_awake = f"{event.inactive:,} inactive" if event.inactive else "nobody"
            number = f"{event.active:,}" if event.active else nobody_awake
            bar = f'<rect width="{100 * event.active / most:.1f}" height="4"/>'
            bar = f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>'
            yield f'<li{nobody}><bdi>{name}</bdi>{bar}<span class="num"{asleep}>{number}</span></li>'
        if len(group) > _SHOWN_AT_ALL:
            yield f"<li>and {len(group) - _SHOWN_AT_ALL:,} more</li>"
        yield "</ul></li>"
    yield "</ul></section>"


def _footer(report: AuditReport) -> Iterator[str]:
    skipped = [rule.id for rule in RULES if rule.id not in report.rules]
    ignored = f" Not checked, since ignored or not asked for: {', '.join(skipped)}." if skipped else ""
    yield (
        f"<footer>Rules checked: {', '.join(report.rules) or 'none'}.{ignored} This page holds no signing secret and "
        "loads nothing from anywhere. Made by airflow-provider-partnero.</footer>"
    )
