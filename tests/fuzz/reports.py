"""Webhooks of any name and URL in every form of a report: they are text, they add nothing, and they hide nothing."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from airflow_provider_partnero import webhooks as package
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.replies import json_object
from airflow_provider_partnero.webhooks.audit import AuditReport, audit
from airflow_provider_partnero.webhooks.comparison import compare
from airflow_provider_partnero.webhooks.report import SUFFIXES, render_report
from airflow_provider_partnero.webhooks.report.embedded import kept, past_audit_in
from airflow_provider_partnero.webhooks.report.junit import render_junit
from airflow_provider_partnero.webhooks.report.sarif import render_sarif

SIGNATURE = "sEcReToFoUrS0001"
CONN_ID = "partnero_default"
NOW = datetime(2026, 5, 7, 10, 30, tzinfo=UTC)
_LONGEST = 400_000  # characters of a report about a few webhooks


def check(data: bytes) -> None:
    """Audit the webhooks and programme of an answer, and write the reports."""
    payload = json_object(bytearray(data)) or {}
    rows = payload.get("data")
    webhooks = tuple(map(Webhook.from_row, rows[:20] if isinstance(rows, list) else ()))
    program = Program.from_api({"data": payload.get("program")})
    report, backwards = (
        audit(ordered, allowed_hosts=["*.example"], required_events=["partner.created"], program=program)
        for ordered in (webhooks, webhooks[::-1])
    )
    assert report == backwards, "an audit depends on the order of the webhooks"
    assert report.counts["findings"] == len(report.findings)
    texts = [report.to_table(), render_sarif(report), render_junit(report, conn_id=CONN_ID)]
    json.loads(texts[1])
    ElementTree.fromstring(texts[2])
    texts += [_written(report, suffix, webhooks) for suffix in SUFFIXES]
    assert all(line.isprintable() for line in texts[0].split("\n")), "a line of the log that is not shown as it is"
    for text in texts:
        assert len(text) <= _LONGEST + 20 * len(data), f"{len(text)} characters of a report"
        text.encode()
        assert data.count(SIGNATURE.encode()) != 1 or not _signs(webhooks) or SIGNATURE not in text, "a secret is shown"


def _signs(webhooks: tuple[Webhook, ...]) -> bool:
    return any(webhook.signature == SIGNATURE for webhook in webhooks)


def _written(report: AuditReport, suffix: str, webhooks: tuple[Webhook, ...]) -> str:
    text = render_report(report, suffix=suffix, title="Audit", generated_at=NOW, conn_id=CONN_ID)
    assert past_audit_in(text, suffix) == kept(report, NOW, CONN_ID, None), "the next audit reads something else"
    comparison = compare(report, [past_audit_in(text, suffix)], at=NOW, conn_id=CONN_ID)
    assert not comparison.new, "what was found a moment ago is new"
    if suffix == ".html":
        check_markup(text)
    elif suffix == ".json":
        assert len(json.loads(text)["webhooks"]) == len(webhooks)
    else:
        assert all(line.isprintable() for line in text.split("\n")), "a line of Markdown that is not shown as it is"
    return text


class _Markup(HTMLParser):
    """The names of the tags and attributes of a page, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(f"{tag} {name}" for name, _ in attrs)}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}


def check_markup(text: str) -> None:
    page = _Markup()
    page.feed(text)
    page.close()
    assert {name.partition(" ")[0] for name in page.names} <= _own_tags(), "somebody's text adds an element"
    assert not [name for name in page.names if " on" in name or name.endswith(" style")], "an attribute that runs"
    assert all(link.startswith(("#", "data:image/svg+xml,%3Csvg")) for link in page.links), page.links


@cache
def _own_tags() -> frozenset[str]:
    """The elements that the template writes."""
    folder = Path(package.__path__[0], "report")
    template = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.j2"))
    return frozenset(re.findall(r"<([a-z][a-z0-9]*)", template)) - {"script", "iframe", "object", "embed", "base"}
