"""Somebody looks at a task and clicks on its links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .chromium import NEEDS_CHROMIUM
from .cluster import Cluster
from .programme import webhook
from .waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.airflow, *NEEDS_CHROMIUM]

HOSTILE = "<b>hostile</b>"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path, e2e_sandbox: Sandbox
) -> Iterator[Cluster]:
    """Airflow's API server alone, with one run of the DAG."""
    e2e_sandbox.reset()
    e2e_sandbox.put_webhooks([webhook("good00"), webhook("plain0") | {"name": HOSTILE, "url": "http://a.example/x"}])
    dags = Path(__file__).parent / "dags_links"
    with Cluster(tmp_path_factory.mktemp("links"), e2e_sandbox, migrated_database, dags) as cluster:
        cluster.airflow("dags", "reserialize")
        cluster.airflow("dags", "test", "linked")
        cluster.start("api-server")
        cluster.wait_until_up()
        yield cluster


@contextmanager
def _visit(server: Cluster, browser: Browser, path: str, complaints: list[str]) -> Iterator[Page]:
    """A page of Airflow's; what Partnero's page complains of in the browser is collected."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda message: complaints.append(message.text) if "/partnero/" in page.url else None)
    page.goto(server.address + path)
    yield page
    if folder := os.environ.get("PARTNERO_PICTURES"):
        page.screenshot(path=Path(folder) / f"{path.rpartition('/tasks/')[2].replace('/', '-')[:40]}.png")
    page.close()


def _run_id(server: Cluster) -> str:
    [(run_id,)] = server.rows("select run_id from dag_run where dag_id = 'linked'")
    return str(run_id)


def _task(server: Cluster, task_id: str) -> str:
    return f"/dags/linked/runs/{_run_id(server)}/tasks/{task_id}/details"


@pytest.mark.parametrize(
    ("task_id", "link", "words"),
    [
        ("audit", "Partnero page", "Not well"),
        ("audit", "Partnero report", "report.html"),
        ("plan", "Partnero plan", '+ create "Linked"'),
        ("create", "Partnero webhook", "linked.example"),
        ("wait", "Partnero webhook", "linked.example"),
    ],
)
def test_each_link_leads_to_what_it_says_and_the_browser_complains_of_nothing(
    server: Cluster, browser: Browser, task_id: str, link: str, words: str
) -> None:
    complaints: list[str] = []
    with _visit(server, browser, _task(server, task_id), complaints) as page:
        page.get_by_role("link", name=link, exact=True).click()
        page.get_by_text(words).first.wait_for()
        assert page.url.startswith(f"{server.address}/partnero/page/partnero_default/")
    assert complaints == []
