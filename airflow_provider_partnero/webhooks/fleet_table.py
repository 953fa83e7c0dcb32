"""A fleet's report as plain text in aligned columns, for a log."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.fleet import FleetReport, FleetRow
from airflow_provider_partnero.webhooks.table import aligned
from airflow_provider_partnero.webhooks.texts import cell, counted

_HEADER = ("STATE", "CONNECTION", "PROGRAMME", "WEBHOOKS", "ERRORS", "WARNINGS", "WHAT")
_LONGEST = 240


def fleet_table(report: FleetReport, max_rows: int | None = None) -> str:
    """A line with the counts, a line for each programme, and one for each finding across programmes.

    :param max_rows: how many programmes, and how many findings, to list; None: all. What is left out is counted.
    """
    rows, findings = report.rows[:max_rows], report.findings[:max_rows]
    lines = [fleet_summary(report), "", *aligned([_HEADER, *map(_cells, rows)])]
    lines += _more(len(report.rows) - len(rows), "programme")
    if findings:
        across = [(str(found.severity), found.rule, cell(found.words, _LONGEST)) for found in findings]
        lines += ["", *aligned([("SEVERITY", "RULE", "ACROSS PROGRAMMES"), *across])]
        lines += _more(len(report.findings) - len(findings), "finding")
    return "\n".join(lines)


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
    worst = row.audit.findings[0].words if row.audit.findings else ""
    said = cell(" ".join(filter(None, [row.audit.error or worst, *row.notes])), _LONGEST)
    return (
        state_of(row),
        cell(row.conn_id, 40),
        cell(row.audit.program, 32) or "-",
        *figures,
        said or "-",
    )


def _more(left_out: int, noun: str) -> Iterator[str]:
    if left_out:
        yield f"... and {counted(left_out, noun)} more."
