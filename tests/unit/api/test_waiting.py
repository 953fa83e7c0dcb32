"""How long the client waits between attempts."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroRateLimitError, PartneroServerError
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.retries import RetryPlan
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.http_answers import http_answer

from .conftest import MakeClient, RawServer


def test_retry_after_in_seconds_is_waited(sandbox: Sandbox, make_client: MakeClient, waits: list[float]) -> None:
    sandbox.fault(status=429, retry_after=7)
    make_client(max_wait=60).list_webhooks()
    assert waits == [pytest.approx(7.7, abs=0.2)]  # the jitter adds up to a tenth


def test_retry_after_as_a_date_is_waited(sandbox: Sandbox, make_client: MakeClient, waits: list[float]) -> None:
    sandbox.set_profile(Profile(retry_after="date"))
    sandbox.fault(status=503, retry_after=20)
    make_client(max_wait=60).list_webhooks()
    assert len(waits) == 1
    # A date has whole seconds, the server's `Date` may be a few seconds old, and the jitter adds up to a tenth.
    assert 20 <= waits[0] <= 1.1 * 30


def test_without_retry_after_the_wait_doubles(sandbox: Sandbox, make_client: MakeClient, waits: list[float]) -> None:
    sandbox.set_profile(Profile(retry_after="none"))
    sandbox.fault(status=503, retry_after=7, times=5)
    make_client(max_wait=3, max_attempts=6).list_webhooks()
    assert waits == [0.5, 1, 2, 3, 3]


def test_without_retry_after_the_pause_after_a_429_doubles(
    sandbox: Sandbox, make_client: MakeClient, waits: list[float]
) -> None:
    sandbox.set_profile(Profile(retry_after="none"))
    sandbox.fault(status=429, times=5)
    make_client(max_wait=4, max_attempts=2).list_webhooks()
    assert waits == pytest.approx([0.55, 1.21, 2.66, 4, 4], abs=0.2)  # the jitter adds a tenth each time


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_capped_by_max_wait(
    sandbox: Sandbox, make_client: MakeClient, waits: list[float], form: str
) -> None:
    sandbox.set_profile(Profile(retry_after=form))  # type: ignore[arg-type]
    sandbox.fault(status=429, retry_after=3600)
    make_client(max_wait=60).list_webhooks()
    assert waits == [pytest.approx(60, abs=0.2)]


def test_the_default_clock_really_waits(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(status=429, retry_after=1)
    make_client(max_wait=10, clock=Clock()).list_webhooks()
    first, second = (request.at for request in sandbox.requests())
    assert second - first >= 1


@pytest.mark.parametrize("options", [{"max_attempts": 1}, {"max_attempts": 9, "max_wait": 60, "deadline": 30}])
def test_the_error_has_the_retry_after_if_there_is_no_other_attempt_or_no_time_for_it(
    sandbox: Sandbox, make_client: MakeClient, options: dict[str, Any]
) -> None:
    sandbox.fault(status=429, retry_after=90, times=9)
    with pytest.raises(PartneroRateLimitError) as raised:
        make_client(**options).list_webhooks()
    assert raised.value.retry_after == 90
    assert len(sandbox.requests()) == 1


def test_a_turn_that_comes_only_when_the_time_is_up_is_a_refusal_for_the_pace(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    now = [0.0]

    def wait(seconds: float, _stopped: threading.Event) -> None:
        now[0] += seconds

    sandbox.fault(status=429, retry_after=3600, times=9)
    clock = Clock(lambda: now[0], wait, lambda _low, high: high)
    with pytest.raises(PartneroRateLimitError):
        make_client(max_wait=60, deadline=120, clock=clock).list_webhooks()
    assert now == [60]
    assert len(sandbox.requests()) == 2


def test_refusals_for_the_pace_do_not_use_up_attempts(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(status=429, retry_after=1, times=20)
    assert make_client(max_attempts=2, max_wait=60).list_webhooks() == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("1.5", 1.5),
        ("9" * 400, float("inf")),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("\xb2", None),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30),
        ("Monday, 23-Nov-26 10:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 10:00:30 +99999999999999", None),
        ("Mon, 23 Nov 99999 10:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_every_form_and_a_malformed_one_is_ignored(
    make_client: MakeClient, raw_server: RawServer, value: str, seconds: float | None
) -> None:
    headers = (f"Retry-After: {value}", "Date: Mon, 23 Nov 2026 10:00:00 GMT")
    url = raw_server(http_answer(b"{}", *headers, status="429 Too Many Requests"))
    with pytest.raises(PartneroRateLimitError) as raised:
        make_client(base_url=url, max_attempts=1).list_webhooks()
    assert raised.value.retry_after == seconds


@given(st.integers(1, 10_000), st.none() | st.floats(0, allow_nan=False), st.floats(0, 86_400))
def test_no_wait_is_negative_or_above_max_wait(attempt: int, retry_after: float | None, max_wait: float) -> None:
    assert 0 <= RetryPlan(max_attempts=5, max_wait=max_wait).wait(attempt, retry_after) <= max_wait


def test_each_wait_is_logged_with_the_failure(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.fault(status=503, times=9)
    with caplog.at_level(logging.WARNING), pytest.raises(PartneroServerError):
        make_client(max_attempts=3).list_webhooks()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider_partnero")]
    words = "GET /webhooks: 503 Service Unavailable; attempt"
    assert ours == [f"{words} 2 of 3 in 0.0 s", f"{words} 3 of 3 in 0.0 s"]
