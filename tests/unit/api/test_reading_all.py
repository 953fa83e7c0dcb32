"""Every webhook is read once: in any number, in any form of the list, and whatever changes meanwhile."""

from __future__ import annotations

import threading
import time
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import (
    PartneroInconsistentReadError,
    PartneroResponseError,
    PartneroServerError,
    Webhook,
)
from airflow_provider_partnero.api.pages import Page
from airflow_provider_partnero.api.read_ahead import read_pages
from airflow_provider_partnero.api.readings import read_consistently
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.http_answers import http_answer

from .conftest import DEMO, MakeClient, RawServer, requested_pages

FORMS = ["data", "simple", "full"]
COUNTS = [0, 1, 9, 10, 11, 99, 100, 101, 2500]


@pytest.mark.parametrize("list_form", FORMS)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("page_size", [10, 100])
def test_all_webhooks_are_read_once_in_the_servers_order(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any, count: int, page_size: int
) -> None:
    sandbox.reset(Profile(list_form=list_form))
    sandbox.seed(count)
    read = [webhook.key for webhook in make_client().iter_webhooks(page_size=page_size)]
    assert read == [webhook["key"] for webhook in sandbox.webhooks()]

    asked = len(sandbox.requests())
    pages = max(1, ceil(count / page_size))
    if list_form == "full":
        assert asked == pages
    elif pages == 1 and (list_form == "simple" or count in {0, 1, 9, 11, 99}):  # ten may be the server's own limit
        assert asked == 1
    else:
        assert pages <= asked <= pages + 8


@pytest.mark.parametrize("list_form", ["simple", "full"])
def test_a_server_that_clamps_the_limit_is_read_to_the_end(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any
) -> None:
    sandbox.reset(Profile(list_form=list_form, limit_out_of_range="clamp", max_limit=50))
    sandbox.seed(230)
    assert len({webhook.key for webhook in make_client().iter_webhooks()}) == 230


@pytest.mark.parametrize("list_form", FORMS)
def test_changes_between_pages_neither_repeat_nor_lose_the_other_webhooks(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any
) -> None:
    sandbox.reset(Profile(list_form=list_form))
    sandbox.seed(40)
    stays = [webhook["key"] for webhook in sandbox.webhooks()]
    new = {"name": "new", "url": "https://a.example/", "events": ["partner.created"]}
    sandbox.fault(path="^/webhooks$", page=2, mutate=[{"insert": new | {"key": "inFront"}, "at": "front"}])
    sandbox.fault(path="^/webhooks$", page=3, mutate=[{"insert": new | {"key": "atTheEnd"}}])
    read = [webhook.key for webhook in make_client(page_concurrency=1).iter_webhooks(page_size=10)]
    assert len(read) == len(set(read))
    assert set(stays) <= set(read)


@pytest.mark.parametrize("list_form", FORMS)
def test_a_consistent_reading_finds_a_webhook_that_a_deletion_made_one_reading_skip(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any
) -> None:
    sandbox.reset(Profile(list_form=list_form))
    sandbox.seed(35)
    first = sandbox.webhooks()[0]["key"]
    sandbox.fault(path="^/webhooks$", page=2, mutate=[{"delete": first}])
    read = {webhook.key for webhook in make_client(page_concurrency=1).iter_webhooks(page_size=10, consistent=True)}
    assert {webhook["key"] for webhook in sandbox.webhooks()} <= read


@pytest.mark.parametrize("list_form", FORMS)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("change", ["insert in front", "insert at the end", "delete"])
def test_a_consistent_reading_is_right_whatever_changes_during_the_first_pass(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any, count: int, change: str
) -> None:
    sandbox.reset(Profile(list_form=list_form))
    sandbox.seed(count)
    size = 10 if count < 1000 else 100
    if change == "delete":
        mutation: dict[str, Any] = {"delete": sandbox.webhooks()[0]["key"] if count else "none"}
    else:
        mutation = {"insert": {"name": "new"}, "at": "front" if change == "insert in front" else "back"}
    sandbox.fault(path="^/webhooks$", page=max(1, min(2, ceil(count / size))), mutate=[mutation])
    read = [webhook.key for webhook in make_client().iter_webhooks(page_size=size, consistent=True)]
    assert read == [webhook["key"] for webhook in sandbox.webhooks()]
    assert sandbox.faults() == []


@pytest.mark.parametrize(("list_form", "readings"), [("data", 2), ("simple", 2), ("full", 1)])
def test_a_consistent_reading_reads_twice_unless_the_total_agrees(
    sandbox: Sandbox, make_client: MakeClient, list_form: Any, readings: int
) -> None:
    sandbox.reset(Profile(list_form=list_form))
    sandbox.seed(25)
    list(make_client(page_concurrency=1).iter_webhooks(page_size=10, consistent=True))
    assert requested_pages(sandbox) == [1, 2, 3] * readings


def test_three_readings_that_disagree_are_an_error(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(35)
    for reading in range(3):
        victim = sandbox.webhooks()[reading]["key"]
        sandbox.fault(path="^/webhooks$", page=2, skip=reading, mutate=[{"delete": victim}])
    with pytest.raises(PartneroInconsistentReadError, match="being changed"):
        list(make_client(page_concurrency=1).iter_webhooks(page_size=10, consistent=True))


def test_a_small_programme_is_consistent_after_one_request(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(100)
    assert len(list(make_client().iter_webhooks(consistent=True))) == 100
    assert len(sandbox.requests()) == 1


def test_an_error_on_a_page_is_raised_after_the_pages_before_it(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(95)
    sandbox.fault(path="^/webhooks$", page=5, status=500, times=99)
    read: list[str] = []
    with pytest.raises(PartneroServerError):
        read.extend(webhook.key for webhook in make_client(max_attempts=2).iter_webhooks(page_size=10))
    reading = make_client(max_attempts=2).iter_webhooks(page_size=10)
    assert len([next(reading) for _ in range(40)]) == 40
    reading.close()  # type: ignore[attr-defined]


def test_an_abandoned_reading_leaves_no_thread_and_sends_no_more_requests(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.seed(2000)
    sandbox.set_latency(0.02)
    reading = make_client().iter_webhooks(page_size=10)
    for _ in range(25):
        next(reading)
    reading.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while _reading_threads() and time.monotonic() < deadline:
        time.sleep(0.02)
    asked = len(sandbox.requests())
    time.sleep(0.2)
    assert _reading_threads() == []
    assert len(sandbox.requests()) == asked < 40


def _reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("partnero-pages")]


def test_a_server_that_ignores_the_page_number_is_an_error(sandbox: Sandbox, make_client: MakeClient) -> None:
    page = Page(tuple(_webhook(f"k{n}") for n in range(10)), is_last=False)
    with pytest.raises(PartneroResponseError, match="repeats"):
        list(read_pages(lambda _number, _stopped, _most: page, concurrency=4))


def test_the_next_link_is_never_followed(make_client: MakeClient, raw_server: RawServer) -> None:
    asked: list[bytes] = []

    def elsewhere(request: bytes) -> bytes:
        asked.append(request)
        return http_answer(b"{}")

    link = raw_server(elsewhere) + "/webhooks?page=2"

    def page(request: bytes) -> bytes:
        number = 2 if b"page=2" in request.partition(b"\r\n")[0] else 1
        data = [{**DEMO, "key": f"k{number}", "is_active": True}]
        return http_answer({"data": data, "links": {"next": link if number == 1 else None}})

    client = make_client(base_url=raw_server(page), page_concurrency=1)
    assert [webhook.key for webhook in client.iter_webhooks()] == ["k1", "k2"]
    assert asked == []


def _webhook(key: str) -> Webhook:
    return Webhook(key, "n", "https://a.example/", True, ("partner.created",))


@given(st.integers(0, 300), st.integers(1, 8), st.sampled_from(["told", "untold", "total"]), st.integers(10, 20))
def test_any_number_of_webhooks_is_read_with_at_most_one_window_wasted(
    count: int, concurrency: int, form: str, size: int
) -> None:
    keys = [f"k{number}" for number in range(count)]
    pages = max(1, ceil(count / size))
    asked: list[int] = []

    def fetch(number: int, _stopped: threading.Event, _most: int) -> Page:
        asked.append(number)
        part = tuple(_webhook(key) for key in keys[(number - 1) * size : number * size])
        is_last = not part or (number >= pages if form != "untold" else len(part) < size)
        return Page(part, is_last, last_page=pages if form == "total" else None)

    read = [webhook.key for page in read_pages(fetch, concurrency=concurrency) for webhook in page.webhooks]
    assert read == keys
    assert len(asked) == len(set(asked)) <= (pages if form == "total" else pages + 1 + concurrency)


@given(st.lists(st.sets(st.integers(0, 5), max_size=4), min_size=3, max_size=3))
def test_two_passes_that_agree_are_a_consistent_reading(passes: list[set[int]]) -> None:
    left = iter(passes)

    def read() -> list[Page]:
        webhooks = tuple(_webhook(f"k{n}") for n in sorted(next(left)))
        return [Page(webhooks, is_last=False), Page((), is_last=True)]

    if len({frozenset(one) for one in passes}) == 3:
        with pytest.raises(PartneroInconsistentReadError):
            read_consistently(read)
    else:
        keys = {webhook.key for webhook in read_consistently(read)}
        assert [{f"k{n}" for n in one} for one in passes].count(keys) >= 2


@given(
    st.integers(0, 60),
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from(["front", "back", "delete"]), st.integers(0, 60)), max_size=9
    ),
    st.booleans(),
)
def test_a_consistent_reading_shows_the_state_after_changes_during_one_pass(
    count: int, changes: list[tuple[int, str, int]], is_end_told: bool
) -> None:
    keys = [f"k{number}" for number in range(count)]
    passes = 0

    def fetch(number: int, _stopped: threading.Event, _most: int) -> Page:
        nonlocal passes
        passes += number == 1
        for position, (page, kind, victim) in enumerate(changes):
            if passes == 1 and page == number:
                if kind == "delete":
                    del keys[victim : victim + 1]
                else:
                    keys.insert(0 if kind == "front" else len(keys), f"new{position}")
        part = tuple(_webhook(key) for key in keys[(number - 1) * 10 : number * 10])
        is_last = number * 10 >= len(keys) if is_end_told else len(part) < 10
        return Page(part, is_last or not part)

    read = read_consistently(lambda: read_pages(fetch, concurrency=1))
    assert [webhook.key for webhook in read] == keys


def test_a_page_is_requested_with_its_limit_and_number(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(25)
    assert len(make_client().list_webhooks(limit=10, page=3)) == 5
    assert sandbox.requests()[0].query == {"limit": "10", "page": "3"}
