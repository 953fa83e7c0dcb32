"""A fleet's report as plain text that no log view cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.fleet import FleetReport, FleetRow
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS
from airflow_provider_partnero.webhooks.table import aligned, findings_by_rule, indented
from airflow_provider_partnero.webhooks.texts import cell, counted

_HEADER = ("STATE", "CONNECTION", "PROGRAMME", "WEBHOOKS", "ERRORS", "WARNINGS")
_LONGEST_CONNECTION, _LONGEST_PROGRAMME = 30, 24
_LONGEST = 240
_INDENT = 4


def fleet_table(report: FleetReport, max_rows: int | None = None) -> str:
    """A line with the counts, some for each programme, and some for each finding across programmes.

    No line has more than 100 columns.

    :param max_rows: how many programmes, and how many findings, to list; None: all. What is left out is counted.
    """
    rows = report.rows[:max_rows]
    header, *lines = aligned([_HEADER, *map(_cells, rows)])
    told = [fleet_summary(report), "", header]
    for line, row in zip(lines, rows, strict=True):
        told += [line, *indented(_said(row), _INDENT)]
    told += _more(len(report.rows) - len(rows), "programme")
    told += findings_by_rule(report.findings, RULES_ACROSS, report.counts["by_rule"], max_rows)
    return "\n".join(told)


def fleet_summary(report: FleetReport) -> str:
    """``3 programmes (1 not audited) with 48 webhooks: 2 errors, 1 warning.``"""
    counts = report.counts
    silent = f" ({counts['not_audited']:,} not audited)" if counts["not_audited"] else ""
    found = f"{counted(counts['errors'], 'error')}, {counted(counts['warnings'], 'warning')}"
    return (
        f"{counted(counts['programmes'], 'programme')}{silent} with {counted(counts['webhooks'], 'webhook')}: {found}."
    )


def nothing_across(report: FleetReport) -> str:
    """What to say where there is no finding across programmes, which need not mean that all is well."""
    if not report.rules:
        return "Not checked."
    if report.compared < 2:
        return "Nothing was compared, since fewer than two programmes could be."
    return "Nothing that two programmes have in common."


def state_of(row: FleetRow) -> str:
    """``not audited``, ``error``, ``warning`` or ``good``."""
    return "not audited" if row.audit.error else str(row.worst or "good")


def _cells(row: FleetRow) -> tuple[str, ...]:
    counts = row.audit.counts
    figures = (f"{counts[name]:,}" if name in counts else "-" for name in ("webhooks", "errors", "warnings"))
    program = cell(row.audit.program, _LONGEST_PROGRAMME) or "-"
    return (state_of(row), cell(row.conn_id, _LONGEST_CONNECTION), program, *figures)


def _said(row: FleetRow) -> str:
    worst = row.audit.findings[0].words if row.audit.findings else ""
    return cell(" ".join(filter(None, [row.audit.error or worst, *row.notes])), _LONGEST)


def _more(left_out: int, noun: str) -> Iterator[str]:
    if left_out:
        yield f"... and {counted(left_out, noun)} more."
