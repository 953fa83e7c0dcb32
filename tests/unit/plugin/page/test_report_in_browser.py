"""A report in a frame of the page, in a real browser: it is shown, and nothing runs that somebody has put there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI, Response

from airflow_provider_partnero.api import Webhook
from airflow_provider_partnero.plugin.page.rendering import HEADERS
from airflow_provider_partnero.plugin.page.report_file import ReportFile, report_response
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.report import render_report
from tests.e2e.chromium import NEEDS_CHROMIUM, chromium
from tests.e2e.waiting import PATIENCE

from .visitors import answering

pytestmark = NEEDS_CHROMIUM

_OWN = "<script>top.owned = 1; document.title = 'owned'</script>"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with a page that frames a report, ``/genuine``, or one that somebody has changed, ``/changed``."""

    webhook = Webhook(key="k", name=_OWN, url="http://a.example/x", is_active=True, events=(), signature="s" * 40)
    moment = datetime(2026, 11, 26, tzinfo=UTC)
    text = render_report(audit([webhook]), suffix=".html", title="Webhooks", generated_at=moment, conn_id="c")
    reports = {"genuine": text, "changed": text.replace("</body>", f"{_OWN}</body>")}
    app = FastAPI()

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @app.get("/file/{name}")
    def file(name: str) -> Response:
        return report_response(ReportFile(reports[name].encode(), ".html", ""))

    @app.get("/{name}")
    def page(name: str) -> Response:
        frame = f"<!doctype html><title>Page</title><iframe sandbox src='/file/{name}' width=900 height=600></iframe>"
        return Response(frame, media_type="text/html", headers=dict(HEADERS))

    with answering(app) as address:
        yield address


@pytest.mark.parametrize(("name", "blocked"), [("genuine", 0), ("changed", 1)])
def test_a_report_is_shown_in_its_frame_and_no_script_in_it_runs(address: str, name: str, blocked: int) -> None:
    complaints: list[str] = []
    with chromium() as browser:
        page: Any = browser.new_page(viewport={"width": 1000, "height": 700})
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{address}/{name}", wait_until="load")
        blank = page.screenshot(clip={"x": 0, "y": 620, "width": 900, "height": 60})
        shown = page.screenshot(clip={"x": 20, "y": 20, "width": 860, "height": 560})
        assert page.evaluate("window.owned") is None
        assert page.title() == "Page"
    assert len(shown) > 4 * len(blank)  # a picture of words is larger than one of nothing
    assert ["Blocked script execution" in words for words in complaints] == [True] * blocked
