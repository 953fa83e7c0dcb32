"""Whatever form the list has, and whatever its fields say, everything in it is read, and no list is read for ever."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroInconsistentReadError, PartneroResponseError, Webhook
from airflow_provider_partnero.api.pages import MOST_WEBHOOKS, Page
from airflow_provider_partnero.api.read_ahead import read_pages
from airflow_provider_partnero.api.readings import each_once, read_consistently
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.http_answers import http_answer

from .conftest import DEMO, MakeClient, RawServer, requested_pages

Body = dict[str, Any]
Form = Callable[[list[Any], int, int, int], Body]  # items, page number, limit, total -> answer

PROFILE_FORMS = ["data", "simple", "full", "paginate", "simple-paginate", "per-page", "total"]


def _next(number: int, limit: int, total: int) -> str | None:
    return "https://elsewhere.example/?page=2" if number * limit < total else None


def _last(limit: int, total: int) -> int:
    return max(1, -(-total // limit))


# What answers may say beside ``data``. ``limit`` is the one that the server uses, whatever it was asked.
FORMS: dict[str, Form] = {
    "data": lambda items, number, limit, total: {"data": items},
    "links.next": lambda items, number, limit, total: {"data": items, "links": {"next": _next(number, limit, total)}},
    "next_page_url": lambda items, number, limit, total: {"data": items, "next_page_url": _next(number, limit, total)},
    "meta.next_page_url": lambda items, number, limit, total: {
        "data": items,
        "meta": {"next_page_url": _next(number, limit, total)},
    },
    "last_page": lambda items, number, limit, total: {"data": items, "last_page": _last(limit, total)},
    "meta.last_page": lambda items, number, limit, total: {"data": items, "meta": {"last_page": _last(limit, total)}},
    "per_page as text": lambda items, number, limit, total: {"data": items, "per_page": str(limit)},
    "meta.per_page": lambda items, number, limit, total: {"data": items, "meta": {"per_page": limit}},
    "a per_page as asked": lambda items, number, limit, total: {"data": items, "meta": {"per_page": 100}},
    "total": lambda items, number, limit, total: {"data": items, "total": total},
    "total, and a per_page as asked": lambda items, number, limit, total: {
        "data": items,
        "total": total,
        "per_page": 100,
    },
    "last_page 1 with a next": lambda items, number, limit, total: {
        "data": items,
        "meta": {"last_page": 1, "current_page": 1},
        "links": {"next": _next(number, limit, total)},
    },
    "no next with a last_page": lambda items, number, limit, total: {
        "data": items,
        "links": {"next": None},
        "meta": {"last_page": _last(limit, total)},
    },
    "no next with a total": lambda items, number, limit, total: {"data": items, "next_page_url": None, "total": total},
    "an object": lambda items, number, limit, total: {
        "data": {str(7 + position): item for position, item in enumerate(items)},
        "links": {"next": _next(number, limit, total)},
    },
}


def _fetch(
    form: Form, items: list[Any], clamp: int, asked: list[int] | None = None
) -> Callable[[int, object, int], Page]:
    limit = min(100, clamp)

    def fetch(number: int, _stopped: object, _most: int) -> Page:
        if asked is not None:
            asked.append(number)
        answer = form(items[(number - 1) * limit : number * limit], number, limit, len(items))
        return Page.from_api(json.loads(json.dumps(answer)), number=number, limit=100)

    return fetch


def _row(number: int) -> Body:
    return {"key": f"k{number}", "name": "n", "url": "https://a.example/", "is_active": True, "events": ["a.b"]}


@given(
    st.sampled_from(sorted(FORMS)),
    st.sampled_from([10, 15, 20, 25, 30, 50, 75, 100, 250]),
    st.integers(0, 260),
    st.integers(1, 8),
)
def test_any_form_at_any_limit_of_the_servers_is_read_whole(
    form: str, clamp: int, count: int, concurrency: int
) -> None:
    fetch = _fetch(FORMS[form], [_row(number) for number in range(count)], clamp)
    read = [webhook.key for page in read_pages(fetch, concurrency=concurrency) for webhook in page.webhooks]
    assert read == [f"k{number}" for number in range(count)]


@pytest.mark.parametrize(
    "form", sorted(FORMS.keys() - {"data", "meta.per_page", "per_page as text", "a per_page as asked"})
)
@pytest.mark.parametrize("count", [0, 7, 10, 99, 100])
def test_a_page_that_says_it_is_the_only_one_is_the_only_request(form: str, count: int) -> None:
    asked: list[int] = []
    fetch = _fetch(FORMS[form], [_row(number) for number in range(count)], 100, asked)
    list(read_pages(fetch, concurrency=8))
    assert asked == [1]


@pytest.mark.parametrize("data_form", ["list", "object"])
@pytest.mark.parametrize("list_form", PROFILE_FORMS)
@pytest.mark.parametrize("consistent", [False, True])
def test_a_limit_that_the_server_lowers_loses_nothing(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any, data_form: Any, consistent: bool
) -> None:
    sandbox.reset(Profile(list_form=list_form, data_form=data_form, limit_out_of_range="clamp", max_limit=50))
    sandbox.seed(137)
    read = [webhook.key for webhook in make_client().iter_webhooks(consistent=consistent)]
    assert read == [webhook["key"] for webhook in sandbox.webhooks()]


@pytest.mark.parametrize("list_form", PROFILE_FORMS)
def test_an_empty_list_is_read_in_every_form(sandbox: Sandbox, make_client: MakeClient, list_form: Any) -> None:
    sandbox.reset(Profile(list_form=list_form))
    assert list(make_client().iter_webhooks(consistent=True)) == []
    assert requested_pages(sandbox) == [1]


@pytest.mark.parametrize("data", [{}, []])
def test_nothing_may_be_an_empty_object(make_client: MakeClient, raw_server: RawServer, data: object) -> None:
    client = make_client(base_url=raw_server(http_answer({"data": data})))
    assert list(client.iter_webhooks(consistent=True)) == client.list_webhooks() == []


@pytest.mark.parametrize("data", [None, "x", 7, True, {"key": "k1"}, {"0": {}, "x": {}}])
def test_data_that_is_no_list_is_an_error_that_says_what_it_is(data: object) -> None:
    with pytest.raises(PartneroResponseError, match="'data', not a list"):
        Page.from_api({"data": data}, number=1, limit=100)


def _page_number(request: bytes) -> int:
    found = re.search(rb"[?&]page=([0-9]+)", request)
    return int(found[1]) if found else 1


def test_an_empty_page_that_announces_another_is_not_the_end(make_client: MakeClient, raw_server: RawServer) -> None:
    def page(request: bytes) -> bytes:
        number = _page_number(request)
        data = [] if number == 2 else [{**DEMO, "key": f"k{number}", "is_active": True}]
        return http_answer({"data": data, "links": {"next": "x" if number < 3 else None}})

    client = make_client(base_url=raw_server(page))
    assert [webhook.key for webhook in client.iter_webhooks()] == ["k1", "k3"]
    assert [webhook.key for webhook in client.iter_webhooks(consistent=True)] == ["k1", "k3"]


def _pages_without_end(rows: int) -> Callable[[int, object, int], Page]:
    def fetch(number: int, _stopped: object, _most: int) -> Page:
        webhooks = tuple(Webhook(f"k{number}-{row}", "n", "", True, ()) for row in range(rows))
        return Page(webhooks, is_last=False)

    return fetch


@pytest.mark.parametrize(("rows", "most_read"), [(100, MOST_WEBHOOKS), (1, MOST_WEBHOOKS // 10), (0, 0)])
def test_a_list_without_an_end_is_an_error_in_the_end(rows: int, most_read: int) -> None:
    read: list[int] = []
    pages = read_pages(_pages_without_end(rows), concurrency=8)
    with pytest.raises(PartneroResponseError, match="does not end"):
        read.extend(len(page.webhooks) for page in pages)
    assert sum(read) == most_read


def test_a_list_takes_no_more_than_256_mib() -> None:
    """Each page is within its own limit, and a list that goes on and on is read whole before it counts."""
    read: list[int] = []

    def fetch(number: int, _stopped: object, _most: int) -> Page:
        rows = [{"key": f"k{number}"}]
        return Page.from_api({"data": rows, "links": {"next": "x"}}, number=number, limit=100, memory=7 * 1024**2)

    with pytest.raises(PartneroResponseError, match=r"too large: 37 webhooks on 37 pages take some 259 MiB, and 256"):
        read.extend(page.memory for page in read_pages(fetch, concurrency=8))
    assert len(read) == 36


def test_the_memory_of_a_page_counts_its_values_as_well_as_its_bytes(
    make_client: MakeClient, raw_server: RawServer
) -> None:
    """A page of 40,000 empty lists has 160 kB, and takes some 8 MB."""
    row = {"key": "k", "odd": [[]] * 40_000}

    def page(request: bytes) -> bytes:
        return http_answer({"data": [{**row, "key": f"k{_page_number(request)}"}], "links": {"next": "x"}})

    client = make_client(base_url=raw_server(page))
    with pytest.raises(PartneroResponseError, match="the list of webhooks is too large"):
        list(client.iter_webhooks())


def test_pages_without_an_end_that_are_all_empty_are_an_error(make_client: MakeClient, raw_server: RawServer) -> None:
    client = make_client(base_url=raw_server(http_answer(b'{"data": [], "links": {"next": "x"}}')))
    with pytest.raises(PartneroResponseError, match="101 empty pages"):
        list(client.iter_webhooks())


@pytest.mark.parametrize("list_form", PROFILE_FORMS)
def test_a_list_in_no_stable_order_is_never_taken_for_the_whole_list(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any
) -> None:
    sandbox.reset(Profile(list_form=list_form, order="unstable"))
    sandbox.seed(25)
    client = make_client(page_concurrency=1)
    with pytest.raises(PartneroInconsistentReadError, match=r"twice.*no stable order"):
        list(client.iter_webhooks(page_size=10, consistent=True))
    assert requested_pages(sandbox).count(1) == 3
    each_once = [webhook.key for webhook in client.iter_webhooks(page_size=10)]
    assert len(each_once) == len(set(each_once)) < 25


def test_a_webhook_that_the_order_hides_is_not_created_again(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.reset(Profile(order="unstable"))
    sandbox.seed(150)
    shown = {webhook.key for webhook in make_client().iter_webhooks()}
    hidden = next(webhook for webhook in sandbox.webhooks() if webhook["key"] not in shown)
    content = {name: hidden[name] for name in ("name", "url", "events", "is_active")}
    with pytest.raises(PartneroInconsistentReadError):
        make_client().find_webhook(**content, key="another", by_content=True)


def test_fewer_webhooks_than_the_total_are_read_again(make_client: MakeClient, raw_server: RawServer) -> None:
    asked: list[int] = []

    def page(request: bytes) -> bytes:
        number = _page_number(request)
        asked.append(number)
        rows = [_row(1), _row(2)] if asked.count(1) == 2 else [_row(1)]
        return http_answer({"data": rows if number == 1 else [], "meta": {"total": 2}})

    client = make_client(base_url=raw_server(page), page_concurrency=1)
    assert [webhook.key for webhook in client.iter_webhooks(consistent=True)] == ["k1", "k2"]
    assert asked == [1, 2, 1]


def test_a_total_that_is_never_reached_is_an_error_with_both_numbers(
    make_client: MakeClient, raw_server: RawServer
) -> None:
    answers = {1: {"data": [_row(1)], "total": 2}, 2: {"data": [], "total": 2}}
    client = make_client(
        base_url=raw_server(lambda request: http_answer(json.dumps(answers[_page_number(request)]).encode())),
        page_concurrency=1,
    )
    with pytest.raises(PartneroInconsistentReadError, match="1 webhooks of a total of 2"):
        list(client.iter_webhooks(consistent=True))
    assert [webhook.key for webhook in client.iter_webhooks()] == ["k1"]


keys = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=5)


@given(st.lists(keys, min_size=3, max_size=3), st.none() | st.integers(0, 5))
def test_only_readings_without_a_doubt_agree(passes: list[list[str]], total: int | None) -> None:
    left = iter(passes)

    def read() -> list[Page]:
        webhooks = tuple(Webhook(key, "n", "", True, ()) for key in next(left))
        return [Page(webhooks, is_last=False, total=total), Page((), is_last=True, total=total)]

    def is_whole(one: list[str]) -> bool:
        named = [key for key in one if key]
        return len(named) == len(set(named)) and len(one) >= (total or 0)

    whole = [sorted(one) for one in passes if is_whole(one)]
    try:
        found = sorted(webhook.key for webhook in read_consistently(read))
    except PartneroInconsistentReadError:
        assert all(whole.count(one) == 1 for one in whole)
        assert total is None or all(len(one) != total for one in whole)
    else:
        assert found in whole
        assert whole.count(found) >= 2 or len(found) == total


@given(st.lists(keys, max_size=3))
def test_each_key_is_read_once_and_rows_without_a_key_are_all_kept(pages: list[list[str]]) -> None:
    read = [webhook.key for webhook in each_once(Webhook(key, "n", "", True, ()) for page in pages for key in page)]
    given_keys = [key for page in pages for key in page]
    assert [key for key in read if key] == list(dict.fromkeys(key for key in given_keys if key))
    assert read.count("") == given_keys.count("")
