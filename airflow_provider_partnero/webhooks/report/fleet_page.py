"""What the page about a fleet says, before any markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.fleet import FleetReport, FleetRow
from airflow_provider_partnero.webhooks.fleet_table import nothing_across, state_of
from airflow_provider_partnero.webhooks.report.page import ICON_COLOURS, Phrase, Share
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS, RuleAcross
from airflow_provider_partnero.webhooks.texts import counted

_MOST_ROWS = 300
_MOST_OF_A_PROGRAMME = 5
_MOST_ACROSS = 100  # of each rule


@dataclass(frozen=True, slots=True)
class AcrossFindings:
    """The findings of one rule across programmes.

    :param number: how many there are, shown or not.
    :param note: how many more there are; empty if all are shown.
    """

    rule: RuleAcross
    number: int
    shown: Sequence[Finding]
    note: str


@dataclass(frozen=True, slots=True)
class ProgrammeRow:
    """One connection.

    :param program: name and type of its programme; empty if they are not known.
    :param kind: its colour, as a class of the style.
    :param state: in a word or two.
    :param words: why it could not be audited, or what it has; then what is special.
    :param findings: the worst.
    :param note: how many more there are; empty if all are shown.
    """

    conn_id: str
    program: str
    kind: str
    state: str
    words: str
    findings: Sequence[Finding]
    note: str


@dataclass(frozen=True, slots=True)
class FleetPage:
    """What the page says, from top to bottom.

    :param nothing_across: what to say if nothing is across programmes.
    :param note: how many programmes have no row; empty if all have.
    """

    title: str
    timestamp: str
    date: str
    icon_colour: str
    verdict: tuple[Phrase, ...]
    summary: str
    shares: tuple[Share, ...]
    across: tuple[AcrossFindings, ...]
    nothing_across: str
    rows: tuple[ProgrammeRow, ...]
    note: str
    rules_checked: str


def build_fleet_page(report: FleetReport, title: str, moment: datetime) -> FleetPage:
    """What the page about a fleet says.

    :param moment: when the report was made, in UTC.
    """
    left_out = len(report.rows) - _MOST_ROWS
    return FleetPage(
        title=title,
        timestamp=moment.isoformat(timespec="seconds"),
        date=f"{moment.day} {moment:%B %Y, %H:%M} UTC",
        icon_colour=ICON_COLOURS[report.worst],
        verdict=tuple(_verdict(report)),
        summary=_summary(report),
        shares=tuple(_shares(report)),
        across=tuple(_across(report)),
        nothing_across=nothing_across(report),
        rows=tuple(_row(row) for row in report.rows[:_MOST_ROWS]),
        note=f"{counted(left_out, 'programme')} more, none worse than these; .json and .md list all."
        if left_out > 0
        else "",
        rules_checked=", ".join(report.rules) or "none",
    )


def _verdict(report: FleetReport) -> Iterator[Phrase]:
    if number := report.counts["not_audited"]:
        yield Phrase("error", f"{number:,} not audited")
    for severity in Severity:
        if number := report.counts[f"{severity}s"]:
            yield Phrase(severity, counted(number, severity))
    if report.worst is None:
        yield Phrase("good", "Nothing to mend")


def _summary(report: FleetReport) -> str:
    counts = report.counts
    webhooks = (
        f"{counted(counts['webhooks'], 'webhook')}, {counts['active']:,} active and {counts['inactive']:,} inactive"
    )
    return f"{counted(counts['programmes'], 'programme')} with {webhooks}."


def _shares(report: FleetReport) -> Iterator[Share]:
    tally = Counter(state_of(row) for row in report.rows)
    start = 0.0
    for kind, words, number in (
        ("error", "not audited or with errors", tally["not audited"] + tally["error"]),
        ("warning", "with warnings only", tally["warning"]),
        ("good", "in order", tally["good"]),
    ):
        if number:
            width = 1000 * number / len(report.rows)
            yield Share(kind, words, number, start, width)
            start += width


def _across(report: FleetReport) -> Iterator[AcrossFindings]:
    for rule in sorted(RULES_ACROSS, key=lambda rule: rule.severity.place):  # errors first
        found = [finding for finding in report.findings if finding.rule == rule.id]
        if found:
            left_out = len(found) - _MOST_ACROSS
            note = f"{counted(left_out, 'finding')} more; .json and .md list all." if left_out > 0 else ""
            yield AcrossFindings(rule, len(found), found[:_MOST_ACROSS], note)


def _row(row: FleetRow) -> ProgrammeRow:
    shown = row.audit.findings[:_MOST_OF_A_PROGRAMME]
    left_out = row.audit.counts.get("findings", 0) - len(shown)
    return ProgrammeRow(
        conn_id=row.conn_id,
        program=row.audit.program,
        kind=str(row.worst or "good"),
        state=state_of(row),
        words=row.words,
        findings=shown,
        note=f"{counted(left_out, 'finding')} more." if left_out > 0 else "",
    )
