"""What has changed since the audit before this one: findings that are new, gone or still there, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.webhooks.findings import Finding
from airflow_provider_partnero.webhooks.history import KnownFinding, PastAudit, known_finding, shown_id, written
from airflow_provider_partnero.webhooks.texts import counted, quoted

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport


@dataclass(frozen=True, slots=True)
class Comparison:
    """An audit beside the one before it.

    :param at: when this audit was made.
    :param previous: when the earlier one was; None: there is none to compare with.
    :param notes: why that is so, or what else the reader should know; sentences.
    :param since: for each fingerprint of this audit, the first audit that found it, as far as is known.
    :param new: fingerprints that the earlier audit had not found; empty without one.
    :param unknown: fingerprints about which the earlier audit says nothing, since it left findings out.
    :param gone: what the earlier audit found and this one does not.
    :param unchecked: the same, of rules that this audit does not check.
    """

    at: datetime
    previous: datetime | None
    notes: tuple[str, ...]
    since: Mapping[str, datetime]
    new: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    gone: tuple[KnownFinding, ...] = ()
    unchecked: tuple[KnownFinding, ...] = ()

    def is_new(self, finding: Finding) -> bool | None:
        """Whether the earlier audit had not found it; None: that is not known."""
        if self.previous is None or finding.fingerprint in self.unknown:
            return None
        return finding.fingerprint in self.new

    def to_dict(self, max_gone: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"previous_audit": iso or None, "new", "gone", "still_there", "unknown", "no_longer_checked",
        "notes", "gone_findings": [{"fingerprint", "rule", "key", "name", "since"}]}``.

        :param max_gone: how many findings that are gone to list, from 0; None: all. Their number covers all.
        """
        return {
            "previous_audit": None if self.previous is None else written(self.previous),
            "new": len(self.new),
            "gone": len(self.gone),
            "still_there": self.still_there,
            "unknown": len(self.unknown),
            "no_longer_checked": len(self.unchecked),
            "notes": list(self.notes),
            "gone_findings": [one.to_dict() for one in self.gone[:max_gone]],
        }

    def told(self, finding: Finding) -> dict[str, Any]:
        """A finding's plain JSON: that of :meth:`Finding.to_dict` with ``{"fingerprint", "since", "is_new"}``."""
        return {
            **finding.to_dict(),
            "fingerprint": finding.fingerprint,
            "since": written(self.since[finding.fingerprint]),
            "is_new": self.is_new(finding),
        }

    @property
    def still_there(self) -> int:
        """How many findings both audits have."""
        return 0 if self.previous is None else len(self.since) - len(self.new) - len(self.unknown)

    @property
    def summary(self) -> str:
        """``Since the audit of 2026-11-25 06:00 UTC: 2 new, 1 gone, 5 still there.``, followed by the notes."""
        return " ".join([self.headline, *self.notes])

    @property
    def headline(self) -> str:
        """The summary without the notes."""
        if self.previous is None:
            return "No earlier audit to compare with."
        parts = [f"{len(self.new):,} new", f"{len(self.gone):,} gone", f"{self.still_there:,} still there"]
        parts += [f"{len(self.unknown):,} not known"] * bool(self.unknown)
        return f"Since the audit of {self.previous:%Y-%m-%d %H:%M} UTC: {', '.join(parts)}."


def compare(
    report: AuditReport,
    known: Iterable[PastAudit] = (),
    *,
    at: datetime,
    conn_id: str,
    problems: Iterable[str] = (),
) -> Comparison:
    """What has changed since the latest earlier audit of the same connection and programme.

    A rule that was not checked then, or with other arguments, since several audits look at different things, is
    compared with the latest one that checked it in the same way; without one, with the latest that checked it at all.
    An audit of the future, made while a clock was wrong, counts only if there is no other.

    :param known: earlier audits, from wherever they are known. Of two of the same moment, the first counts.
    :param at: when this audit was made; with a time zone.
    :param conn_id: the connection of the audited programme.
    :param problems: why an earlier audit could not be read; sentences.
    """
    moment = at.astimezone(UTC).replace(microsecond=0)
    earlier = sorted(known, key=lambda past: (past.at <= moment, past.at), reverse=True)
    fitting = [past for past in earlier if past.is_comparable(conn_id, _program_id(report))]
    if fitting:
        return _compared(report, fitting, moment, tuple(problems))
    notes = (*problems, *(_is_other(past, conn_id) for past in earlier[:1]))
    return Comparison(
        at=moment,
        previous=None,
        notes=notes or ("This is the first audit that is known.",),
        since=dict.fromkeys((finding.fingerprint for finding in report.findings), moment),
    )


def told_findings(report: AuditReport, comparison: Comparison, most: int | None = None) -> list[dict[str, Any]]:
    """The findings as plain JSON, each with what :meth:`Comparison.told` knows of it.

    :param most: how many to list, from 0; None: all.
    """
    return [comparison.told(finding) for finding in report.findings[:most]]


def remember(report: AuditReport, comparison: Comparison, conn_id: str, most: int) -> PastAudit:
    """What the next audit needs to know of this one.

    :param conn_id: the connection of the audited programme.
    :param most: how many findings to keep, from 0; errors come first.
    """
    distinct = {finding.fingerprint: finding for finding in reversed(report.findings)}
    findings = list(reversed(distinct.values()))
    return PastAudit(
        at=comparison.at,
        conn_id=shown_id(conn_id),
        program_id=shown_id(_program_id(report)),
        rules=frozenset(report.rules),
        findings=tuple(known_finding(finding, comparison.since[finding.fingerprint]) for finding in findings[:most]),
        left_out=max(0, len(findings) - most),
        arguments=report.arguments,
    )


def _compared(report: AuditReport, past: Sequence[PastAudit], moment: datetime, problems: Sequence[str]) -> Comparison:
    """This audit beside earlier ones, of which the latest comes first."""
    latest = past[0]
    asked = _asked(report, past)
    known = [one for audit in past for one in audit.findings if asked.get(one.rule, latest) is audit]
    before = {one.fingerprint: one for one in known}
    appeared = [finding for finding in report.findings if finding.fingerprint not in before]
    silent = {
        finding.fingerprint: audit
        for finding in appeared
        if not (audit := asked.get(finding.rule, latest)).would_list(finding)
    }
    since = dict.fromkeys((finding.fingerprint for finding in report.findings), moment)
    since |= {one.fingerprint: min(one.since, moment) for one in before.values() if one.fingerprint in since}
    gone = [one for one in before.values() if one.fingerprint not in since]
    unchecked = tuple(one for one in gone if one.rule not in report.rules)
    concerned = {finding.rule for finding in report.findings} | {one.rule for one in gone}
    return Comparison(
        at=moment,
        previous=latest.at,
        notes=(
            *problems,
            *_asked_otherwise(report, latest, asked, sorted(concerned.intersection(report.rules))),
            *_notes(silent, unchecked),
        ),
        since=since,
        new=frozenset(finding.fingerprint for finding in appeared) - silent.keys(),
        unknown=frozenset(silent),
        gone=tuple(one for one in gone if one.rule in report.rules),
        unchecked=unchecked,
    )


def _asked(report: AuditReport, past: Sequence[PastAudit]) -> dict[str, PastAudit]:
    """For each rule of the report the latest audit that checked it in the same way, else the latest that checked it."""
    checked = [(rule, audit) for audit in reversed(past) for rule in audit.rules.intersection(report.rules)]
    alike = [(rule, audit) for rule, audit in checked if not audit.other_argument(rule, report.arguments)]
    return dict(checked) | dict(alike)


def _asked_otherwise(
    report: AuditReport, latest: PastAudit, asked: Mapping[str, PastAudit], rules: Iterable[str]
) -> Iterator[str]:
    """What to know of those rules that the latest audit did not check, or in another way."""
    for rule in rules:
        argument = latest.other_argument(rule, report.arguments)
        if rule not in latest.rules:
            said = f"{rule} was not checked then"
        elif argument:
            said = f"{rule} was checked with other {argument} then"
        else:
            continue
        audit = asked.get(rule, latest)
        yield f"{said}." if audit is latest else f"{said}; it is compared with {audit.at:%Y-%m-%d %H:%M} UTC."


def _notes(silent: Mapping[str, PastAudit], unchecked: Iterable[KnownFinding]) -> Iterator[str]:
    """What is not known.

    :param silent: for each finding of which it is not known whether it is new, the audit that left findings out.
    """
    for rule, number in sorted(Counter(one.rule for one in unchecked).items()):
        yield f"{rule} is not checked any more; it had {counted(number, 'finding')}."
    if silent:
        yield (
            f"Of the earlier audit's findings {max(audit.left_out for audit in silent.values()):,} were not kept, so "
            f"it is not known whether {len(silent):,} of today's are new."
        )


def _is_other(past: PastAudit, conn_id: str) -> str:
    """Why an earlier audit is not one to compare with."""
    if past.conn_id != shown_id(conn_id):
        return f"The last audit that is known is of another connection, {quoted(past.conn_id)}."
    return f"The last audit of this connection is of another programme, {quoted(past.program_id)}."


def _program_id(report: AuditReport) -> str:
    return report.program.public_id if report.program else ""
