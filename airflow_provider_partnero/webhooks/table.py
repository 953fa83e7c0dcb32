"""Findings as plain text in aligned columns, for logs and terminals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_partnero.webhooks.findings import Finding
from airflow_provider_partnero.webhooks.texts import cell, columns, counted, padded

_HEADER = ("SEVERITY", "RULE", "WEBHOOK", "KEY", "WHAT")
_LONGEST = (8, 5, 32, 16, 240)


def findings_table(counts: Mapping[str, Any], findings: Sequence[Finding], max_rows: int | None = None) -> str:
    """A line with the counts, then a line per finding. Long values are shortened, invisible characters written out.

    :param max_rows: how many findings to list, from 0; None: all. What is left out is counted in the last line.
    """
    kept = findings if max_rows is None else findings[: max(max_rows, 0)]
    rows = [_HEADER, *(_row(finding) for finding in kept)]
    lines = [summary(counts)]
    if kept:
        lines += ["", *aligned(rows)]
    if left_out := len(findings) - len(kept):
        lines += ["", f"... and {counted(left_out, 'finding')} more."]
    return "\n".join(lines)


def summary(counts: Mapping[str, Any]) -> str:
    """``48 webhooks (45 active, 3 inactive): 2 errors, 1 warning.``"""
    found = f"{counted(counts['errors'], 'error')}, {counted(counts['warnings'], 'warning')}"
    webhooks = counted(counts["webhooks"], "webhook")
    return f"{webhooks} ({counts['active']:,} active, {counts['inactive']:,} inactive): {found}."


def _row(finding: Finding) -> tuple[str, ...]:
    values = (str(finding.severity), finding.rule, finding.name or "-", finding.key or "-", finding.words)
    shown = (cell(value, longest) for value, longest in zip(values, _LONGEST, strict=True))
    return tuple("-" if text == "'-" else text for text in shown)


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows, one a line, each column as wide as its widest text."""
    widths = [max(columns(text) for text in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(padded(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
