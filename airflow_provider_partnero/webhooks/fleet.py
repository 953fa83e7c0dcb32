"""The report of a fleet: what the audits of many programmes found, and what two programmes have in common.

Pure, and linear in the number of programmes and webhooks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.webhooks.audit import FailOn
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.handover import Handover
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS
from airflow_provider_partnero.webhooks.texts import counted, quoted, visible

_SUMS = ("webhooks", "active", "inactive", "findings", "errors", "warnings")
_SILENT = (
    "Its audit handed on nothing: its worker was killed, or it failed before it began. The log of its task tells more."
)


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One connection of the fleet.

    :param audit: what its audit handed on.
    :param notes: what is special about it, in sentences.
    :param across: the worst that it has in common with another programme; None for nothing.
    :param is_counted: whether its figures are part of the sums: not if another row is about the same programme.
    """

    audit: Handover
    notes: tuple[str, ...] = ()
    across: Severity | None = None
    is_counted: bool = True

    @property
    def conn_id(self) -> str:
        """The connection."""
        return self.audit.conn_id

    @property
    def worst(self) -> Severity | None:
        """The worst that is wrong with it; an error if it could not be audited."""
        if self.audit.error or self.audit.counts.get("errors") or self.across is Severity.ERROR:
            return Severity.ERROR
        return Severity.WARNING if self.audit.counts.get("warnings") else self.across

    @property
    def words(self) -> str:
        """Why it could not be audited, or how many findings of each severity it has; then what is special."""
        return " ".join([self.audit.error or f"{_found(self.audit.counts)}.", *self.notes])


@dataclass(frozen=True, slots=True)
class FleetReport:
    """What a fleet's audits found.

    :param counts: ``{"programmes", "not_audited", "webhooks", "active", "inactive", "findings", "errors", "warnings",
        "by_rule": {id: number}}``; findings across programmes included, a programme that comes twice counted once.
    :param rows: all connections, the worst first, else in the order of the fleet.
    :param findings: those across programmes: errors first, then by rule and words.
    :param rules: ids of the rules across programmes that were checked.
    :param compared: how many programmes were compared with each other.
    """

    counts: dict[str, Any]
    rows: tuple[FleetRow, ...]
    findings: tuple[Finding, ...]
    rules: tuple[str, ...]
    compared: int

    @property
    def worst(self) -> Severity | None:
        """The worst that is wrong with any programme; None if nothing is."""
        if self.counts["not_audited"] or self.counts["errors"]:
            return Severity.ERROR
        return Severity.WARNING if self.counts["warnings"] else None

    def fails(self, fail_on: FailOn) -> bool:
        """Whether a programme could not be audited, or there is a finding of this severity or worse.

        :param fail_on: ``"error"``, ``"warning"`` or ``"never"``.
        """
        if self.counts["not_audited"]:
            return True
        return self.worst is not None and fail_on != "never" and (self.worst is Severity.ERROR or fail_on == "warning")

    def to_dict(self, max_rows: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"counts": {...}, "programmes": [{"conn_id", "program", "error", "notes", "counts",
        "findings", "findings_left_out"}], "programmes_left_out", "findings": [{"rule", "severity", "words"}],
        "findings_left_out"}``.

        :param max_rows: how many programmes, and how many findings across programmes, to list; None: all. Those of each
            programme are left out then.
        """
        rows, findings = self.rows[:max_rows], self.findings[:max_rows]
        return {
            "counts": {**self.counts, "by_rule": dict(self.counts["by_rule"])},
            "programmes": [_plain_row(row, with_findings=max_rows is None) for row in rows],
            "programmes_left_out": len(self.rows) - len(rows),
            "findings": [_plain_finding(finding) for finding in findings],
            "findings_left_out": len(self.findings) - len(findings),
        }


def roll_up(fleet: Iterable[str], audits: Iterable[Handover], *, ignore: Iterable[str] = ()) -> FleetReport:
    """The report of a fleet.

    A connection whose audit handed on nothing is in it as well. One that is named twice is there once, and says so; if
    only one of its audits failed, the other counts.
    Of two connections to one programme the second says so, and is neither counted nor compared with the others.

    :param fleet: its connections; one that is not among them but was audited comes last.
    :param ignore: ids of rules across programmes not to check.
    :raises ValueError: ``fleet`` and ``audits`` are empty, or a rule is not one of those across programmes.
    """
    ids = [rule.id for rule in RULES_ACROSS]
    ignored = set(ignore)
    for rule_id in ignored - set(ids):
        raise ValueError(f"ignore: {unknown_name(rule_id, ids, what='rule')}")
    named = Counter(tuple(fleet))
    by_conn_id = {audit.conn_id: audit for audit in sorted(audits, key=lambda audit: audit.error is None)}
    if not named and not by_conn_id:
        raise ValueError("fleet: no connection is named; at least one is needed")
    rows = [
        FleetRow(by_conn_id.get(conn_id) or Handover(conn_id, _SILENT), _names(named[conn_id]))
        for conn_id in dict.fromkeys([*named, *by_conn_id])
    ]
    rows = _told_apart(rows)
    compared, rows = _comparable(rows)
    rules = [rule for rule in RULES_ACROSS if rule.id not in ignored]
    found = [one for rule in rules for one in rule.findings(compared)]
    rows = _concerned(rows, found)
    findings = [finding for finding, _ in found]
    return FleetReport(
        counts=_counts(rows, findings),
        rows=tuple(sorted(rows, key=_badness)),
        findings=tuple(sorted(findings, key=lambda found: (found.severity.place, found.rule, found.words))),
        rules=tuple(rule.id for rule in rules),
        compared=sum(bool(audit.seal_id) for audit in compared),
    )


def _names(number: int) -> tuple[str, ...]:
    return (f"It is named {number:,} times and counts once.",) if number > 1 else ()


def _told_apart(rows: Sequence[FleetRow]) -> list[FleetRow]:
    """The rows, of which a later one about the same programme says so."""
    first: dict[str, str] = {}
    told: list[FleetRow] = []
    for row in rows:
        twin = next((first[name] for name in row.audit.identities if name in first), None)
        for name in row.audit.identities:
            first.setdefault(name, row.conn_id)
        if twin:
            words = f"It leads to the same programme as {quoted(twin, 80)} and counts once."
            row = replace(row, notes=(*row.notes, words), is_counted=False)  # noqa: PLW2901
        told.append(row)
    return told


def _comparable(rows: Sequence[FleetRow]) -> tuple[list[Handover], list[FleetRow]]:
    """The programmes whose digests were made with one key, and the rows; one that cannot be compared says so."""
    keys = Counter(row.audit.seal_id for row in rows if row.audit.seal_id)
    key = keys.most_common(1)[0][0] if keys else ""
    compared, told = [], []
    for row in rows:
        notes = list(row.notes)
        if row.audit.seal_id and row.audit.seal_id != key:
            notes.append(
                "It cannot be compared with the others: a token of the fleet has changed since. Audit all again."
            )
        elif left_out := row.audit.webhooks_left_out:
            notes.append(
                f"{counted(left_out, 'webhook')} of it, by name the last, not compared with other programmes'."
            )
        if row.is_counted and row.audit.seal_id == key:
            compared.append(row.audit)
        told.append(replace(row, notes=tuple(notes)))
    return compared, told


def _concerned(rows: Sequence[FleetRow], found: Iterable[tuple[Finding, frozenset[str]]]) -> list[FleetRow]:
    """The rows; one that has something in common with another programme says so."""
    severities: defaultdict[str, list[Severity]] = defaultdict(list)
    for finding, conn_ids in found:
        for conn_id in conn_ids:
            severities[conn_id].append(finding.severity)
    told = []
    for row in rows:
        if shared := severities.get(row.conn_id):
            words = f"It has {counted(len(shared), 'finding')} in common with other programmes."
            row = replace(row, notes=(*row.notes, words), across=min(shared))  # noqa: PLW2901
        told.append(row)
    return told


def _badness(row: FleetRow) -> int:
    return [bool(row.audit.error), row.worst is Severity.ERROR, row.worst is Severity.WARNING, True].index(True)


def _counts(rows: Sequence[FleetRow], findings: Sequence[Finding]) -> dict[str, Any]:
    counted_rows = [row.audit.counts for row in rows if row.is_counted and not row.audit.error]
    sums = {name: sum(counts.get(name, 0) for counts in counted_rows) for name in _SUMS}
    by_rule = Counter(finding.rule for finding in findings)
    for counts in counted_rows:
        by_rule.update(counts.get("by_rule", {}))
    sums["findings"] += len(findings)
    sums["errors"] += sum(finding.severity is Severity.ERROR for finding in findings)
    sums["warnings"] += sum(finding.severity is Severity.WARNING for finding in findings)
    return {
        "programmes": sum(row.is_counted for row in rows),
        "not_audited": sum(row.audit.error is not None for row in rows),
        **sums,
        "by_rule": dict(sorted(by_rule.items())),
    }


def _found(counts: Mapping[str, Any]) -> str:
    return f"{counted(counts.get('errors', 0), 'error')}, {counted(counts.get('warnings', 0), 'warning')}"


def _plain_row(row: FleetRow, *, with_findings: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "conn_id": visible(row.conn_id),
        "program": row.audit.program,
        "error": row.audit.error,
        "notes": list(row.notes),
        "counts": dict(row.audit.counts),
    }
    if with_findings:
        plain["findings"] = [finding.to_dict() for finding in row.audit.findings]
        plain["findings_left_out"] = row.audit.counts.get("findings", 0) - len(row.audit.findings)
    return plain


def _plain_finding(finding: Finding) -> dict[str, str]:
    return {"rule": finding.rule, "severity": str(finding.severity), "words": finding.words}
