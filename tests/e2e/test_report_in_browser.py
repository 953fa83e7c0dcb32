"""The HTML report in a real browser: on a phone, on a desk, in the dark, and with hostile names."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.comparison import compare, remember
from airflow_provider_partnero.webhooks.fleet import roll_up
from airflow_provider_partnero.webhooks.handover import Handover
from airflow_provider_partnero.webhooks.report import render_report
from airflow_provider_partnero.webhooks.report.fleet import render_fleet

from .chromium import NEEDS_CHROMIUM
from .pictures import THEMES, picture_for_readme, window

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL_PHONE: ViewportSize = {"width": 360, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 900}
HOSTILE_NAMES = [
    "<script>window.owned = 1</script>",
    "<img src='https://evil.example/x.png' onerror='window.owned = 2'>",
    "\"><svg onload='window.owned = 3'>",
    "</style><style>@import 'https://evil.example/x.css';</style>",
    '=HYPERLINK("https://evil.example")',
    "\u202egnp.exe",
    "w" * 400,
]

pytestmark = NEEDS_CHROMIUM

# The contrast (WCAG 2.2, 1.4.3) of every text against the first background below it that is not transparent.
CONTRASTS = """
() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const background = element => {
    for (; element; element = element.parentElement) {
      const colour = parts(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const worst = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!text || element.closest('svg')) continue;
    const [a, b] = [luminance(parts(getComputedStyle(element).color)), luminance(background(element))];
    worst.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.outerHTML.slice(0, 120)]);
  }
  return worst.sort((one, other) => one[0] - other[0]).slice(0, 3);
}
"""


@pytest.fixture(scope="module")
def report_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A programme with all that can be wrong, hostile names among it, and much that is new or gone."""
    chance = random.Random(7)
    events = [str(event) for event in WebhookEvent]
    live = [
        Webhook(f"key{number:09d}", name, f"http://u:p@localhost/{number}?token=t", number % 3 != 0, tuple(chosen), "s")
        for number, name in enumerate([*HOSTILE_NAMES, *(f"Webhook {number}" for number in range(20))])
        for chosen in [[*chance.sample(events, 5), name]]
    ]
    options: dict[str, Any] = {"declared": [], "allowed_hosts": ["*.example.com"]}
    before = audit(live[:-9], **options)
    report = audit(live[4:], **options, required_events=["reward.paid", "reward.approved", "a.b"])
    moment = datetime(2026, 11, 23, 20, 11, tzinfo=UTC)
    earlier = compare(before, at=moment - timedelta(days=1), conn_id="partnero_default")
    known = [remember(before, earlier, "partnero_default", 1_000)]
    text = render_report(
        report,
        suffix=".html",
        title="Partnero webhooks",
        generated_at=moment,
        conn_id="partnero_default",
        comparison=compare(report, known, at=moment, conn_id="partnero_default"),
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("viewport", [SMALL_PHONE, PHONE, DESK], ids=["small phone", "phone", "desk"])
def test_the_page_is_never_wider_than_the_screen(browser: Browser, report_path: Path, viewport: ViewportSize) -> None:
    page = browser.new_page(viewport=viewport)
    page.goto(report_path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.close()


def test_the_matrix_scrolls_in_its_own_box_and_keeps_head_and_names_in_sight(
    browser: Browser, report_path: Path
) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto(report_path.as_uri())
    box = page.locator(".scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth && box.scrollHeight > box.clientHeight")
    box.evaluate("box => box.scrollTo(200, 200)")
    assert box.evaluate("box => [box.scrollLeft, box.scrollTop]") == [200, 200]
    offset = (
        "(cell, side) => cell.getBoundingClientRect()[side] - cell.closest('.scroll').getBoundingClientRect()[side]"
    )
    assert abs(page.locator("tbody th").nth(5).evaluate(offset, "left")) <= 2
    assert abs(page.locator("thead th.corner").evaluate(offset, "top")) <= 2
    page.close()


def test_nothing_is_asked_of_the_network_and_no_script_runs(browser: Browser, report_path: Path) -> None:
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(report_path.as_uri())
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [report_path.as_uri()]
    assert complaints == []  # a style that the page's own policy refuses would be one
    assert page.evaluate("window.owned") is None
    assert page.locator("script").count() == 0
    assert page.get_by_text("<script>window.owned = 1</script>").count() > 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser: Browser, report_path: Path, scheme: Literal["light", "dark"]) -> None:
    page = browser.new_page(viewport=DESK, color_scheme=scheme)
    page.goto(report_path.as_uri())
    for contrast, element in page.evaluate(CONTRASTS):
        assert contrast >= 4.5, element
    page.close()


def test_the_dark_page_is_dark_and_the_light_one_light(browser: Browser, report_path: Path) -> None:
    brightness = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page = browser.new_page(color_scheme=scheme)
        page.goto(report_path.as_uri())
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        brightness[scheme] = sum(colour)
        page.close()
    assert brightness["dark"] < 150
    assert brightness["light"] > 650


def test_paper_shows_what_a_screen_folds(browser: Browser, report_path: Path) -> None:
    page = browser.new_page(viewport=DESK)
    page.goto(report_path.as_uri())
    folded = page.locator("details li").last
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_visible()
    box = folded.bounding_box()
    assert box
    assert box["height"] > 0
    page.close()


@pytest.fixture(scope="module")
def fleet_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about programmes whose connections have hostile names."""
    live = [Webhook("key", name, "http://localhost/", True, ("a.b",), "s") for name in HOSTILE_NAMES]
    found = audit(live)
    audits = [Handover(name, name if number % 2 else None) for number, name in enumerate(HOSTILE_NAMES)]
    audits.append(Handover("good", program="w" * 120, counts=found.counts, findings=found.findings[:20]))
    report = roll_up([one.conn_id for one in audits], audits)
    moment = datetime(2026, 11, 26, 5, 0, tzinfo=UTC)
    path = tmp_path_factory.mktemp("fleet") / "fleet.html"
    path.write_text(render_fleet(report, suffix=".html", title="Partnero programmes", generated_at=moment), "utf-8")
    return path


@pytest.mark.parametrize("viewport", [SMALL_PHONE, DESK], ids=["small phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_about_a_fleet_fits_the_screen_is_readable_and_runs_nothing(
    browser: Browser, fleet_path: Path, viewport: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(fleet_path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate("window.owned") is None
    assert complaints == []
    for contrast, element in page.evaluate(CONTRASTS):
        assert contrast >= 4.5, element
    page.close()


@pytest.mark.parametrize("theme", THEMES)
def test_the_readme_shows_a_report_as_it_is(tmp_path: Path, browser: Browser, theme: str) -> None:
    page = browser.new_page(**window(1200, 800, theme))
    rows = [Webhook.from_row(row) for row in BROKEN_PROGRAMME]
    report = audit(rows, required_events=["reward.paid"])
    text = render_report(
        report,
        suffix=".html",
        title="Partnero webhooks",
        generated_at=datetime(2026, 11, 26, 5, 0, tzinfo=UTC),
        conn_id="partnero_default",
    )
    file = tmp_path / "report.html"
    file.write_text(text, encoding="utf-8")
    page.goto(file.as_uri())
    picture_for_readme(page, "report", theme)
    assert page.get_by_text("Required event that nobody gets").count()
    page.close()
