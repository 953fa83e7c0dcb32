"""A fleet's report as a file: JSON for programs, Markdown for tickets, HTML for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.fleet import FleetReport, FleetRow
from airflow_provider_partnero.webhooks.fleet_table import fleet_summary, nothing_across, state_of
from airflow_provider_partnero.webhooks.report.markdown import escaped
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS
from airflow_provider_partnero.webhooks.texts import counted, visible

SUFFIXES = (".json", ".md", ".html")


def render_fleet(report: FleetReport, *, suffix: str, title: str, generated_at: datetime) -> str:
    """The text of a report file. It holds no signing secret, no secret of a URL, and no digest of either.

    JSON and Markdown have every programme and every finding across programmes, and the worst 20 findings of each
    programme at most. The page has the worst 300 programmes with 5 findings of each, and says how many there are.

    :param suffix: the file's suffix, which decides the format: ``".json"``, ``".md"`` or ``".html"``. HTML needs
        Jinja2, which comes with Airflow.
    :param title: heading of the report.
    :param generated_at: when the report was made; with a time zone.
    :raises ValueError: another suffix, or a moment without a time zone.
    """
    if generated_at.tzinfo is None:
        raise ValueError(f"generated_at={short_repr(generated_at)}: must have a time zone")
    moment = generated_at.astimezone(UTC)
    if suffix == ".json":
        return _render_json(report, title, moment)
    if suffix == ".md":
        return "\n".join(_markdown(report, title, moment)).rstrip() + "\n"
    if suffix == ".html":
        from airflow_provider_partnero.webhooks.report.fleet_page import build_fleet_page
        from airflow_provider_partnero.webhooks.report.html import environment

        page = build_fleet_page(report, title, moment)
        return environment().get_template("fleet.j2").render(page=page)
    raise ValueError(f"suffix={short_repr(suffix)}: must be one of {', '.join(SUFFIXES)}")


def _render_json(report: FleetReport, title: str, moment: datetime) -> str:
    head = {"title": visible(title), "generated_at": moment.isoformat(timespec="seconds"), "rules": list(report.rules)}
    return json.dumps(head | report.to_dict(), indent=2) + "\n"


def _markdown(report: FleetReport, title: str, moment: datetime) -> Iterator[str]:
    yield from (f"# {escaped(title)}", "", f"{moment:%Y-%m-%d %H:%M} UTC.", "")
    yield from (f"**{escaped(fleet_summary(report))}**", "", "## Programmes", "")
    yield "| State | Connection | Programme | Webhooks | Errors | Warnings | What |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- |"
    for row in report.rows:
        yield _markdown_row(row)
    yield from ("", "## Across programmes", "")
    if not report.findings:
        yield from (nothing_across(report), "")
    else:
        yield from ("| Severity | Rule | What |", "| --- | --- | --- |")
        yield from (f"| {found.severity} | {found.rule} | {escaped(found.words)} |" for found in report.findings)
        yield ""
        for rule in RULES_ACROSS:
            if rule.id in report.counts["by_rule"]:
                yield f"- {rule.id}, {escaped(rule.title)}: {escaped(rule.remedy)}"
        yield ""
    yield from _findings(report)


def _markdown_row(row: FleetRow) -> str:
    counts = row.audit.counts
    figures = [f"{counts[name]:,}" if name in counts else "" for name in ("webhooks", "errors", "warnings")]
    words = " ".join([row.audit.error or "", *row.notes]).strip()
    cells = [state_of(row), escaped(row.conn_id, 120), escaped(row.audit.program), *figures, escaped(words)]
    return f"| {' | '.join(cells)} |"


def _findings(report: FleetReport) -> Iterator[str]:
    for row in report.rows:
        if not row.audit.findings:
            continue
        yield from (f"## {escaped(row.conn_id, 120)}", "")
        for found in row.audit.findings:
            name = "" if found.name is None else f" {escaped(found.name, 120)}:"
            yield f"- {found.severity} {found.rule}{name} {escaped(found.words)}"
        if left_out := row.audit.counts.get("findings", 0) - len(row.audit.findings):
            yield f"- and {counted(left_out, 'finding')} more; the programme's own report lists all"
        yield ""
