"""Triggers that start and end on one shared poll, and how they affect one another."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from airflow.triggers.shared_stream import SharedStreamManager

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger
from airflow_provider_partnero.triggers.polling import AwaitedKeys

from .fast_time import gaps, run, until

INTERVAL = 0.15


class Triggerer:
    """Drives triggers as Airflow's ``TriggerRunner.run_trigger`` does."""

    def __init__(self) -> None:
        self.manager = SharedStreamManager()
        self.events: dict[str, Any] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, key: str | None = None, **options: Any) -> None:
        trigger = PartneroWebhookActiveTrigger(key or name, **{"poke_interval": INTERVAL, **options})
        self.tasks[name] = asyncio.create_task(self._run(name, trigger), name=name)

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)

    async def _run(self, name: str, trigger: PartneroWebhookActiveTrigger) -> None:
        shared_key = trigger.shared_stream_key()
        number = hash(name)
        try:
            stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=shared_key)
            async for event in trigger.filter_shared_stream(stream):
                self.events[name] = event.payload
        finally:
            await self.manager.unsubscribe(number, shared_key)


@asynccontextmanager
async def _triggerer() -> AsyncIterator[Triggerer]:
    triggerer = Triggerer()
    try:
        yield triggerer
    finally:
        for task in triggerer.tasks.values():
            task.cancel()
        ended = await asyncio.gather(*triggerer.tasks.values(), return_exceptions=True)
        await triggerer.manager.stop_all()
    assert [error for error in ended if isinstance(error, Exception)] == []
    # Nothing is left behind in a triggerer that runs for months.
    assert triggerer.manager._groups == {}
    assert [awaited.keys for awaited in PartneroWebhookActiveTrigger._awaited.values() if awaited.keys] == []


def _drive(story: Callable[[Triggerer], Coroutine[Any, Any, None]]) -> dict[str, Any]:
    async def driven() -> dict[str, Any]:
        async with _triggerer() as triggerer:
            await story(triggerer)
            return dict(triggerer.events)

    return run(driven())


def _inactive(*keys: str) -> list[dict[str, Any]]:
    return [{"key": key, "is_active": False, "signature": f"sEcReT-{key}"} for key in keys]


def _active(*keys: str) -> list[dict[str, Any]]:
    return [{**webhook, "is_active": True} for webhook in _inactive(*keys)]


@pytest.mark.large
@pytest.mark.parametrize("list_form", ["data", "simple", "full"])
def test_three_hundred_triggers_cost_one_reading_of_the_list_an_interval(sandbox: Sandbox, list_form: Any) -> None:
    sandbox.reset(Profile(list_form=list_form))
    keys = [f"k{number}" for number in range(250)]
    sandbox.put_webhooks(_inactive(*keys))

    async def story(triggerer: Triggerer) -> None:
        for number in range(300):
            triggerer.start(f"t{number}", keys[number % 250], poke_interval=1.0)
        await until(lambda: len(sandbox.requests()) >= 9)
        sandbox.put_webhooks(_active("k7", "k249"))
        await until(lambda: len(triggerer.events) == 3)

    events = _drive(story)
    assert {name: event["webhook"]["key"] for name, event in events.items()} == {
        "t7": "k7",
        "t257": "k7",
        "t249": "k249",
    }
    assert "sEcReT" not in json.dumps(events)
    requests = sandbox.requests()
    assert [request.query["page"] for request in requests] == ["1", "2", "3"] * (len(requests) // 3)
    assert min(gaps([request for request in requests if request.query["page"] == "1"])) >= 1.0


def test_a_hundred_triggers_of_one_key_cost_one_get_an_interval(sandbox: Sandbox) -> None:
    sandbox.seed(500)
    sandbox.put_webhooks(_inactive("k"))

    async def story(triggerer: Triggerer) -> None:
        for number in range(100):
            triggerer.start(f"t{number}", "k")
        await until(lambda: len(sandbox.requests()) >= 3)
        sandbox.put_webhooks(_active("k"))
        await until(lambda: len(triggerer.events) == 100)

    assert len(_drive(story)) == 100
    assert {request.path for request in sandbox.requests()} == {"/webhooks/k"}


def test_a_trigger_that_starts_late_joins_the_poll_that_runs(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_inactive("early") + _active("late"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("early")
        await until(lambda: len(sandbox.requests()) >= 2)
        triggerer.start("late")
        await until(lambda: "late" in triggerer.events)
        assert len(triggerer.manager._groups) == 1
        sandbox.put_webhooks(_active("early"))
        await until(lambda: "early" in triggerer.events)

    _drive(story)
    # one key, then two (which read the list), then one again
    assert [request.path for request in sandbox.requests()][:2] == ["/webhooks/early"] * 2
    assert sandbox.requests()[-1].path == "/webhooks/early"


def test_a_trigger_that_starts_after_the_last_has_left_starts_a_new_poll(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_active("first", "second"))

    async def story(triggerer: Triggerer) -> None:
        for name in ("first", "second"):
            triggerer.start(name)
            await until(lambda name=name: name in triggerer.events)  # type: ignore[misc]
            await until(lambda name=name: triggerer.tasks[name].done())  # type: ignore[misc]
            assert triggerer.manager._groups == {}

    _drive(story)


def test_a_poll_that_has_ended_leaves_nothing_in_memory(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_active("x"))

    async def story(triggerer: Triggerer) -> None:
        for number in range(5):
            triggerer.start(str(number), "x", poke_interval=INTERVAL + number)
        await until(lambda: len(triggerer.events) == 5)

    for _event_loop in range(2):
        _drive(story)
        gc.collect()
        assert dict(PartneroWebhookActiveTrigger._awaited) == {}


def test_ten_times_as_many_that_leave_together_take_about_ten_times_as_long() -> None:
    def cpu_seconds(number: int) -> float:
        awaited = AwaitedKeys()
        for index in range(number):
            awaited.add(f"k{index}", is_needed=index % 2 == 0)
        started = time.thread_time()
        for index in range(number):
            awaited.remove(f"k{index}", is_needed=index % 2 == 0)
        took = time.thread_time() - started
        assert not awaited.keys
        assert not awaited.needed
        return took

    few, many = (min(cpu_seconds(number) for _ in range(3)) for number in (2_000, 20_000))
    assert many < 40 * few  # linear is 10, quadratic 100


def test_the_key_of_a_cancelled_trigger_is_no_longer_asked_for(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_inactive("stays", "goes"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("stays")
        triggerer.start("goes")
        await until(lambda: len(sandbox.requests()) >= 2)
        await triggerer.cancel("goes")
        sandbox.clear_requests()
        await until(lambda: len(sandbox.requests()) >= 3)

    assert _drive(story) == {}
    assert {request.path for request in sandbox.requests()[1:]} == {"/webhooks/stays"}


def test_a_few_keys_of_a_long_list_are_asked_for_one_by_one(sandbox: Sandbox) -> None:
    sandbox.seed(500)
    sandbox.put_webhooks(_inactive("a", "b", "c"))

    async def story(triggerer: Triggerer) -> None:
        for name in "abc":
            triggerer.start(name)
        await until(lambda: len(sandbox.requests()) >= 6 + 6)

    _drive(story)
    paths = [request.path for request in sandbox.requests()]
    assert paths[:4] == ["/webhooks"] * 4  # once, until it proves to have more pages than there are keys
    assert set(paths[4:]) == {"/webhooks/a", "/webhooks/b", "/webhooks/c"}


def test_more_keys_than_the_list_has_pages_read_the_list(sandbox: Sandbox) -> None:
    sandbox.seed(200)
    keys = [f"k{number}" for number in range(7)]

    async def story(triggerer: Triggerer) -> None:
        for key in keys:
            triggerer.start(key, if_missing="wait")
            await asyncio.sleep(INTERVAL / 2)
        sandbox.clear_requests()
        await until(lambda: len(sandbox.requests()) >= 6)

    _drive(story)
    assert {request.path for request in sandbox.requests()} == {"/webhooks"}


@pytest.mark.parametrize("crowd", [0, 500])
@pytest.mark.parametrize("bad", ["a/b", "..", "", "refused"])
def test_a_key_that_cannot_be_asked_for_fails_only_its_own_trigger(sandbox: Sandbox, bad: str, crowd: int) -> None:
    sandbox.seed(crowd)
    sandbox.put_webhooks(_inactive("x", "y"))
    sandbox.fault(method="GET", path="/webhooks/refused", status=422, times=99)

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("y")
        if crowd:  # by now the list is known to be long, so keys are asked for one by one
            await until(lambda: "/webhooks/y" in {request.path for request in sandbox.requests()})
        trigger = PartneroWebhookActiveTrigger("a key that passes", poke_interval=INTERVAL)
        trigger.webhook_key = bad
        triggerer.tasks["bad"] = asyncio.create_task(triggerer._run("bad", trigger))
        await until(lambda: "bad" in triggerer.events)
        await asyncio.sleep(2 * INTERVAL)
        sandbox.put_webhooks(_active("x", "y"))
        await until(lambda: {"x", "y"} <= set(triggerer.events))

    events = _drive(story)
    assert set(events.pop("bad")) == {"failure"}
    assert {name: set(event) for name, event in events.items()} == {"x": {"webhook"}, "y": {"webhook"}}


OUTAGES: list[dict[str, Any]] = [
    {"status": 503},
    {"status": 429},
    {"status": 408},
    {"drop": "before"},
    {"body": "html"},
]


@pytest.mark.parametrize("fault", OUTAGES, ids=str)
def test_an_outage_does_not_end_the_wait_for_one_key_and_costs_one_request_an_interval(
    sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    sandbox.put_webhooks(_active("x"))
    sandbox.fault(times=3, **fault)

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        await until(lambda: bool(triggerer.events))

    assert "webhook" in _drive(story)["x"]
    requests = sandbox.requests()
    assert len(requests) == 4
    assert min(gaps(requests)) >= INTERVAL


@pytest.mark.parametrize("fault", OUTAGES, ids=str)
def test_an_outage_does_not_end_the_wait_for_many_keys_and_costs_the_connections_attempts_an_interval(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    connection = json.loads(sandbox.connection_json) | {"extra": {"max_attempts": 2}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    keys = [f"k{number}" for number in range(30)]
    sandbox.put_webhooks(_active(*keys))
    sandbox.fault(times=4, **fault)

    async def story(triggerer: Triggerer) -> None:
        for key in keys:
            triggerer.start(key)
        await until(lambda: len(triggerer.events) == 30)

    assert all("webhook" in event for event in _drive(story).values())
    requests = sandbox.requests()
    assert len(requests) == 5
    assert min(gaps(requests[1::2])) >= INTERVAL


@pytest.mark.large
def test_a_long_list_is_read_to_its_end_although_partnero_limits_the_rate(sandbox: Sandbox) -> None:
    keys = [f"k{number:03}" for number in range(300)]
    sandbox.put_webhooks(_inactive(*keys[:-1]) + _active(keys[-1]))
    sandbox.fault(page=3, status=429, retry_after=1, times=2)

    async def story(triggerer: Triggerer) -> None:
        for key in keys:
            triggerer.start(key, poke_interval=30)
        await until(lambda: bool(triggerer.events))

    assert list(_drive(story)) == [keys[-1]]
    assert [request.query["page"] for request in sandbox.requests()] == ["1", "2", "3", "3", "3"]


def test_an_outage_is_in_the_log_of_every_waiting_task(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.put_webhooks(_active("x"))
    sandbox.fault(status=503, times=2)

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("first", "x")
        triggerer.start("second", "x")
        await until(lambda: len(triggerer.events) == 2)

    _drive(story)
    assert capsys.readouterr().out.count("No answer about webhook 'x', waiting goes on: GET /webhooks/x: 503") == 4


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_all_triggers_wait_as_long_as_a_retry_after_asks(sandbox: Sandbox, form: Any) -> None:
    sandbox.reset(Profile(retry_after=form))
    sandbox.put_webhooks(_active("x", "y"))
    sandbox.fault(status=429, retry_after=1 if form == "seconds" else 2)  # a date is up to a second early

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("y")
        await until(lambda: len(triggerer.events) == 2)

    _drive(story)
    first, second = sandbox.requests()  # in real seconds, since the client waits in its thread
    assert second.at - first.at >= 1


def test_a_shorter_retry_after_does_not_shorten_the_interval(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_active("x"))
    sandbox.fault(status=429, retry_after=0)

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x", poke_interval=1.0)
        await until(lambda: len(triggerer.events) == 1)

    _drive(story)
    [waited] = gaps(sandbox.requests())
    assert waited >= 1.0


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_refused_during_the_wait_ends_every_wait_with_a_reason(sandbox: Sandbox, status: int) -> None:
    sandbox.put_webhooks(_inactive("x", "y"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("y")
        await until(lambda: len(sandbox.requests()) >= 2)
        sandbox.fault(status=status, times=99)
        await until(lambda: len(triggerer.events) == 2)

    events = _drive(story)
    assert all(str(status) in event["failure"] for event in events.values())
    assert sandbox.token not in str(events)


@pytest.mark.parametrize(
    ("broken", "words"), [({"password": ""}, "has no API token"), ({"extra": {"timeout": "soon"}}, "timeout='soon'")]
)
def test_a_connection_that_becomes_wrong_ends_every_wait_with_a_reason(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, broken: dict[str, Any], words: str
) -> None:
    sandbox.put_webhooks(_inactive("x", "y"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("y")
        await until(lambda: len(sandbox.requests()) >= 1)
        connection = json.loads(sandbox.connection_json) | broken
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
        await until(lambda: len(triggerer.events) == 2)

    assert all(words in event["failure"] for event in _drive(story).values())


def test_a_connection_that_cannot_be_read_for_a_while_ends_no_wait(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.put_webhooks(_active("x", "y"))
    monkeypatch.delenv("AIRFLOW_CONN_PARTNERO_DEFAULT")

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("y")
        await asyncio.sleep(3 * INTERVAL)
        assert triggerer.events == {}
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", sandbox.connection_json)
        await until(lambda: len(triggerer.events) == 2)

    assert all("webhook" in event for event in _drive(story).values())


def test_a_changed_token_is_used_from_the_next_poll_on(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.put_webhooks(_inactive("x"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        await until(lambda: len(sandbox.requests()) >= 1)
        connection = json.loads(sandbox.connection_json) | {"password": "another-token"}
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
        await until(lambda: len(triggerer.events) == 1)

    assert "401" in _drive(story)["x"]["failure"]


@pytest.mark.parametrize("others", [0, 5])
def test_a_webhook_created_during_the_wait_is_found(sandbox: Sandbox, others: int) -> None:
    sandbox.put_webhooks(_inactive(*(f"o{number}" for number in range(others))))

    async def story(triggerer: Triggerer) -> None:
        for number in range(others):
            triggerer.start(f"o{number}")
        triggerer.start("later", if_missing="wait")
        await until(lambda: len(sandbox.requests()) >= 2)
        sandbox.put_webhooks(_inactive("later"))
        await asyncio.sleep(2 * INTERVAL)
        assert triggerer.events == {}
        sandbox.put_webhooks(_active("later"))
        await until(lambda: bool(triggerer.events))

    assert list(_drive(story)) == ["later"]


def test_a_webhook_deleted_during_the_wait_ends_it_unless_if_missing_is_wait(sandbox: Sandbox) -> None:
    sandbox.put_webhooks(_inactive("x", "gone"))

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x")
        triggerer.start("fails", "gone")
        triggerer.start("waits", "gone", if_missing="wait")
        await until(lambda: len(sandbox.requests()) >= 1)
        sandbox.delete_webhook("gone")
        await until(lambda: bool(triggerer.events))
        await asyncio.sleep(2 * INTERVAL)

    events = _drive(story)
    assert list(events) == ["fails"]
    assert "404" in events["fails"]["failure"]


def test_many_webhooks_deleted_during_the_wait_cost_readings_of_the_list_and_not_a_request_each(
    sandbox: Sandbox,
) -> None:
    sandbox.put_webhooks(_inactive(*(f"gone{number}" for number in range(200))))

    async def story(triggerer: Triggerer) -> None:
        for number in range(200):
            triggerer.start(f"gone{number}", if_missing="fail" if number < 150 else "wait")
        await until(lambda: len(sandbox.requests()) >= 3)
        sandbox.reset()
        await until(lambda: len(triggerer.events) >= 150)

    events = _drive(story)
    assert len(events) == 150
    assert all("404" in event["failure"] for event in events.values())
    assert {request.path for request in sandbox.requests()} == {"/webhooks"}


def test_a_webhook_in_the_list_is_found_although_another_cannot_be_asked_for(one_attempt: Sandbox) -> None:
    one_attempt.put_webhooks(_active("x") + _inactive("y"))
    one_attempt.fault(path="/webhooks/gone", status=500, times=99)

    async def story(triggerer: Triggerer) -> None:
        for name in ("x", "y", "gone"):
            triggerer.start(name)
        await until(lambda: bool(triggerer.events))

    assert list(_drive(story)) == ["x"]


def test_a_gap_in_a_shifting_list_fails_no_trigger(sandbox: Sandbox) -> None:
    keys = [f"k{number:03}" for number in range(150)]
    sandbox.put_webhooks(_inactive(*keys))
    # Between page 1 and page 2 the first webhook goes: the one on the seam is on neither page.
    sandbox.fault(path="^/webhooks$", page=2, mutate=[{"delete": "k000"}])

    async def story(triggerer: Triggerer) -> None:
        for key in keys[1:]:
            triggerer.start(key)
        await until(lambda: len(sandbox.requests()) >= 7)

    assert _drive(story) == {}
    assert "/webhooks/k100" in {request.path for request in sandbox.requests()}


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": "before"}, {"status": 429}], ids=str)
def test_an_outage_while_a_gap_is_confirmed_fails_no_trigger(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.put_webhooks(_inactive("x", "y"))
    sandbox.fault(path="/webhooks/gone", **fault)

    async def story(triggerer: Triggerer) -> None:
        for name in ("x", "y", "gone"):
            triggerer.start(name)
        await until(lambda: bool(triggerer.events))

    events = _drive(story)
    assert "404" in events["gone"]["failure"]
    assert [request.path for request in sandbox.requests()].count("/webhooks/gone") == 2


def test_other_intervals_and_connections_poll_on_their_own(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.put_webhooks(_inactive("x"))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", sandbox.connection_json)

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("one", "x")
        triggerer.start("two", "x", poke_interval=60)
        triggerer.start("three", "x", partnero_conn_id="other", poke_interval=60)
        await until(lambda: len(sandbox.requests()) >= 4)
        assert len(triggerer.manager._groups) == 3

    assert _drive(story) == {}


def test_the_event_loop_stays_free_while_partnero_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    has_arrived, may_answer = threading.Event(), threading.Event()
    was_released: list[bool] = []

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            has_arrived.set()
            was_released.append(may_answer.wait(30))
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    async def story(triggerer: Triggerer) -> None:
        triggerer.start("x", poke_interval=60)
        await until(has_arrived.is_set)
        may_answer.set()  # which a blocked event loop never comes to
        await until(lambda: bool(was_released))

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = {"conn_type": "partnero", "password": "t", "host": f"http://127.0.0.1:{server.server_port}/v1"}
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
        _drive(story)
        server.shutdown()
    assert was_released == [True]
