"""Which page a request gets, and in which order; the forms of the answer are in test_list_forms."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import PATIENCE, Api


@pytest.mark.parametrize("count", [0, 1, 10, 100, 101])
@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("form", ["data", "simple", "full"])
def test_pages_together_hold_every_webhook_once(api: Api, sandbox: Sandbox, form: Any, limit: int, count: int) -> None:
    sandbox.reset(Profile(list_form=form))
    sandbox.seed(count)
    pages = max(1, -(-count // limit))
    read = []
    for page in range(1, pages + 1):
        body = api.get("/webhooks", params={"limit": limit, "page": page}).json()
        read += body["data"]
        assert len(body["data"]) == min(limit, count - (page - 1) * limit)
        if form == "data":
            assert list(body) == ["data"]
        else:
            assert body["status"] == 1
            assert (body["links"]["next"] is None) is (page == pages)
            assert ("total" in body["meta"], "last_page" in body["meta"]) == (form == "full",) * 2
    assert read == sandbox.webhooks()
    assert api.get("/webhooks", params={"limit": limit, "page": pages + 1}).json()["data"] == []


def test_a_request_without_parameters_gets_the_first_ten(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(25)
    assert api.get("/webhooks").json()["data"] == sandbox.webhooks()[:10]
    assert api.get("/webhooks?limit=&page=").json()["data"] == sandbox.webhooks()[:10]
    assert api.get("/webhooks?page=3").json()["data"] == sandbox.webhooks()[20:]


def test_simple_pagination_looks_like_laravels(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(25)
    path = f"{sandbox.base_url}/webhooks"
    body = api.get("/webhooks?limit=10&page=2").json()
    assert body["links"] == {
        "first": f"{path}?limit=10&page=1",
        "last": None,
        "prev": f"{path}?limit=10&page=1",
        "next": f"{path}?limit=10&page=3",
    }
    assert body["meta"] == {"current_page": 2, "from": 11, "path": path, "per_page": 10, "to": 20}


def test_full_pagination_has_totals(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(list_form="full"))
    sandbox.seed(25)
    body = api.get("/webhooks?limit=10&page=3").json()
    assert (body["meta"]["last_page"], body["meta"]["total"], body["meta"]["to"]) == (3, 25, 25)
    assert body["links"]["last"] == f"{sandbox.base_url}/webhooks?limit=10&page=3"


def test_a_page_beyond_the_end_is_empty(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(5)
    for page in ("2", "999999999999999"):
        body = api.get("/webhooks", params={"page": page}).json()
        assert body["data"] == []
        assert (body["links"]["next"], body["meta"]["from"], body["meta"]["to"]) == (None, None, None)


def test_following_links_next_reads_everything(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(35)
    read, address = [], f"{sandbox.base_url}/webhooks?limit=10"
    while address:
        body = api.session.get(address, timeout=PATIENCE).json()
        read += body["data"]
        address = body["links"]["next"]
    assert read == sandbox.webhooks()


@pytest.mark.parametrize(
    ("query", "field", "complaint"),
    [
        ("limit=9", "limit", "The limit field must be at least 10."),
        ("limit=-1", "limit", "The limit field must be at least 10."),
        ("limit=101", "limit", "The limit field must not be greater than 100."),
        ("limit=ten", "limit", "The limit field must be an integer."),
        ("limit=" + "9" * 5000, "limit", "The limit field must be an integer."),
        ("limit=١٢", "limit", "The limit field must be an integer."),
        ("page=" + "9" * 5000, "page", "The page field must be an integer."),
        ("page=0", "page", "The page field must be at least 1."),
        ("page=1.5", "page", "The page field must be an integer."),
    ],
)
def test_a_page_out_of_range_is_refused(api: Api, query: str, field: str, complaint: str) -> None:
    answer = api.get(f"/webhooks?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (422, {field: [complaint]})


@pytest.mark.parametrize(
    ("query", "length", "limit", "page"),
    [("limit=1", 10, 10, 1), ("limit=500", 100, 100, 1), ("limit=x&page=0", 10, 10, 1), ("page=-3", 10, 10, 1)],
)
def test_a_page_out_of_range_is_clamped(
    api: Api, sandbox: Sandbox, query: str, length: int, limit: int, page: int
) -> None:
    sandbox.reset(Profile(limit_out_of_range="clamp"))
    sandbox.seed(150)
    body = api.get(f"/webhooks?{query}").json()
    assert (len(body["data"]), body["meta"]["per_page"], body["meta"]["current_page"]) == (length, limit, page)


def test_a_server_may_give_fewer_than_it_was_asked_for_and_link_to_more(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(limit_out_of_range="clamp", max_limit=50))
    sandbox.seed(120)
    body = api.get("/webhooks?limit=100&page=2").json()
    assert body["data"] == sandbox.webhooks()[50:100]
    assert body["links"]["next"].endswith("limit=50&page=3")


def test_the_newest_may_come_first(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(order="newest"))
    sandbox.seed(25)
    assert api.get("/webhooks?limit=10&page=2").json()["data"] == sandbox.webhooks()[::-1][10:20]


def test_an_update_keeps_the_place_in_the_list(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(3)
    keys = [webhook["key"] for webhook in sandbox.webhooks()]
    api.call("PUT", f"/webhooks/{keys[0]}", json={"name": "changed"})
    assert [webhook["key"] for webhook in api.get("/webhooks").json()["data"]] == keys


def test_ten_thousand_webhooks_have_a_hundred_full_pages(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(10_000)
    webhooks = sandbox.webhooks()
    assert len({webhook["key"] for webhook in webhooks}) == 10_000
    for page in (1, 50, 100):
        body = api.get("/webhooks", params={"limit": 100, "page": page}).json()
        assert body["data"] == webhooks[(page - 1) * 100 : page * 100]
    assert body["links"]["next"] is None


def test_an_unstable_order_shows_some_twice_and_others_never_in_every_reading(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(order="unstable"))
    sandbox.seed(25)
    keys = [webhook["key"] for webhook in sandbox.webhooks()]

    def read() -> list[str]:
        pages = [api.get(f"/webhooks?page={page}").json()["data"] for page in (1, 2, 3)]
        return [webhook["key"] for page in pages for webhook in page]

    assert read() == read() == [*keys[:10], *keys[14:4:-1], *keys[20:]]


@pytest.mark.parametrize(
    ("query", "content", "pages"),
    [
        ("", {"limit": 20, "page": 2}, (20, 2)),
        ("?limit=30&page=1", {"page": 3}, (30, 3)),
        ("?limit=30", {"limit": "15"}, (15, 1)),
        ("?page=2", {"limit": None, "page": 1.0}, (10, 1)),
        ("?limit=20", [10], (20, 1)),
    ],
)
def test_the_body_of_a_get_asks_for_a_page_and_wins_over_the_query(
    api: Api, sandbox: Sandbox, query: str, content: Any, pages: tuple[int, int]
) -> None:
    sandbox.seed(90)
    limit, page = pages
    expected = sandbox.webhooks()[(page - 1) * limit : page * limit]
    assert api.get(f"/webhooks{query}", json=content).json()["data"] == expected


def test_the_body_of_a_get_counts_only_as_json(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(30)
    headers = {"Content-Type": "text/plain"}
    assert len(api.get("/webhooks", data=b'{"limit": 20}', headers=headers).json()["data"]) == 10


@pytest.mark.parametrize("value", [9, True, 1.5, [20], {"a": 1}, "x"])
def test_a_limit_in_the_body_is_checked_like_one_in_the_query(api: Api, value: Any) -> None:
    answer = api.get("/webhooks", json={"limit": value})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["limit"])


def test_a_fault_meets_a_page_that_the_body_asks_for(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(page=2, status=503)
    assert [api.get("/webhooks", json={"page": page}).status_code for page in (1, 2)] == [200, 503]
