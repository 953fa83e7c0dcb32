"""An audit's report as a file: JSON for programs, Markdown for tickets, HTML for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.audit import AuditReport
from airflow_provider_partnero.webhooks.comparison import Comparison, told_findings
from airflow_provider_partnero.webhooks.report.embedded import JSON_FIELD, kept
from airflow_provider_partnero.webhooks.report.markdown import render_markdown
from airflow_provider_partnero.webhooks.texts import visible

__all__ = ["SUFFIXES", "render_report"]

SUFFIXES = (".json", ".md", ".html")


def render_report(
    report: AuditReport,
    *,
    suffix: str,
    title: str,
    generated_at: datetime,
    conn_id: str,
    comparison: Comparison | None = None,
) -> str:
    """The text of a report file. It holds no signing secret and no secret of a URL.

    It also holds, for the next audit, what was found: :func:`~.embedded.past_audit_in` reads it.

    JSON and Markdown list every finding. The HTML page lists the first 100 of each rule and says how many there are.

    :param suffix: the file's suffix, which decides the format: ``".json"``, ``".md"`` or ``".html"``. HTML needs
        Jinja2, which comes with Airflow.
    :param title: heading of the report.
    :param generated_at: when the audit was made; with a time zone.
    :param conn_id: the Airflow connection of the audited programme.
    :param comparison: this audit beside an earlier one; None: there is no earlier one.
    :raises ValueError: another suffix, or a moment without a time zone.
    """
    if generated_at.tzinfo is None:
        raise ValueError(f"generated_at={short_repr(generated_at)}: must have a time zone")
    moment = generated_at.astimezone(UTC)
    if suffix == ".json":
        return _render_json(report, title, moment, conn_id, comparison)
    if suffix == ".md":
        return render_markdown(report, title, moment, conn_id, comparison)
    if suffix == ".html":
        from airflow_provider_partnero.webhooks.report.html import render_html

        return render_html(report, title, moment, conn_id, comparison)
    raise ValueError(f"suffix={short_repr(suffix)}: must be one of {', '.join(SUFFIXES)}")


def _render_json(report: AuditReport, title: str, moment: datetime, conn_id: str, comparison: Comparison | None) -> str:
    plain = {
        "title": visible(title),
        "conn_id": visible(conn_id),
        "program": report.program and {field: visible(text) for field, text in report.program.to_dict().items()},
        "generated_at": moment.isoformat(timespec="seconds"),
        "rules": list(report.rules),
        **report.to_dict(),
        **_told(report, comparison),
        "webhooks": [
            {
                "key": visible(webhook.key),
                "name": visible(webhook.name),
                "is_active": webhook.is_active,
                "destination": {"host": webhook.host, "service": webhook.service},
                "events": [visible(event) for event in webhook.events],
            }
            for webhook in report.webhooks
        ],
        JSON_FIELD: kept(report, moment, conn_id, comparison).to_dict(),
    }
    return json.dumps(plain, indent=2) + "\n"


def _told(report: AuditReport, comparison: Comparison | None) -> dict[str, Any]:
    """What has changed, and the findings with what is known of each; nothing without a comparison."""
    if comparison is None:
        return {}
    return {"changes": comparison.to_dict(), "findings": told_findings(report, comparison)}
