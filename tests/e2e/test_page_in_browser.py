"""Partnero's page as people see it: in Airflow's own navigation, alone, in both themes, on a phone, with a keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_partnero.airflow_compat import airflow_version
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.sandbox import Fault, Sandbox

from .chromium import NEEDS_CHROMIUM
from .cluster import Cluster
from .pictures import THEMES, keep_picture, picture_for_readme
from .programme import SECRET, TOKEN, webhook
from .waiting import answer_of, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page

pytestmark = [pytest.mark.airflow, *NEEDS_CHROMIUM]

VIEWS = ("health", "webhooks", "coverage", "history", "deliveries", "plan")
PAGE = "/partnero/page/partnero_default"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
URL_SECRET = "a8Kq2LmZ0pRt5Vw9"
CUSTOMER = "jane.roe@customers.example"

PATIENCE_MS = 120_000  # bounds a hang only

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path, e2e_sandbox: Sandbox
) -> Iterator[Cluster]:
    """Airflow's API server, in which one audit has been recorded and deliveries have arrived."""
    folder = tmp_path_factory.mktemp("page")
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({name: name for name in ("admin", "op", "viewer")}))
    with Cluster(folder, e2e_sandbox, migrated_database) as cluster:
        cluster.environment |= {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,op:op,viewer:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW_CONN_PARTNERO_SLOW": e2e_sandbox.connection_json,
            "AIRFLOW_CONN_PARTNERO_EMPTY": e2e_sandbox.connection_json,
            "AIRFLOW_CONN_PARTNERO_REFUSED": e2e_sandbox.connection_json.replace(TOKEN, "tok-nobodys"),
        }
        cluster.start("api-server")
        cluster.wait_until_up()
        _fill(cluster, e2e_sandbox)
        yield cluster


def _programme(address: str) -> list[dict[str, Any]]:
    return [
        webhook("crmPartners1", name="CRM: partners", url="https://crm.acme.example/partnero"),
        webhook("oldBlogHook1", name="Old blog", url="http://blog.acme.example/hook.php"),
        webhook("hostileName1", name=HOSTILE, url=f"https://hooks.acme.example/in?token={URL_SECRET}"),
        webhook("sleepingHook", name="Finance", url="https://finance.acme.example/x", is_active=False),
        webhook("receiverHook", name="to Airflow", url=f"{address}/partnero/webhooks/partnero_default"),
    ]


def _fill(cluster: Cluster, sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.put_webhooks(_programme(cluster.address))
    sandbox.emit("partner.created", {"key": HOSTILE, "email": CUSTOMER})


@pytest.fixture(autouse=True)
def _partnero(server: Cluster, e2e_sandbox: Sandbox) -> Iterator[None]:
    """Partnero is well before each test, and has the programme."""
    e2e_sandbox.reset()
    e2e_sandbox.put_webhooks(_programme(server.address))
    yield
    e2e_sandbox.clear_faults()


@pytest.fixture
def open_page(server: Cluster, browser: Browser) -> Iterator[Open]:
    """Opens a page of Airflow as somebody; a message in the browser's console fails the test."""
    said: list[str] = []
    contexts: list[BrowserContext] = []

    def open_one(path: str, user: str | None = "admin", theme: str = "light", size: str = "desktop") -> Page:
        width, height = SIZES[size]
        scheme: Any = theme
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        if user:
            context.add_cookies([{"name": "_token", "value": token(server, user), "url": server.address}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(f"{message.location.get('url')}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{error.stack}"))
        page.goto(f"{server.address}{path}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    harmless = ("the server responded with a status of 40", "can escape its sandboxing")  # as wanted; Airflow's own
    of_ours = [words for words in said if "/partnero/" in words or "Security Policy" in words]
    assert [words for words in of_ours if not any(known in words for known in harmless)] == []


def token(server: Cluster, user: str) -> str:
    """What the browser's cookie holds for somebody who has logged in."""
    given = {"username": user, "password": user}
    return str(answer_of("POST", f"{server.address}/auth/token", json=given).json()["access_token"])


def _frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title=Partnero]")


def _read_until(page: Page | FrameLocator, words: str) -> None:
    """Ask for a new reading until the page says something: it is granted once in five seconds."""
    again = page.get_by_role("link", name=re.compile("Read again|Try again")).first

    def is_said() -> bool:
        again.click()
        again.wait_for()
        return page.get_by_text(words).count() > 0

    wait_for(is_said, f"a page that says {words!r}")


def _violations(page: Page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]


def test_the_page_is_a_click_away_in_airflows_navigation_and_its_links_leave_the_frame(open_page: Open) -> None:
    page = open_page("/")
    if airflow_version() < "3.3":
        page.get_by_text("Browse", exact=True).first.click()
    page.get_by_text("Partnero", exact=True).first.click()
    frame = _frame(page)
    frame.get_by_role("link", name="partnero_default").click()
    frame.get_by_text("Not well:").wait_for()
    frame.get_by_role("link", name="Webhooks", exact=True).click()
    frame.get_by_text("5 webhooks", exact=True).wait_for()
    frame.get_by_role("link", name="Partnero", exact=True).click()
    frame.get_by_text("Which programme do you want to look at?").wait_for()
    assert frame.locator(".alone").is_hidden()


def test_a_link_to_a_page_of_airflow_opens_it_around_the_frame(open_page: Open) -> None:
    page = open_page("/plugin/partnero")
    frame = _frame(page)
    frame.get_by_role("link", name="partnero_refused").click()
    frame.get_by_role("link", name="Airflow's connections").click()
    page.wait_for_url("**/connections")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_accessible_fits_its_width_and_shows_no_secret(
    open_page: Open, view: str, size: str, theme: str
) -> None:
    page = open_page(f"{PAGE}/{view}", theme=theme, size=size)
    page.locator("h1").wait_for(state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    keep_picture(page, "page", f"{view}-{size}-{theme}")
    assert _violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    content = page.content()
    assert not any(secret in content for secret in (SECRET, TOKEN, URL_SECRET, CUSTOMER))
    assert page.locator("img[src=x]").count() == 0


def test_the_page_follows_airflows_theme_while_it_is_open(open_page: Open) -> None:
    from playwright.sync_api import expect

    page = open_page("/plugin/partnero", theme="light")
    _frame(page).get_by_text("Which programme").wait_for()
    shade = "getComputedStyle(document.body).backgroundColor"
    [inner] = [frame for frame in page.frames if frame != page.main_frame]
    root = _frame(page).locator("html")
    light = inner.evaluate(shade)
    page.evaluate("document.documentElement.className = 'dark'")
    expect(root).to_have_attribute("data-theme", "dark", timeout=PATIENCE_MS)
    assert inner.evaluate(shade) != light
    page.evaluate("document.documentElement.className = 'light'")
    expect(root).to_have_attribute("data-theme", "light", timeout=PATIENCE_MS)
    assert inner.evaluate(shade) == light


def test_the_keyboard_reaches_everything_and_the_first_stop_skips_to_the_content(open_page: Open) -> None:
    page = open_page(f"{PAGE}/webhooks")
    focused = "document.activeElement.id || document.activeElement.innerText"
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(focused))
    assert stops[0] == "Skip to the content"
    for stop in ("Health", "Plan", "q", "state", "Search", "Findings", "1 error"):
        assert stop in stops
    page.keyboard.press("Home")
    page.goto(page.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_webhooks_are_searched_and_sorted_by_hand(open_page: Open) -> None:
    page = open_page(f"{PAGE}/webhooks")
    page.get_by_label("Search", exact=True).fill("blog")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_text("1 to 1 of 1 webhook, out of 5").is_visible()
    assert page.get_by_text("everybody on the way can read and change it").is_visible()
    page.get_by_label("Search", exact=True).fill("")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Webhook", exact=True).click()
    first = page.locator("tbody th").first.inner_text()
    page.get_by_role("link", name="Webhook", exact=True).click()
    assert page.locator("tbody th").last.inner_text() == first


def test_a_declaration_from_a_file_is_planned_and_shown_as_a_diff(
    open_page: Open, e2e_sandbox: Sandbox, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    declared = tmp_path / "webhooks.yaml"
    declared.write_text(
        "webhooks:\n- {name: Old blog, url: 'https://blog.acme.example/hook.php', events: [partner.created]}\n"
    )
    page = open_page(f"{PAGE}/plan")
    e2e_sandbox.clear_requests()
    page.get_by_label("or choose a file").set_input_files(declared)
    expect(page.locator("#declaration")).to_have_value(re.compile("Old blog"), timeout=PATIENCE_MS)
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Plan: 0 to create, 1 to update, 0 to delete").wait_for()
    assert page.locator(".diff .added").inner_text().split() == ["+", "url", "https://blog.acme.example/hook.php"]
    assert {request.method for request in e2e_sandbox.requests()} == {"GET"}
    assert _violations(page) == []


def test_a_reading_that_takes_long_is_said_to_go_on_and_the_page_asks_again_by_itself(
    open_page: Open, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.fault(Fault(method="GET", path="^/webhooks", delay=4.5, times=1))
    page = open_page("/partnero/page/partnero_slow/health")
    page.get_by_text("The webhooks are being read from Partnero.").wait_for()
    assert _violations(page) == []
    page.get_by_text("Not well").wait_for()


@pytest.mark.parametrize(
    ("user", "status", "words"), [(None, 401, "You are not logged in"), ("viewer", 403, "You may not see this")]
)
def test_who_may_not_look_is_told_so(
    server: Cluster, open_page: Open, user: str | None, status: int, words: str
) -> None:
    page = open_page(f"{PAGE}/health", user=user)
    assert page.get_by_role("heading", name=words).is_visible()
    cookies = {"_token": token(server, user)} if user else {}
    for view in VIEWS:
        answer = answer_of("GET", f"{server.address}{PAGE}/{view}", cookies=cookies)
        assert (answer.status_code, "crmPartners1" in answer.text) == (status, False)


@pytest.mark.parametrize("theme", THEMES)
def test_the_readme_shows_the_page_as_it_is(server: Cluster, open_page: Open, e2e_sandbox: Sandbox, theme: str) -> None:
    receiver = f"{server.address}/partnero/webhooks/partnero_default"
    e2e_sandbox.reset()
    e2e_sandbox.put_webhooks([*BROKEN_PROGRAMME, webhook("receiverHook", name="to Airflow", url=receiver)])
    page = open_page("/plugin/partnero", theme=theme)
    page.set_viewport_size({"width": 1200, "height": 720})
    _frame(page).get_by_role("link", name="partnero_default").click()
    _read_until(_frame(page), "Data warehouse (copy)")
    _frame(page).get_by_role("link", name="Health", exact=True).click()
    _frame(page).get_by_text("Read from Partnero").wait_for()
    picture_for_readme(page, "page", theme)
    assert "not well" in _frame(page).locator(".verdict").inner_text().casefold()


def test_partnero_down_an_empty_programme_and_a_refused_token_are_shown(open_page: Open, e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.fault(Fault(status=503, times=1_000))
    page = open_page(f"{PAGE}/health?refresh=1")
    _read_until(page, "Partnero cannot be read")
    assert page.get_by_text("This is what was read").is_visible()
    keep_picture(page, "page", "down-desktop-light")
    assert _violations(page) == []
    e2e_sandbox.clear_faults()
    page = open_page("/partnero/page/partnero_refused/health")
    page.get_by_text("Partnero refuses the API token").wait_for()
    keep_picture(page, "page", "refused-desktop-light")
    assert _violations(page) == []
    e2e_sandbox.reset()
    page = open_page("/partnero/page/partnero_empty/health")
    page.get_by_text("The programme has no webhooks").wait_for()
    keep_picture(page, "page", "empty-desktop-light")
    assert _violations(page) == []


@pytest.mark.skipif(airflow_version().startswith("3.0."), reason="3.0 has no navigation that others may add to")
def test_the_page_is_found_below_the_path_that_airflow_is_served_at(
    tmp_path: Path, migrated_database: Path, e2e_sandbox: Sandbox, browser: Browser
) -> None:
    with Cluster(tmp_path / "airflow", e2e_sandbox, migrated_database) as cluster:
        base = f"{cluster.address}/airflow"
        cluster.environment |= {
            "AIRFLOW__API__BASE_URL": base,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
        }
        cluster.start("api-server")
        cluster.wait_until_up(base)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{base}/plugin/partnero")
        frame = _frame(page)
        frame.get_by_text("Not well:").wait_for()
        frame.get_by_role("link", name="Webhooks", exact=True).click()
        frame.get_by_text("5 webhooks", exact=True).wait_for()
        assert frame.locator("body").evaluate("body => getComputedStyle(body).fontFamily").startswith("Inter")
        paths = frame.locator("a").evaluate_all("links => links.map(link => new URL(link.href).pathname)")
        assert {path for path in paths if not path.startswith("/airflow/")} == set()
        page.close()


@pytest.mark.skipif(not airflow_version().startswith("3.0."), reason="later versions know browsers by a cookie")
def test_airflow_3_0_shows_the_page_to_whoever_is_logged_in_to_its_own_pages(server: Cluster, open_page: Open) -> None:
    page = open_page("/api/v2/version", user=None)
    page.goto(f"{server.address}{PAGE}/health")
    assert page.get_by_role("heading", name="You are not logged in").is_visible()
    page.evaluate("token => localStorage.setItem('token', token)", token(server, "op"))
    page.reload()
    page.get_by_text("Not well").wait_for()
    assert page.locator(".masthead").evaluate("bar => getComputedStyle(bar).display") == "flex"
    assert _violations(page) == []
    page.get_by_role("link", name="Webhooks", exact=True).click()
    page.get_by_text("5 webhooks", exact=True).wait_for()
