"""What the HTML report says about the time since the earlier audit, before any markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.findings import Finding
from airflow_provider_partnero.webhooks.history import KnownFinding, visible_key
from airflow_provider_partnero.webhooks.rules import RULES_BY_ID
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison

_GONE_AT_ONCE = 8
_GONE_AT_ALL = 100


@dataclass(frozen=True, slots=True)
class ListedFinding:
    """A finding and since when it is there.

    :param since: in words, such as ``since 20 November 2026``; empty if it is new, or nothing is known of it.
    :param is_new: whether the earlier audit had not found it.
    """

    name: str | None
    key: str | None
    words: str
    since: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class GoneFinding:
    """A finding that the earlier audit had.

    :param title: of its rule.
    :param words: since when it was there, and whether its webhook is deleted.
    """

    title: str
    rule: str
    name: str | None
    key: str | None
    words: str


@dataclass(frozen=True, slots=True)
class News:
    """What has changed.

    :param since: when the earlier audit was, in words; empty without one.
    :param timestamp: the same for machines.
    :param counts: number, words and class of the style, of what is new, gone, still there or not known; without zeroes
        but for the first two.
    :param notes: sentences.
    :param gone: the first findings that are gone.
    :param folded: the next, which a click unfolds.
    :param left_out: a sentence about the rest; empty if there is none.
    """

    since: str
    timestamp: str
    counts: tuple[tuple[int, str, str], ...]
    notes: tuple[str, ...]
    gone: Sequence[GoneFinding]
    folded: Sequence[GoneFinding]
    left_out: str


def build_news(report: AuditReport, comparison: Comparison) -> News:
    """What the page says has changed."""
    gone = list(_gone(report, comparison.gone[:_GONE_AT_ALL]))
    rest = len(comparison.gone) - len(gone)
    previous = comparison.previous
    return News(
        since="" if previous is None else moment_in_words(previous),
        timestamp="" if previous is None else previous.isoformat(timespec="seconds"),
        counts=() if previous is None else tuple(_counts(comparison)),
        notes=comparison.notes,
        gone=gone[:_GONE_AT_ONCE],
        folded=gone[_GONE_AT_ONCE:],
        left_out=f"{counted(rest, 'further finding')} gone; the report as .json lists all." if rest else "",
    )


def listed_findings(findings: Sequence[Finding], comparison: Comparison | None) -> list[ListedFinding]:
    """The findings of a rule, new ones first."""
    listed = [_listed(finding, comparison) for finding in findings]
    return sorted(listed, key=lambda one: not one.is_new)


def day(moment: datetime) -> str:
    """``20 November 2026``."""
    return f"{moment.day} {moment:%B %Y}"


def moment_in_words(moment: datetime) -> str:
    """``20 November 2026, 06:00 UTC``, of a moment in UTC."""
    return f"{day(moment)}, {moment:%H:%M} UTC"


def _listed(finding: Finding, comparison: Comparison | None) -> ListedFinding:
    is_new = None if comparison is None else comparison.is_new(finding)
    since = "" if comparison is None or is_new is not False else _since(comparison, finding)
    return ListedFinding(finding.name, finding.key, finding.words, since, bool(is_new))


def _since(comparison: Comparison, finding: Finding) -> str:
    first = comparison.since[finding.fingerprint]
    is_today = first.date() == comparison.at.date()
    return f"since {first:%H:%M} UTC" if is_today else f"since {day(first)}"


def _counts(comparison: Comparison) -> Iterator[tuple[int, str, str]]:
    yield len(comparison.new), "new", "new" if comparison.new else ""
    yield len(comparison.gone), "gone", "good" if comparison.gone else ""
    for number, words in (
        (comparison.still_there, "still there"),
        (len(comparison.unknown), "not known"),
        (len(comparison.unchecked), "not looked for any more"),
    ):
        if number:
            yield number, words, ""


def _gone(report: AuditReport, gone: Sequence[KnownFinding]) -> Iterator[GoneFinding]:
    live = {visible_key(webhook.key) for webhook in report.webhooks}
    for one in gone:
        deleted = " Its webhook is deleted." if one.key and one.key not in live else ""
        yield GoneFinding(
            title=rule.title if (rule := RULES_BY_ID.get(one.rule)) else one.rule,
            rule=one.rule,
            name=one.name,
            key=one.key,
            words=f"Was there since {day(one.since)}.{deleted}",
        )
