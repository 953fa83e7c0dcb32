"""Somebody adds a connection with Airflow's form and clicks on its Test button."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .chromium import NEEDS_CHROMIUM
from .cluster import Cluster
from .programme import TOKEN
from .waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.airflow, *NEEDS_CHROMIUM]

NEEDS_A_PORT = {"3.3.1", "3.3.2"}  # mended by apache/airflow#73298
"""Versions whose Test button refuses every connection that has no port, of whatever type."""


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path, e2e_sandbox: Sandbox
) -> Iterator[Cluster]:
    """Airflow's API server alone."""
    with Cluster(tmp_path_factory.mktemp("form"), e2e_sandbox, migrated_database) as cluster:
        cluster.start("api-server")
        cluster.wait_until_up()
        yield cluster


@pytest.fixture
def connections(server: Cluster, browser: Browser) -> Iterator[Page]:
    """The page with the connections."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{server.address}/connections")
    yield page
    page.close()


def _add(page: Page, conn_id: str, **fields: str) -> dict[str, Any]:
    """Fill in the form, save it, and return what Airflow has stored."""
    _fill_in(page, conn_id, **fields)
    with page.expect_response(lambda answer: answer.request.method == "POST") as saved:
        page.get_by_role("button", name="Save").click()
    stored: dict[str, Any] = saved.value.json()
    return stored


def _fill_in(page: Page, conn_id: str, **fields: str) -> None:
    page.get_by_role("button", name="Add Connection").click()
    page.locator("input[name=connection_id]").fill(conn_id)
    page.get_by_role("combobox").last.focus()
    page.keyboard.type("partnero")
    page.keyboard.press("Enter")
    for name, value in fields.items():
        page.locator(f"input[name={name}]").fill(value)


def _test(page: Page, conn_id: str) -> tuple[int, dict[str, Any]]:
    """Click on the connection's Test button; the answer's status and body."""
    row = page.get_by_role("row").filter(has=page.get_by_text(conn_id, exact=True))
    with page.expect_response(lambda answer: "/connections/test" in answer.url) as tested:
        row.get_by_role("button", name="Test Connection").click()
    return tested.value.status, tested.value.json()


def test_the_form_asks_for_a_token_and_a_base_url_and_for_neither_login_nor_port(connections: Page) -> None:
    _fill_in(connections, "by_form", password=TOKEN, host="https://api.partnero.com/v1")
    form = connections.get_by_role("dialog")
    assert all(form.get_by_text(label, exact=True).count() for label in ("API token", "Base URL"))
    assert not any(form.locator(f"input[name={name}]").count() for name in ("login", "port", "schema"))


def test_the_test_button_works_but_for_the_versions_of_airflow_that_the_readme_names(
    connections: Page, e2e_sandbox: Sandbox
) -> None:
    _add(connections, "button", password=TOKEN, host=e2e_sandbox.base_url)
    status, answer = _test(connections, "button")
    if version("apache-airflow") in NEEDS_A_PORT:
        assert (status, "host or port to test differs" in answer["detail"]) == (400, True)
    else:
        assert (status, answer["status"]) == (200, True)


def test_with_port_0_from_the_command_line_the_test_button_works_on_every_version(
    server: Cluster, connections: Page, e2e_sandbox: Sandbox
) -> None:
    added = ["connections", "add", "with_port", "--conn-type", "partnero", "--conn-port", "0"]
    server.airflow(*added, "--conn-password", TOKEN, "--conn-host", e2e_sandbox.base_url)
    connections.reload()
    status, answer = _test(connections, "with_port")
    assert (status, answer["status"]) == (200, True), answer
    assert "Partnero" in answer["message"]
