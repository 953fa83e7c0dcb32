"""The views Deliveries and History in a real browser, under the page's own policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.chromium import NEEDS_CHROMIUM, chromium
from tests.unit.ledger.conftest import LATE, Programme, job, listening, programme, sql

from .test_history_view import _extra, _record, asset_id
from .visitors import PAGE, answering, page_mounted, token

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["asset_id", "listening", "programme"]

pytestmark = NEEDS_CHROMIUM

PICTURES = Path(__file__).parents[4] / "artefacts" / "past"
PHONE, DESK = (390, 844), (1280, 900)
_OF_AIRFLOWS_FRAME = "has both allow-scripts and allow-same-origin"
HOSTILE = "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'>"
DAY = timedelta(days=1)
WEEK = [(1, 4, 38), (1, 5, 38), (4, 6, 39), (3, 6, 40), (2, 3, 40), (2, 2, 41), (3, 1, 42)]


@pytest.fixture(scope="module")
def address(listening: Programme) -> Iterator[str]:
    """Where a server answers that has nothing but the page."""
    with page_mounted() as app, answering(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def _visit(
    browser: Browser, address: str, view: str, size: tuple[int, int] = DESK, theme: Any = "light"
) -> Iterator[Page]:
    """A page that complains of nothing; as the owner."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    context.add_cookies([{"name": "_token", "value": token("owner"), "url": address}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("response", lambda response: complaints.append(response.url) if response.status > 399 else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}{PAGE}/{view}")
    yield page
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{view.partition('?')[0]}-{width}-{theme}.png", full_page=True)
    context.close()
    assert [one for one in complaints if _OF_AIRFLOWS_FRAME not in one] == []


def _deliver(programme: Programme) -> None:
    programme.deliver(*(job(number, data={"name": HOSTILE}) for number in range(3)), job(9, LATE))
    programme.run()
    programme.fail("one")


def _audit(asset_id: int) -> None:
    now = datetime.now(UTC)
    for place, (errors, warnings, webhooks) in enumerate(WEEK):
        at = now - (len(WEEK) - 1 - place) * DAY
        findings = {f"e{number}": "PW002" for number in range(errors)}
        findings |= {f"w{number + place}": "PW001" for number in range(warnings)}
        extra = _extra(at, findings)
        extra["counts"]["webhooks"] = webhooks
        _record(asset_id, extra, now, source_dag_id="nightly_audit", source_run_id="r", source_task_id="t")


def test_a_payload_is_fetched_when_it_is_unfolded_and_shown_as_text(
    browser: Browser, address: str, programme: Programme
) -> None:
    _deliver(programme)
    with _visit(browser, address, "deliveries") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        fold = page.locator("details[data-payload]").nth(1)
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        fold.locator("pre").wait_for()
        assert HOSTILE in fold.locator("pre").inner_text()
        for _ in range(2):
            page.keyboard.press("Enter")
        assert len([url for url in asked if url.endswith("/payload")]) == 1
        assert page.evaluate("window.owned") is None


def test_a_payload_that_cannot_be_loaded_says_so_and_can_be_tried_again(
    browser: Browser, address: str, programme: Programme
) -> None:
    _deliver(programme)
    with _visit(browser, address, "deliveries") as page:
        page.evaluate("() => { window.real = fetch; window.fetch = async () => new Response('', { status: 403 }) }")
        fold = page.locator("details[data-payload]").first
        fold.locator("summary").click()
        fold.get_by_text("You may not see it.").wait_for()
        page.evaluate("() => { window.fetch = window.real }")
        for _ in range(2):
            fold.locator("summary").click()
        fold.locator("pre").wait_for()


def test_deliveries_are_chosen_and_sent_again_with_the_keyboard(
    browser: Browser, address: str, programme: Programme
) -> None:
    _deliver(programme)
    with _visit(browser, address, "deliveries?outcome=failed") as page:
        for place in range(2):
            page.get_by_role("checkbox", name="Choose transaction.created").nth(place).press("Space")
        page.get_by_role("button", name="Send the chosen ones again").press("Enter")
        page.get_by_text("Sent again: 2 of 2.").wait_for()
        page.reload()
        page.get_by_text("Sent again: 2 of 2.").wait_for()
    assert sql("select count(*) from asset_event") == [(5,)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_no_view_is_wider_than_the_window_and_axe_complains_of_nothing(
    browser: Browser, address: str, programme: Programme, asset_id: int, size: tuple[int, int], theme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    _deliver(programme)
    _audit(asset_id)
    for view in ("deliveries", "history"):
        with _visit(browser, address, view, size, theme) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
            violations = Axe().run(page).response["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == []


@pytest.mark.parametrize(("size", "drawn"), [(PHONE, "narrow"), (DESK, "wide")])
def test_the_plot_that_fits_the_window_is_drawn_and_the_other_one_hidden(
    browser: Browser, address: str, asset_id: int, size: tuple[int, int], drawn: str
) -> None:
    _audit(asset_id)
    with _visit(browser, address, "history", size) as page:
        visible = [plot for plot in page.locator("svg.plot").all() if plot.is_visible()]
        assert [plot.get_attribute("class") for plot in visible] == [f"plot {drawn}"]
        assert visible[0].get_by_text("3 errors").is_visible()
        smallest = page.evaluate(
            "() => Math.min(...[...document.querySelectorAll('svg.plot text')].filter(text => text.checkVisibility())"
            ".map(text => text.getBoundingClientRect().height))"
        )
        assert smallest >= 11


def test_in_airflows_iframe_payloads_are_fetched_and_deliveries_sent_again(
    browser: Browser, address: str, programme: Programme
) -> None:
    _deliver(programme)
    with _visit(browser, address, "deliveries") as page:
        sandbox = "allow-scripts allow-same-origin allow-forms"
        frame_of_airflow = f'<iframe title="Partnero" sandbox="{sandbox}" src="{page.url}" height="700"></iframe>'
        page.context.route(
            "**/plugin/partnero", lambda route: route.fulfill(body=frame_of_airflow, content_type="text/html")
        )
        page.goto(f"{address}/plugin/partnero")
        frame = page.frame_locator("iframe")
        frame.locator("summary").nth(1).click()
        frame.locator("pre").wait_for()
        frame.get_by_role("checkbox", name="Choose transaction.created").first.check()
        frame.get_by_role("button", name="Send the chosen ones again").click()
        frame.get_by_text("Sent again: 1 of 1.").wait_for()
