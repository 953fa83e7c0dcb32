"""``audit``: what is wrong with the live webhooks."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.connection import connected
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.files import check_writable, parse_declaration, read_text, write_text
from airflow_provider_partnero.commands.formats import chosen_format
from airflow_provider_partnero.commands.past_reports import comparable, past_audits
from airflow_provider_partnero.commands.plan_arguments import separated
from airflow_provider_partnero.operators.keys import under_live_keys
from airflow_provider_partnero.webhooks.audit import AuditOptions, AuditReport, audit
from airflow_provider_partnero.webhooks.comparison import Comparison, compare
from airflow_provider_partnero.webhooks.report import render_report
from airflow_provider_partnero.webhooks.report.junit import render_junit
from airflow_provider_partnero.webhooks.report.locations import DeclarationPlaces, declaration_places
from airflow_provider_partnero.webhooks.report.sarif import render_sarif
from airflow_provider_partnero.webhooks.table import in_lines

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal

_SUFFIXES = {"json": ".json", "markdown": ".md", "sarif": ".sarif", "junit": ".xml"}
_TITLE = "Partnero webhooks"


def run(options: Namespace, terminal: Terminal) -> int:
    """Print the report, and write it to the files that are named."""
    shown_as = chosen_format(options, *_SUFFIXES)
    files = _report_files(options)
    declaration = read_text(options.file) if options.file else None
    arguments = _arguments(options, declaration)
    AuditOptions(**arguments)  # refuses what is wrong before anything is sent
    with connected(options) as connection, terminal.progress("Reading the webhooks"):
        webhooks = list(connection.iter_webhooks(consistent=True))
        program = connection.find_program()
    places = None
    if declaration is not None:
        declared = under_live_keys(options.conn_id, arguments["declared"], webhooks)
        arguments["declared"] = declared
        places = declaration_places(options.file, declaration, declared, webhooks)
    report = audit(webhooks, program=program, **arguments)
    moment = datetime.now(UTC)
    comparison = _compared(report, comparable(files), moment, options.conn_id)
    rendering = _Rendering(report, options.conn_id, moment, places, comparison)
    for file in files:
        write_text(file, rendering.text(Path(file).suffix))
        terminal.say(f"Report written to {file}.")
    terminal.show(rendering.text(_SUFFIXES[shown_as]) if shown_as else rendering.table())
    return FOUND if report.fails(options.fail_on) else CLEAN


def _compared(report: AuditReport, files: list[str], moment: datetime, conn_id: str) -> Comparison | None:
    """The audit beside the one that the reports to be replaced are about; None if there are to be no reports."""
    if not files:
        return None
    known, problems = past_audits(files)
    return compare(report, known, at=moment, conn_id=conn_id, problems=problems)


def _report_files(options: Namespace) -> list[str]:
    for argument, files, suffixes in (
        ("--html", [options.html] if options.html else [], (".html",)),
        ("--report", options.report or [], (*_SUFFIXES.values(), ".html")),
    ):
        for file in files:
            check_writable(file, argument=argument, suffixes=suffixes)
            if options.file and Path(file).resolve() == Path(options.file).resolve():
                raise ValueError(f"{argument} {file}: is the declaration itself")
    files = [*(options.report or []), *([options.html] if options.html else [])]
    if any(file.endswith(".html") for file in files) and not find_spec("jinja2"):
        raise ValueError("a report in HTML needs Jinja2, which is not installed here: pip install Jinja2")
    return files


def _arguments(options: Namespace, declaration: str | None) -> dict[str, Any]:
    return {
        "ignore": separated(options.ignore, "--ignore"),
        "allowed_hosts": None if options.allowed_hosts is None else separated(options.allowed_hosts, "--allowed-hosts"),
        "required_events": separated(options.required_events, "--required-events"),
        "declared": None if declaration is None else parse_declaration(declaration, options.file, options.conn_id),
    }


@dataclass(frozen=True, slots=True)
class _Rendering:
    report: AuditReport
    conn_id: str
    moment: datetime
    places: DeclarationPlaces | None
    comparison: Comparison | None

    def table(self) -> str:
        table = self.report.to_table()
        return f"{table}\n\n{in_lines(self.comparison.summary)}" if self.comparison else table

    def text(self, suffix: str) -> str:
        if suffix == ".sarif":
            return render_sarif(self.report, places=self.places, comparison=self.comparison)
        if suffix == ".xml":
            return render_junit(self.report, conn_id=self.conn_id)
        return render_report(
            self.report,
            suffix=suffix,
            title=_TITLE,
            generated_at=self.moment,
            conn_id=self.conn_id,
            comparison=self.comparison,
        )
