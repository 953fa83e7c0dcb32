"""Requests that are refused with 429 slow the whole client, just as much as the limit asks for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroRateLimitError
from airflow_provider_partnero.api.allowance import NoTurnError
from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.api.pace import Pace
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.rate_limit import RateLimit

from .conftest import MakeClient

FOR_EVER = 1e9
CONCURRENCIES = [1, 2, 3, 4, 6, 8, 16, 32, 64]


@dataclass
class Time:
    """A clock whose waits take no time, and that all threads share."""

    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, seconds: float, _stopped: threading.Event) -> None:
        until = self.seconds + seconds
        with self.lock:
            self.seconds = max(self.seconds, until)

    def clock(self, jitter: float) -> Clock:
        return Clock(lambda: self.seconds, self.wait, lambda low, high: low + jitter * (high - low))


def _send_all(
    requests: int, concurrency: int, limit: RateLimit, *, told: bool, jitter: float = 1.0, latency: float = 0.0
) -> float:
    """Send so many requests at one pace to a server with this limit, and say how long that took."""
    time = Time()
    pace = Pace(concurrency, 60, time.clock(jitter))
    left = iter(range(requests))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            _send(pace, limit, time, told=told, latency=latency)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return time.seconds


def _send(pace: Pace, limit: RateLimit, time: Time, *, told: bool, latency: float = 0.0) -> None:
    while True:
        turn = pace.turn(Deadline(FOR_EVER, Clock()), threading.Event())
        with time.lock:
            time.seconds += latency
            wait = limit.refuse(time.seconds)
        if wait is None:
            pace.passed(turn)
            return
        pace.refused(turn, wait if told else None)


@pytest.mark.parametrize("told", [True, False], ids=["with Retry-After", "without"])
@pytest.mark.parametrize("concurrency", CONCURRENCIES)
@pytest.mark.parametrize("jitter", [0.0, 1.0])
@pytest.mark.parametrize("latency", [0.0, 0.03])
def test_a_limit_of_20_in_6_seconds_is_used_up_with_few_refusals(
    concurrency: int, told: bool, jitter: float, latency: float
) -> None:
    limit = RateLimit(20, 6)
    seconds = _send_all(100, concurrency, limit, told=told, jitter=jitter, latency=latency)
    assert limit.refusals < 2 * concurrency
    # 20 at once, and 20 more after 6, 12, 18 and 24 seconds; one request after the other is under way.
    assert seconds <= 1.3 * 24 + 100 * latency


class WindowsOfTheClock(RateLimit):
    """Windows that begin when the server's clock says so, such as each minute, and not with the first request."""

    def __init__(self, requests: int, seconds: float, phase: float) -> None:
        super().__init__(requests, seconds)
        self._passed: dict[int, int] = {}
        self._phase = phase

    def refuse(self, now: float) -> float | None:
        number, into = divmod(now + self._phase, self.seconds)
        self._passed[int(number)] = passed = self._passed.get(int(number), 0) + 1
        if passed <= self.requests:
            return None
        self.refusals += 1
        return self.seconds - into


class SlidingWindow(RateLimit):
    """At most so many requests in any so many seconds."""

    def __init__(self, requests: int, seconds: float, phase: float) -> None:
        super().__init__(requests, seconds)
        self._passed: list[float] = []

    def refuse(self, now: float) -> float | None:
        self._passed = [at for at in self._passed if at > now - self.seconds]
        if len(self._passed) < self.requests:
            self._passed.append(now)
            return None
        self.refusals += 1
        return self._passed[0] + self.seconds - now


@pytest.mark.parametrize(
    ("kind", "told", "most_refusals", "most_times"),
    [
        (SlidingWindow, True, 0, 1.3),
        (SlidingWindow, False, 0, 1.3),
        (WindowsOfTheClock, True, 0, 1.3),
        # Their first window ends at any time, so its length says little, and nobody else says more.
        (WindowsOfTheClock, False, 1, 2.5),
    ],
)
@pytest.mark.parametrize("concurrency", CONCURRENCIES)
@pytest.mark.parametrize("phase", [0.5, 2.5, 4.5, 5.9])
def test_windows_of_other_kinds_are_used_up_with_few_refusals(
    kind: Any, concurrency: int, told: bool, phase: float, most_refusals: int, most_times: float
) -> None:
    limit = kind(20, 6, phase)
    seconds = _send_all(100, concurrency, limit, told=told, latency=0.03)
    assert limit.refusals <= 2 * concurrency + most_refusals
    assert seconds <= most_times * 24 + 100 * 0.03


@given(st.integers(1, 60), st.integers(1, 120), st.sampled_from(CONCURRENCIES))
@example(1, 1, 1)
@example(2, 61, 1)
@example(1, 120, 64)
def test_whatever_the_limit_is_refusals_stay_few_and_the_time_near_it_if_it_is_told(
    requests: int, seconds: int, concurrency: int
) -> None:
    limit = RateLimit(requests, seconds)
    taken = _send_all(3 * requests + 1, concurrency, limit, told=True)
    assert limit.refusals <= 2 * concurrency + taken // 60
    assert taken <= 3 * 1.25 * seconds + 2


@given(st.integers(1, 60), st.floats(0.5, 50), st.sampled_from(CONCURRENCIES))
def test_a_limit_that_says_nothing_is_found_and_everything_is_sent(
    requests: int, seconds: float, concurrency: int
) -> None:
    limit = RateLimit(requests, seconds)
    taken = _send_all(2 * requests + 1, concurrency, limit, told=False)
    minutes = 1 + taken // 60
    assert limit.refusals <= (2 * concurrency + 6) * minutes


@pytest.mark.parametrize("told", [1.5, 1.0, None])
@pytest.mark.parametrize("concurrency", [8, 64])
def test_a_few_refusals_without_a_limit_behind_them_are_soon_forgotten(concurrency: int, told: float | None) -> None:
    time = Time()
    pace = Pace(concurrency, 60, time.clock(1.0))
    for number in range(500):
        turn = pace.turn(Deadline(FOR_EVER, Clock()), threading.Event())
        if number in {5, 6, 7}:
            pace.refused(turn, told)
        else:
            pace.passed(turn)
            time.seconds += 0.02
    assert time.seconds < 500 * 0.02 + 3 * 1.5 * 1.1 + 10


def test_a_server_that_always_refuses_is_asked_ever_more_rarely() -> None:
    time = Time()
    pace = Pace(8, 60, time.clock(0.0))
    moments = []
    for _ in range(12):
        turn = pace.turn(Deadline(FOR_EVER, Clock()), threading.Event())
        moments.append(time.seconds)
        pace.refused(turn, None)
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_a_server_that_asks_for_no_wait_and_refuses_again_is_not_hammered() -> None:
    time = Time()
    pace = Pace(8, 60, time.clock(0.0))
    for _ in range(10):
        pace.refused(pace.turn(Deadline(FOR_EVER, Clock()), threading.Event()), 0)
    assert time.seconds > 60


def test_requests_in_flight_are_not_limited_before_the_first_refusal() -> None:
    pace = Pace(2, 60, Clock())
    turns = [pace.turn(Deadline(1, Clock()), threading.Event()) for _ in range(100)]
    for turn in turns:
        pace.passed(turn)


def test_after_a_refusal_one_request_goes_first_and_the_others_wait_for_it() -> None:
    pace = Pace(8, 60, Time().clock(0.0))
    pace.refused(pace.turn(Deadline(1, Clock()), threading.Event()), 0)
    probe = pace.turn(Deadline(1, Clock()), threading.Event())
    assert probe.is_probe
    with _other_thread(pace) as gone:
        assert not gone.wait(0.2)
        pace.passed(probe)
        assert gone.wait(60)


def test_a_probe_without_an_answer_makes_room_for_the_next_one() -> None:
    pace = Pace(8, 60, Time().clock(0.0))
    pace.refused(pace.turn(Deadline(1, Clock()), threading.Event()), 0)
    pace.left(pace.turn(Deadline(1, Clock()), threading.Event()))
    assert pace.turn(Deadline(1, Clock()), threading.Event()).is_probe


def test_a_probe_whose_thread_was_torn_away_does_not_hold_the_others_for_ever() -> None:
    """Airflow's time-outs raise in the middle of a call."""
    time = Time()
    pace = Pace(8, 60, time.clock(0.0))
    pace.refused(pace.turn(Deadline(1, Clock()), threading.Event()), 0)
    pace.turn(Deadline(1, Clock()), threading.Event())  # whose end nobody tells
    time.seconds += 150
    assert pace.turn(Deadline(1, Clock()), threading.Event()).is_probe


@contextmanager
def _other_thread(pace: Pace) -> Iterator[threading.Event]:
    gone = threading.Event()

    def go() -> None:
        pace.turn(Deadline(60, Clock()), threading.Event())
        gone.set()

    thread = threading.Thread(target=go)
    thread.start()
    yield gone
    thread.join()


def test_a_turn_that_would_come_after_the_deadline_is_refused_at_once() -> None:
    time = Time()
    clock = time.clock(0.0)
    pace = Pace(8, 60, clock)
    pace.refused(pace.turn(Deadline.after(120, clock), threading.Event()), 50)
    with pytest.raises(NoTurnError):
        pace.turn(Deadline.after(49, clock), threading.Event())
    assert time.seconds == 0
    pace.turn(Deadline.after(51, clock), threading.Event())
    assert time.seconds == 50


def test_a_request_that_cannot_go_before_its_deadline_says_that_it_was_not_sent(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.fault(status=429, retry_after=50)
    client = make_client(max_attempts=1, max_wait=60, deadline=5)
    with pytest.raises(PartneroRateLimitError):
        client.list_webhooks()
    with pytest.raises(PartneroRateLimitError, match="not sent") as raised:
        client.get_webhook("k1")
    assert (raised.value.method, raised.value.path) == ("GET", "/webhooks/k1")
    assert raised.value.retry_after == pytest.approx(50, abs=10)
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(("seconds", "is_risked"), [(3.0, False), (4.0, True), (FOR_EVER, True)])
def test_only_a_request_with_time_for_a_refusal_is_sent_early_to_learn_more_about_the_limit(
    seconds: float, is_risked: bool
) -> None:
    time = Time()
    clock = time.clock(1.0)
    pace, limit = Pace(8, 60, clock), RateLimit(2, 1)
    for _ in range(4):
        _send(pace, limit, time, told=True)
    before = time.seconds
    pace.turn(Deadline.after(seconds, clock), threading.Event())
    assert (time.seconds - before < limit.seconds) == is_risked


def test_a_forgotten_limit_is_tried_again_after_a_minute_without_a_refusal() -> None:
    time = Time()
    pace = Pace(8, 60, time.clock(0.0))
    limit = RateLimit(5, 1)
    for _ in range(10):
        _send(pace, limit, time, told=True)
    time.seconds += 61
    before = time.seconds
    for _ in range(5):
        _send(pace, RateLimit(100, 1), time, told=True)
    assert time.seconds == before


@pytest.mark.parametrize("form", ["seconds", "none"])
def test_a_long_list_is_read_to_its_end_through_a_limit_of_the_server(
    sandbox: Sandbox, make_client: MakeClient, form: str
) -> None:
    sandbox.reset(Profile(retry_after=form))  # type: ignore[arg-type]
    sandbox.seed(2000)
    sandbox.set_rate_limit(10, 1)
    client = make_client(clock=Clock(), max_wait=60, page_concurrency=8, deadline=60)
    assert len(list(client.iter_webhooks())) == 2000
    assert sum(request.status == 429 for request in sandbox.requests()) < 16


def test_pages_wait_for_their_turn_longer_than_the_deadline_of_each(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(1500)
    sandbox.set_rate_limit(2, 1)
    client = make_client(clock=Clock(), max_wait=60, page_concurrency=8, deadline=5)
    assert len(list(client.iter_webhooks())) == 1500
