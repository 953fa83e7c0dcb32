"""Who may see the page, what it says of a programme, and that nothing of others runs or leaks there."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Fault, Sandbox
from tests.e2e.programme import SECRET, webhook

from .site import BROWSER, PAGE, Site

VIEWS = ("health", "webhooks", "coverage", "plan")
URL_SECRET = "a8Kq2LmZ0pRt5Vw9"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"{{ 7 * 7 }}"


def text_of(answer: Any) -> str:
    """What somebody reads, without the markup."""
    plain = html.unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<body")[2].partition(">")[2]))
    return re.sub(r"\s+([.,:])", r"\1", " ".join(plain.split()))


def _reachable(path: str) -> str:
    return (
        path.replace("{connection_id:path}", "partnero_default")
        .replace("{name}", "page.css")
        .replace("{path:path}", "whatever")
    )


def test_every_route_of_the_plugin_asks_for_a_login(site: Site) -> None:
    site.log_in(None)
    routes = [(method, path) for method, path in site.routes if method not in {"HEAD", "OPTIONS"}]
    assert len([path for _, path in routes if path.startswith("/page")]) >= 7
    for method, path in routes:
        answer = site.client.request(method, f"/partnero{_reachable(path)}", headers=BROWSER)
        assert answer.status_code == 401, (method, path)
        assert "partnero_default" not in text_of(answer)


def test_somebody_who_is_not_logged_in_gets_a_link_to_airflows_login_that_leads_back(site: Site) -> None:
    site.log_in(None)
    answer = site.view("webhooks?q=a%26b")
    assert "You are not logged in" in text_of(answer)
    [link] = re.findall(r'href="(/api/v2/auth/login[^"]*)"', answer.text)
    assert html.unescape(link) == (
        "/api/v2/auth/login?next=%2Fpartnero%2Fpage%2Fpartnero_default%2Fwebhooks%3Fq%3Da%2526b"
    )


@pytest.mark.parametrize("role", ["VIEWER", "USER"])
def test_every_view_of_a_connection_is_refused_to_those_who_may_not_read_connections(
    site: Site, partnero_sandbox: Sandbox, role: str
) -> None:
    site.log_in(role)
    for method, path in site.routes:
        if "connection_id" in path and method != "HEAD":
            answer = site.client.request(method, f"/partnero{_reachable(path)}", headers=BROWSER)
            assert (answer.status_code, "You may not see this" in text_of(answer)) == (403, True), (method, path)
    assert partnero_sandbox.requests() == []
    start = site.get("")
    assert (start.status_code, "1 connection that you may not read" in text_of(start)) == (200, True)


def test_somebody_who_may_read_connections_sees_every_view(site: Site) -> None:
    site.log_in("OP")
    for view in VIEWS:
        assert site.view(view).status_code == 200, view


def test_a_program_gets_its_refusal_as_json(site: Site) -> None:
    site.log_in(None)
    assert site.client.get(f"{PAGE}/partnero_default/health").json() == {"detail": "Not authenticated"}


def test_the_only_connection_is_opened_at_once(site: Site) -> None:
    answer = site.get("")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/partnero_default/health")


def test_several_connections_are_offered_and_no_other_types(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "partnero://:secretToken@")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://u:p@h/d")
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", "{no json")
    answer = site.get("")
    links = re.findall(r'<li><a href="([^"]+)"', answer.text)
    assert links == [f"{PAGE}/partnero_default/health", f"{PAGE}/shop/health"]
    assert "secretToken" not in answer.text


def test_a_connection_of_a_secrets_backend_can_be_named(site: Site) -> None:
    assert site.get("?connection=in/vault").headers["location"] == f"{PAGE}/in%2Fvault/health"


def test_links_stay_below_the_path_that_airflow_is_served_at(site: Site) -> None:
    below = Site("/airflow")
    below.client.cookies = site.client.cookies
    with below.client:
        answer = below.view("health")
    assert answer.status_code == 200
    paths = re.findall(r'(?:href|src|action)="([^"]+)"', answer.text)
    assert len(paths) > 8
    assert {path for path in paths if not path.startswith(("/airflow/", "#"))} == set()


def test_no_secret_and_no_hostile_name_gets_through(site: Site, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks(
        [
            webhook("hostile1", name=HOSTILE, url=f"https://hooks.example.com/in?token={URL_SECRET}"),
            webhook("hostile2", name="\u202egnp.exe\x07", events=["<b>x</b>", "y" * 5_000]),
            webhook("empty0", name="", url="javascript:alert(1)", events=[]),
        ]
    )
    declaration = (
        "webhooks: [{name: '" + HOSTILE.replace("'", "''").replace("{{", "[") + "', url: 'https://a.example/?token="
    )
    declaration += URL_SECRET + "', events: [partner.created]}]"
    answers = [site.view(view) for view in VIEWS]
    answers.append(site.view(f"webhooks?q={HOSTILE}&sort=<b>&state='&page=99"))
    posted = site.post("/partnero_default/plan", {"declaration": declaration}, Origin="http://airflow.example")
    for answer in [*answers, posted]:
        assert answer.status_code == 200
        assert SECRET not in answer.text
        assert not re.search(r"<script(?! src=)|<img|<b>x|onerror=alert\(2\)>(?!&)|=.javascript:", answer.text)
        assert "49" not in text_of(answer)
        assert "style=" not in answer.text
    assert all(URL_SECRET not in answer.text for answer in answers)
    assert "<script>alert(1)</script>" in text_of(answers[1])
    shown = posted.text.partition("<textarea")[0]
    assert (URL_SECRET in shown, "Plan: 1 to create" in text_of(posted)) == (False, True)


def test_a_browser_may_load_nothing_but_the_pages_own_files_and_keeps_nothing(site: Site) -> None:
    for view in VIEWS:
        headers = site.view(view).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
        assert policy["frame-ancestors"] == "'self'"
        assert headers["cache-control"] == "no-store"
    assert site.get("/static/page.js").headers["content-type"].startswith("text/javascript")
    for name in ("routes.py", "..%2Froutes.py", "%2e%2e/routes.py"):
        assert site.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/a%00b/health", "/partnero_default/deliveries?event=%00", "/partnero_default/deliveries/%00/payload"]
)
def test_an_address_with_a_nul_which_postgresql_cannot_be_asked_for_leads_nowhere(site: Site, path: str) -> None:
    assert site.get(path).status_code == 404


def test_health_says_what_is_wrong_and_what_to_do(site: Site, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks([webhook("good00"), webhook("plain0", url="http://blog.example.com/x")])
    shown = text_of(site.view("health"))
    assert "Not well: 1 of 2 webhooks has errors. Destination is not https" in shown
    assert "error Destination is not https: Name plain0" in shown
    assert "Off: [partnero] receiver_enabled is not set" in shown


def test_a_programme_in_order_is_well_and_an_empty_one_says_so(site: Site, partnero_sandbox: Sandbox) -> None:
    assert "The programme has no webhooks" in text_of(site.view("health"))
    assert "The programme has no webhooks" in text_of(site.view("webhooks"))
    partnero_sandbox.put_webhooks([webhook("good00")])
    other = Site()
    other.client.cookies = site.client.cookies
    with other.client:
        assert "Well: the programme's one webhook is in order." in text_of(other.view("health"))


@pytest.mark.parametrize("view", ["health", "webhooks", "coverage"])
def test_a_refused_token_is_told_with_what_to_do(
    site: Site, partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    connection = partnero_sandbox.connection_json.replace('"demo"', '"tokenOfNobody"')
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", connection)
    answer = site.view(view)
    assert (answer.status_code, "tokenOfNobody" in answer.text) == (200, False)
    assert "Partnero refuses the API token of this connection." in text_of(answer)


def test_a_connection_that_is_not_there_is_told(site: Site) -> None:
    assert "There is no such connection of type Partnero" in text_of(site.view("health", "nobody"))


def test_when_partnero_is_down_the_last_known_webhooks_are_shown_with_their_age(
    site: Site, partnero_sandbox: Sandbox
) -> None:
    partnero_sandbox.put_webhooks([webhook("good00")])
    assert "Well:" in text_of(site.view("health"))
    partnero_sandbox.fault(Fault(status=503, times=1_000))
    for view in ("health?refresh=1", "webhooks"):
        shown = text_of(site.view(view))
        assert "Partnero cannot be read" in shown
        assert "This is what was read" in shown
    assert "Name good00" in text_of(site.view("webhooks"))


def test_when_partnero_was_never_read_the_page_says_why(site: Site, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.fault(Fault(drop="before", times=1_000))
    for view in ("health", "webhooks", "coverage"):
        answer = site.view(view)
        assert (answer.status_code, "Partnero cannot be read" in text_of(answer)) == (200, True)


def test_one_reading_serves_all_views(site: Site, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks([webhook("good00")])
    for _ in range(3):
        for view in ("health", "webhooks", "coverage"):
            site.view(view)
    paths = [request.path for request in partnero_sandbox.requests()]
    assert paths.count("/webhooks") == 1


def test_reading_again_on_demand_is_done_once_in_five_seconds(site: Site, partnero_sandbox: Sandbox) -> None:
    for _ in range(5):
        site.view("health?refresh=1")
    paths = [request.path for request in partnero_sandbox.requests()]
    assert paths.count("/webhooks") == 1


PLAN = "/partnero_default/plan"
DECLARATION = "webhooks:\n  - {name: CRM, url: 'https://crm.example/x', events: [partner.created]}\n"
FROM_ELSEWHERE: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://airflow.example"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-site", "Authorization": "Basic cHJveHk6cGFzcw=="},  # which a browser adds by itself
    {"Origin": "https://evil.example", "Authorization": "Negotiate YII="},
]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE)
def test_a_form_that_another_site_sends_is_refused(
    site: Site, partnero_sandbox: Sandbox, headers: dict[str, str]
) -> None:
    answer = site.post(PLAN, {"declaration": DECLARATION}, **headers)
    assert (answer.status_code, partnero_sandbox.requests()) == (403, [])


@pytest.mark.parametrize("headers", [{"Origin": "http://airflow.example"}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_declaration_is_planned_and_nothing_is_written(
    site: Site, partnero_sandbox: Sandbox, headers: dict[str, str]
) -> None:
    partnero_sandbox.put_webhooks([webhook("other0", name="Old", url="https://old.example/y")])
    answer = site.post(PLAN, {"declaration": DECLARATION, "prune": "all"}, **headers)
    shown = text_of(answer)
    assert "Plan: 1 to create, 0 to update, 1 to delete, 0 unchanged." in shown
    assert '+ create "CRM"' in shown
    assert '- delete "Old" (key other0)' in shown
    assert {request.method for request in partnero_sandbox.requests()} == {"GET"}
    assert "CRM" in answer.text.partition("<textarea")[2]


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("", "The declaration is empty"),
        ("webhooks: [{name: '{{ var.value.x }}'}]", "holds a template"),
        ("webhooks: [{name: A}]", "url"),
        ("[" * 10_000, "nesting depth"),
        ("a: &a [1]\nb: [*a, *a]", "webhooks"),
    ],
)
def test_what_is_no_declaration_is_told_and_kept_in_the_form(site: Site, declaration: str, words: str) -> None:
    answer = site.post(PLAN, {"declaration": declaration}, Origin="http://airflow.example")
    assert answer.status_code == 200
    assert words in text_of(answer)
    assert html.escape(declaration[:20], quote=False) in answer.text.partition("<textarea")[2].replace("&#39;", "'")


def test_a_form_that_is_too_large_is_refused_before_it_is_read_to_its_end(site: Site) -> None:
    answer = site.post(PLAN, {"declaration": "x" * 2_000_000}, Origin="http://airflow.example")
    assert answer.status_code == 413
