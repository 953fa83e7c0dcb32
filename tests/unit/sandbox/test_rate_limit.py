"""The server's own limit on requests, in fixed windows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.rate_limit import RateLimit

from .conftest import FOREVER, PATIENCE, Api, fetch, wait_for


def test_a_window_admits_its_requests_and_refuses_the_rest() -> None:
    limit = RateLimit(2, 6)
    assert [limit.refuse(now) for now in (100, 101, 101.5, 103, 105.999)] == [None, None, 5, 3, 1]
    assert [limit.refuse(now) for now in (106, 111, 111.9, 112)] == [None, None, 1, None]
    assert limit.refusals == 4


def test_a_window_starts_with_the_first_request_after_the_last_ones_end() -> None:
    limit = RateLimit(1, 10)
    assert [limit.refuse(now) for now in (0, 25, 30, 34.5, 35)] == [None, None, 5, 1, None]


def test_a_window_of_a_fraction_of_a_second_asks_for_a_fraction() -> None:
    limit = RateLimit(1, 0.5)
    assert [limit.refuse(now) for now in (0, 0.1, 0.4996, 0.5)] == [None, 0.4, 0.001, None]


def test_what_is_beyond_the_limit_gets_429_and_changes_nothing(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_rate_limit(2, FOREVER)
    assert [api.get("/webhooks").status_code, api.create().status_code] == [200, 200]
    refused = api.create()
    assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Attempts."})
    assert 0 < int(refused.headers["Retry-After"]) <= FOREVER
    assert (len(sandbox.webhooks()), sandbox.refusals()) == (1, 1)
    assert [request.status for request in sandbox.requests()] == [200, 200, 429]


@pytest.mark.parametrize("form", ["date", "none"])
def test_a_refusal_writes_retry_after_as_the_profile_says(api: Api, sandbox: Sandbox, form: Any) -> None:
    sandbox.reset(Profile(retry_after=form))
    sandbox.set_rate_limit(1, FOREVER)
    api.get("/test")
    written = api.get("/test").headers.get("Retry-After")
    assert (written is None) is (form == "none")
    assert written is None or parsedate_to_datetime(written)


def test_a_new_window_admits_again(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_rate_limit(1, 0.2)
    assert api.get("/test").status_code == 200
    wait_for(lambda: api.get("/test").status_code == 200)


def test_requests_side_by_side_share_the_window(sandbox: Sandbox) -> None:
    sandbox.set_rate_limit(20, FOREVER)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: fetch(sandbox, "/test").status_code, range(48)))
    assert (statuses.count(200), statuses.count(429), sandbox.refusals()) == (20, 28, 28)


def test_a_wrong_token_is_not_counted(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_rate_limit(1, FOREVER)
    for _ in range(3):
        assert requests.get(f"{sandbox.base_url}/test", timeout=PATIENCE).status_code == 401
    assert (api.get("/test").status_code, sandbox.refusals()) == (200, 0)


def test_a_refused_request_meets_no_fault(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_rate_limit(1, FOREVER)
    sandbox.fault(skip=1, status=503)
    assert [api.get("/test").status_code for _ in range(2)] == [200, 429]
    assert len(sandbox.faults()) == 1


def test_the_limit_ends_when_it_is_taken_back_or_reset(api: Api, sandbox: Sandbox) -> None:
    ends: list[Callable[[], None]] = [lambda: sandbox.set_rate_limit(None), sandbox.reset]
    for end in ends:
        sandbox.set_rate_limit(1, FOREVER)
        assert [api.get("/test").status_code for _ in range(2)] == [200, 429]
        end()
        assert [api.get("/test").status_code for _ in range(2)] == [200, 200]
        assert sandbox.refusals() == 0


@pytest.mark.parametrize(("requests_", "seconds"), [(0, 1), (-1, 1), (1, 0), (1, 1e9)])
def test_a_limit_that_makes_no_sense_is_refused(sandbox: Sandbox, requests_: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="Input should be"):
        sandbox.set_rate_limit(requests_, seconds)
