"""What the HTML report says, before any markup: the figures, the sentences, and what is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from airflow_provider_partnero.webhooks.coverage import coverage
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.report.embedded import attribute, kept
from airflow_provider_partnero.webhooks.report.matrix import Identity, Matrix, build_matrix, worst_by_webhook
from airflow_provider_partnero.webhooks.report.news import (
    ListedFinding,
    News,
    build_news,
    listed_findings,
    moment_in_words,
)
from airflow_provider_partnero.webhooks.rules import RULES, RULES_BY_ID
from airflow_provider_partnero.webhooks.rules.base import Rule
from airflow_provider_partnero.webhooks.rules.subscriptions import uncovered
from airflow_provider_partnero.webhooks.texts import counted, program_label

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison
    from airflow_provider_partnero.webhooks.coverage import EventCoverage

_SHOWN_AT_ONCE = 8  # findings of a rule before the rest is folded
_SHOWN_AT_ALL = 100  # findings of a rule on the page; JSON and Markdown list all
ICON_COLOURS = {Severity.ERROR: "ab2a1f", Severity.WARNING: "c98a1b", None: "0d655c"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a colour.

    :param kind: the colour, as a class of the style: ``"error"``, ``"warning"`` or ``"good"``.
    """

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the bar below the verdict.

    :param kind: the colour, as in :class:`Phrase`.
    :param start: where the part begins, from 0 to 1000.
    :param width: how wide it is, from 0 to 1000.
    """

    kind: str
    words: str
    number: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """The findings of one rule.

    :param number: how many there are, shown or not.
    :param new: how many of them the earlier audit had not found.
    :param at_once: the first, which are always in sight.
    :param folded: the next, which a click unfolds.
    :param note: how many more there are; empty if all are shown.
    """

    rule: Rule
    number: int
    new: int
    at_once: Sequence[ListedFinding]
    folded: Sequence[ListedFinding]
    note: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event and how many webhooks get it.

    :param active: active webhooks that subscribe to it.
    :param words: their number; without any, the number of inactive webhooks that subscribe, or "nobody".
    :param hint: how many inactive webhooks subscribe as well, or what is wrong; empty if there is nothing to say.
    :param is_missed: whether a rule complains that nobody gets it.
    :param width: of its bar, from 0 to 100; 100 is the event with the most active webhooks.
    """

    name: str
    active: int
    words: str
    hint: str
    is_missed: bool
    width: float


@dataclass(frozen=True, slots=True)
class EventGroup:
    """The events about one noun, or all undocumented ones.

    :param unused: the names of its events, if no webhook subscribes to any of them; there are no rows then.
    :param left_out: how many events have no row.
    """

    heading: str
    unused: tuple[str, ...]
    rows: tuple[EventRow, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What the page says, from top to bottom.

    :param program: name and type of the programme; empty if they are not known.
    :param icon_colour: six hex digits, by the worst finding.
    :param verdict: what is wrong, by severity; empty for a programme without webhooks and findings.
    :param news: what has changed since the earlier audit; None if that was not looked at.
    :param shares: how many webhooks have errors, only warnings, or neither, as far as there are any.
    :param for_next_audit: what the page holds for the next audit, safe in an attribute in single quotes.
    :param findings: by rule; None if there is nothing that could be checked.
    :param events: empty without webhooks.
    :param matrix: None without webhooks.
    """

    title: str
    conn_id: str
    program: str
    timestamp: str
    date: str
    icon_colour: str
    verdict: tuple[Phrase, ...]
    summary: str
    news: News | None
    shares: tuple[Share, ...]
    findings: tuple[RuleFindings, ...] | None
    events: tuple[EventGroup, ...]
    matrix: Matrix | None
    rules_checked: str
    rules_skipped: str
    for_next_audit: Markup


def build_page(
    report: AuditReport, title: str, moment: datetime, conn_id: str, comparison: Comparison | None = None
) -> ReportPage:
    """What the page about a report says.

    :param moment: when the audit was made, in UTC.
    :param comparison: this audit beside an earlier one; None: that is not looked at.
    """
    events = coverage(report.webhooks)
    missed = frozenset(finding.subject for finding in report.findings if finding.rule == uncovered.id)
    worst = worst_by_webhook(report.findings)
    return ReportPage(
        title=title,
        conn_id=conn_id,
        program=program_label(report.program) if report.program else "",
        timestamp=moment.isoformat(timespec="seconds"),
        date=moment_in_words(moment),
        icon_colour=ICON_COLOURS[report.worst],
        verdict=tuple(_verdict(report)),
        summary=_summary(report),
        news=None if comparison is None else build_news(report, comparison),
        shares=tuple(_shares(report, worst)),
        findings=tuple(_by_rule(report.findings, comparison)) if report.webhooks or report.findings else None,
        events=tuple(_event_groups(events, missed)) if report.webhooks else (),
        matrix=build_matrix(report, events, worst, missed) if report.webhooks else None,
        rules_checked=", ".join(report.rules) or "none",
        rules_skipped=", ".join(rule.id for rule in RULES if rule.id not in report.rules),
        for_next_audit=Markup(attribute(kept(report, moment, conn_id, comparison))),  # noqa: S704 - attribute() escapes  # nosec B704
    )


def _verdict(report: AuditReport) -> Iterator[Phrase]:
    for severity in Severity:
        if number := report.counts[f"{severity}s"]:
            yield Phrase(severity, counted(number, severity))
    if report.webhooks and not report.findings:
        yield Phrase("good", "Nothing to mend")


def _summary(report: AuditReport) -> str:
    counts, rules = report.counts, counted(len(report.rules), "rule")
    if not report.webhooks:
        return f"The programme has no webhooks and delivers nothing, checked against {rules}."
    webhooks = counted(counts["webhooks"], "webhook")
    return f"{webhooks}, {counts['active']:,} active and {counts['inactive']:,} inactive, checked against {rules}."


def _shares(report: AuditReport, worst: Mapping[Identity, Severity]) -> Iterator[Share]:
    if not report.webhooks:
        return
    tally = Counter(worst.get((webhook.key, webhook.name)) for webhook in report.webhooks)
    start = 0.0
    for kind, words, number in (
        ("error", "with errors", tally[Severity.ERROR]),
        ("warning", "with warnings only", tally[Severity.WARNING]),
        ("good", "in order", tally[None]),
    ):
        width = 1000 * number / len(report.webhooks)
        if number:
            yield Share(kind, words, number, start, width)
        start += width


def _by_rule(findings: Sequence[Finding], comparison: Comparison | None) -> Iterator[RuleFindings]:
    for rule_id, group in groupby(findings, key=lambda finding: finding.rule):
        found = listed_findings(list(group), comparison)
        yield RuleFindings(
            rule=RULES_BY_ID[rule_id],
            number=len(found),
            new=sum(finding.is_new for finding in found),
            at_once=found[:_SHOWN_AT_ONCE],
            folded=found[_SHOWN_AT_ONCE:_SHOWN_AT_ALL],
            note=_note(len(found) - _SHOWN_AT_ALL),
        )


def _note(left_out: int) -> str:
    if left_out <= 0:
        return ""
    are = "is" if left_out == 1 else "are"
    return f"{counted(left_out, 'finding')} of this rule {are} not shown here; the report as .json or .md lists all."


def _event_groups(events: Sequence[EventCoverage], missed: frozenset[str]) -> Iterator[EventGroup]:
    groups: defaultdict[str, list[EventCoverage]] = defaultdict(list)
    for event in events:
        groups[event.heading].append(event)
    most = max((event.active for event in events), default=0) or 1
    for heading, group in groups.items():
        if not any(event.active or event.inactive or event.event in missed for event in group):
            yield EventGroup(heading, tuple(event.label for event in group), (), 0)
            continue
        rows = tuple(_event_row(event, most, event.event in missed) for event in group[:_SHOWN_AT_ALL])
        yield EventGroup(heading, (), rows, len(group) - len(rows))


def _event_row(event: EventCoverage, most: int, is_missed: bool) -> EventRow:
    hints = ["required, but no active webhook subscribes"] if is_missed else []
    hints += [f"and {counted(event.inactive, 'inactive webhook')}"] if event.inactive else []
    without_active = f"{event.inactive:,} inactive" if event.inactive else "nobody"
    return EventRow(
        name=event.label,
        active=event.active,
        words=f"{event.active:,}" if event.active else without_active,
        hint=", ".join(hints),
        is_missed=is_missed,
        width=100 * event.active / most,
    )
