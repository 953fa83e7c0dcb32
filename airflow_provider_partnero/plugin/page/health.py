"""The view Health: whether the programme is well, in one sentence, and what that rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules import RULES_BY_ID
from airflow_provider_partnero.webhooks.rules.silence import silent
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.overview import LastDelivery
    from airflow_provider_partnero.plugin.page.live_programmes import ProgrammeState
    from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot
    from airflow_provider_partnero.webhooks.findings import Finding
    from airflow_provider_partnero.webhooks.history import PastAudit

Kind = Literal["good", "warning", "error", "unknown"]

_SHOWN = 12  # findings


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words and their colour."""

    kind: Kind
    words: str


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that is wrong.

    :param key: of the webhook it is about; empty if it is about none.
    :param words: what is wrong; empty if only the last audit's DAG could tell.
    :param remedy: what to do.
    :param is_of_audit: whether only the last audit knows of it, since it takes what the audit's DAG declares.
    """

    severity: Severity
    rule: str
    title: str
    name: str
    key: str
    words: str
    remedy: str
    is_of_audit: bool = False


@dataclass(frozen=True, slots=True)
class EventAge:
    """When an event came last.

    :param at: None: it never came, as far as the ledger knows.
    :param is_silent: whether the last audit complained that it does not come.
    """

    event: str
    at: datetime | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What the view says, from top to bottom.

    :param effects: what the errors are, by rule, with their numbers; empty without any.
    :param findings: the worst first.
    :param left_out: how many further findings there are.
    """

    verdict: Sentence
    effects: str
    findings: tuple[HealthFinding, ...]
    left_out: int
    errors: int
    warnings: int
    receiver: Sentence
    events: tuple[EventAge, ...]


def build_health(
    reading: ProgrammeState, audit: PastAudit | None, last: Sequence[LastDelivery], receiver: Sentence
) -> Health:
    """What the view says of a programme.

    :param audit: the latest that is known.
    :param last: the last delivery of each event to this connection.
    """
    live, known = _live(reading.snapshot, audit), list(_of_audit(audit))
    found: list[Finding | HealthFinding] = [*live, *known]
    errors = [(finding.rule, finding.key) for finding in found if finding.severity is Severity.ERROR]
    shown = sorted([*map(_shown, live[:_SHOWN]), *known], key=_order)[:_SHOWN]
    return Health(
        verdict=_verdict(reading, len(found), [key for _, key in errors]),
        effects=_effects(Counter(rule for rule, _ in errors)),
        findings=tuple(shown),
        left_out=len(found) - len(shown),
        errors=len(errors),
        warnings=len(found) - len(errors),
        receiver=receiver,
        events=tuple(_events(last, audit)),
    )


def _verdict(reading: ProgrammeState, findings: int, broken: Sequence[str | None]) -> Sentence:
    """The verdict.

    :param findings: how many there are.
    :param broken: the webhook key of each error.
    """
    if reading.snapshot is None:
        if reading.is_loading:
            return Sentence("unknown", "The webhooks are being read from Partnero.")
        return Sentence("error", reading.words)
    webhooks = reading.snapshot.report.counts["webhooks"]
    if broken:
        return Sentence("error", f"Not well: {_affected(broken, webhooks)}.")
    if not webhooks:
        return Sentence("warning", "The programme has no webhooks: Partnero tells nobody what happens.")
    if findings:
        looks = "looks like a mistake" if findings == 1 else "look like mistakes"
        return Sentence("warning", f"Events arrive, but {counted(findings, 'thing')} {looks}.")
    if webhooks == 1:
        return Sentence("good", "Well: the programme's one webhook is in order.")
    return Sentence("good", f"Well: all {webhooks:,} webhooks are in order.")


def _effects(rules: Counter[str]) -> str:
    titles = (
        RULES_BY_ID[rule].title + (f" ({times:,} times)" if times > 1 else "") for rule, times in rules.most_common()
    )
    return "; ".join(titles)


def _affected(broken: Iterable[str | None], webhooks: int) -> str:
    keys = {key for key in broken if key}
    if not keys:
        return "the programme as a whole has errors"
    if webhooks == 1:
        return "its one webhook has errors"
    return f"{len(keys):,} of {counted(webhooks, 'webhook')} {'has' if len(keys) == 1 else 'have'} errors"


def _order(finding: HealthFinding) -> tuple[int, str]:
    return finding.severity.place, finding.rule


def _live(snapshot: ProgrammeSnapshot | None, audit: PastAudit | None) -> list[Finding]:
    """What is wrong now by the rules that need no argument, the worst first; the audit's DAG may ignore some."""
    found = snapshot.report.findings if snapshot else ()
    return [finding for finding in found if audit is None or finding.rule in audit.rules]


def _shown(finding: Finding) -> HealthFinding:
    return HealthFinding(
        severity=finding.severity,
        rule=finding.rule,
        title=RULES_BY_ID[finding.rule].title,
        name=finding.name or finding.subject,
        key=finding.key or "",
        words=finding.words,
        remedy=RULES_BY_ID[finding.rule].remedy,
    )


def _of_audit(audit: PastAudit | None) -> Iterator[HealthFinding]:
    """What the last audit found by the other rules."""
    for known in audit.findings if audit else ():
        rule = RULES_BY_ID.get(known.rule)
        if rule is not None and rule.needs not in {None, "program"}:
            yield HealthFinding(
                severity=rule.severity,
                rule=rule.id,
                title=rule.title,
                name=known.name or "",
                key=known.key or "",
                words="",
                remedy=rule.remedy,
                is_of_audit=True,
            )


def _events(last: Iterable[LastDelivery], audit: PastAudit | None) -> Iterator[EventAge]:
    silences = {known.name for known in audit.findings if known.rule == silent.id} if audit else set()
    came = {delivery.event: delivery.at for delivery in last}
    for event in sorted(came.keys() | {name for name in silences if name}):
        yield EventAge(event, came.get(event), event in silences)
