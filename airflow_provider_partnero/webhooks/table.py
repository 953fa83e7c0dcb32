"""Findings as plain text that no log view or terminal cuts off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.texts import (
    cell,
    columns,
    counted,
    padded,
    starts_formula,
    visible_start,
    wrapped,
)

_LINE = 100  # columns; Airflow's log page has room for them in a window of 1,280 pixels
_LONGEST_NAME = 60
_LONGEST_KEY = 24
_LONGEST_WORDS = 240
_INDENT = 2


class RuleText(Protocol):
    """What is told of a rule, be it about one programme or about several."""

    @property
    def id(self) -> str:
        """Its id, such as ``PW001``."""

    @property
    def severity(self) -> Severity:
        """That of its findings."""

    @property
    def title(self) -> str:
        """What it finds, in a few words."""

    @property
    def remedy(self) -> str:
        """What to do about it, in a sentence."""


def findings_table(counts: Mapping[str, Any], findings: Sequence[Finding], max_rows: int | None = None) -> str:
    """A line with the counts, then for each rule its findings and what to do about them, in lines of 100 columns.

    Long values are shortened, long lines go on in the next one, and invisible characters are written out.

    :param findings: those of one rule in a row, as in a report.
    :param max_rows: how many findings to list, from 0; None: all. What is left out is counted in the last line.
    """
    return "\n".join([summary(counts), *findings_by_rule(findings, RULES, counts["by_rule"], max_rows)])


def findings_by_rule(
    findings: Sequence[Finding], rules: Iterable[RuleText], by_rule: Mapping[str, int], max_rows: int | None = None
) -> Iterator[str]:
    """The lines about the findings, with an empty one before each rule.

    :param rules: all rules that may have found something.
    :param by_rule: for each rule that found something, how often it did.
    """
    kept = findings if max_rows is None else findings[: max(max_rows, 0)]
    rule_of = {rule.id: rule for rule in rules}
    for rule_id, found in groupby(kept, key=lambda finding: finding.rule):
        yield ""
        yield from _about_rule(rule_of[rule_id], by_rule[rule_id], found)
    if left_out := len(findings) - len(kept):
        yield ""
        yield f"... and {counted(left_out, 'finding')} more."


def summary(counts: Mapping[str, Any]) -> str:
    """``48 webhooks (45 active, 3 inactive): 2 errors, 1 warning.``"""
    found = f"{counted(counts['errors'], 'error')}, {counted(counts['warnings'], 'warning')}"
    webhooks = counted(counts["webhooks"], "webhook")
    return f"{webhooks} ({counts['active']:,} active, {counts['inactive']:,} inactive): {found}."


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows, one a line, each column as wide as its widest text."""
    widths = [max(columns(text) for text in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(padded(text, width) for text, width in zip(row, widths, strict=True)).rstrip()


def in_lines(text: str) -> str:
    """The text in lines of 100 columns."""
    return "\n".join(indented(text, 0))


def indented(text: str, indent: int) -> Iterator[str]:
    """The text in lines of 100 columns, each after ``indent`` spaces and none of them a spreadsheet's formula."""
    for line in wrapped(text, _LINE - indent - 1):
        shown = f"'{line}" if starts_formula(line) else line
        yield " " * indent + shown


def _about_rule(rule: RuleText, number: int, findings: Iterable[Finding]) -> Iterator[str]:
    yield f"{rule.severity} {rule.id}: {rule.title}{f' ({number:,} times)' if number > 1 else ''}"
    yield from indented(f"What to do: {rule.remedy}", _INDENT)
    for finding in findings:
        label = _label(finding)
        if label:
            yield from indented(label, 2 * _INDENT)
        yield from indented(cell(finding.words, _LONGEST_WORDS), (3 if label else 2) * _INDENT)


def _label(finding: Finding) -> str:
    """The webhook's name and key, as far as the finding is about one."""
    name = cell(finding.name or "", _LONGEST_NAME)
    key = f"(key {visible_start(finding.key, _LONGEST_KEY)})" if finding.key else ""
    return " ".join(filter(None, [name, key]))
