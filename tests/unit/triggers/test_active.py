"""One trigger alone, and many that share one poll under Airflow's own shared-stream manager."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from airflow.triggers.shared_stream import SharedStreamManager

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger, _pause
from airflow_provider_partnero.triggers.polling import PollResult

from .fast_time import gaps, run, until


def _trigger(key: str = "k", **options: Any) -> PartneroWebhookActiveTrigger:
    return PartneroWebhookActiveTrigger(key, **{"poke_interval": 0.1, **options})


async def _first(stream: AsyncIterator[Any]) -> Any:
    async for event in stream:
        return event.payload
    raise AssertionError("the trigger ended without an event")


def _alone(trigger: PartneroWebhookActiveTrigger) -> Any:
    return run(_first(trigger.run()))


def test_a_trigger_is_made_again_from_what_it_serializes() -> None:
    path, arguments = _trigger(if_missing="wait").serialize()
    assert path.rpartition(".")[2] == "PartneroWebhookActiveTrigger"
    assert PartneroWebhookActiveTrigger(**arguments).serialize() == (path, arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"webhook_key": None}, "webhook_key=None: must be"),
        ({"webhook_key": "None"}, "webhook_key='None': must be"),
        ({"webhook_key": ""}, "webhook_key='': must be"),
        ({"webhook_key": "k\n"}, r"webhook_key='k\\n': must be"),
        ({"poke_interval": "60"}, "poke_interval='60': must be"),
        ({"if_missing": "ignore"}, "if_missing='ignore': must be 'fail' or 'wait'"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", [ValueError, TypeError])
def test_a_wrong_argument_is_refused_by_an_error_that_airflows_triggerer_survives(
    arguments: dict[str, Any], words: str, kind: type[Exception]
) -> None:
    # It catches only a TypeError of a constructor.
    with pytest.raises(kind, match=words):
        PartneroWebhookActiveTrigger(**{"webhook_key": "k", **arguments})


def test_alone_it_fires_with_the_webhook_and_no_signature(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "k", "signature": "sEcReTsEcReT1234"}])
    event = _alone(_trigger())
    assert event["webhook"]["key"] == "k"
    assert "sEcReT" not in str(event)
    assert [request.path for request in sandbox.requests()] == ["/webhooks/k"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"drop": "before"}, {"body": "cut"}])
def test_alone_it_outlives_an_outage_with_one_request_an_interval(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.put_webhooks([{"key": "k"}])
    sandbox.fault(times=3, **fault)
    assert _alone(_trigger())["webhook"]["key"] == "k"
    assert len(sandbox.requests()) == 4


def test_a_longer_retry_after_prolongs_the_interval(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "k"}])
    sandbox.fault(status=429, retry_after=1)
    _alone(_trigger(poke_interval=0.05))
    [waited] = gaps(sandbox.requests())
    assert waited >= 1


@pytest.mark.parametrize(
    ("poke_interval", "asked", "pause"), [(60, 0, 60), (60, 90.5, 90.5), (0, 0, 0.1), ("7", 0, 7), (60, 1e12, 3600)]
)
def test_a_retry_after_is_obeyed_for_an_hour_at_most(poke_interval: Any, asked: float, pause: float) -> None:
    assert _pause(poke_interval, PollResult(pause=asked)) == pause


@pytest.mark.parametrize(("status", "words"), [(401, "401"), (403, "403")])
def test_a_refused_token_is_a_failure_with_a_reason(sandbox: Sandbox, status: int, words: str) -> None:
    sandbox.fault(status=status)
    assert words in _alone(_trigger())["failure"]


def test_a_missing_webhook_is_a_failure_by_default(sandbox: Sandbox) -> None:
    assert "404" in _alone(_trigger())["failure"]


def test_a_missing_webhook_is_waited_for_when_asked(sandbox: Sandbox) -> None:
    sandbox.fault(skip=2, mutate=[{"insert": {"key": "k", "is_active": True}}])
    assert _alone(_trigger(if_missing="wait"))["webhook"]["key"] == "k"
    assert len(sandbox.requests()) > 2


async def _shared(
    triggers: list[PartneroWebhookActiveTrigger], is_enough: Callable[[dict[int, Any]], bool]
) -> dict[int, Any]:
    """Run the triggers as the triggerer does, until ``is_enough`` and 0.2 s longer; return the events by number."""
    manager = SharedStreamManager()
    events: dict[int, Any] = {}

    async def fire(number: int, trigger: PartneroWebhookActiveTrigger) -> None:
        key = trigger.shared_stream_key()
        stream = manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        async for event in trigger.filter_shared_stream(stream):
            events[number] = event.payload
        await manager.unsubscribe(number, key)

    tasks = [asyncio.create_task(fire(number, trigger)) for number, trigger in enumerate(triggers)]
    await until(lambda: is_enough(events))
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await manager.stop_all()
    return events


def test_three_hundred_triggers_share_one_poll_and_each_fires_for_its_own_key(sandbox: Sandbox) -> None:
    sandbox.put_webhooks({"key": f"k{n}", "is_active": n % 100 == 0} for n in range(250))
    triggers = [_trigger(f"k{n % 250}", poke_interval=60) for n in range(300)]
    events = run(_shared(triggers, lambda events: len(events) >= 4))
    assert sorted(events) == [0, 100, 200, 250]
    assert {event["webhook"]["key"] for event in events.values()} == {"k0", "k100", "k200"}
    assert [request.query["page"] for request in sandbox.requests()] == ["1", "2", "3"]


def test_odd_webhooks_in_the_list_hold_up_no_trigger_on_another(sandbox: Sandbox) -> None:
    odd: list[dict[str, Any]] = [
        {"key": 7},
        {"key": "null", "name": None, "url": None, "is_active": None},
        {"key": "text", "is_active": "1"},
    ]
    sandbox.put_webhooks([{"key": "k0"}, *odd, {"key": "k1"}, {"key": "k2"}])
    keys = ["k0", "k1", "k2", "text", "null"]
    events = run(_shared([_trigger(key) for key in keys], lambda events: len(events) >= 4))
    assert [events[number]["webhook"]["key"] for number in range(4)] == keys[:4]
    assert 4 not in events
    assert sandbox.requests()[0].path == "/webhooks"


def test_one_waiting_trigger_among_thousands_of_webhooks_asks_for_its_own_key_only(sandbox: Sandbox) -> None:
    sandbox.seed(2500)
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    assert run(_shared([_trigger(poke_interval=0.2)], lambda _: len(sandbox.requests()) >= 4)) == {}
    requests = sandbox.requests()
    assert {request.path for request in requests} == {"/webhooks/k"}
    assert min(gaps(requests)) >= 0.2


def test_a_key_missing_from_the_list_is_asked_for_before_the_wait_fails(sandbox: Sandbox) -> None:
    sandbox.put_webhooks({"key": f"k{n}", "is_active": False} for n in range(3))
    events = run(_shared([_trigger("k0"), _trigger("k1"), _trigger("gone")], bool))
    assert list(events) == [2]
    assert "404" in events[2]["failure"]
    assert "/webhooks/gone" in {request.path for request in sandbox.requests()}


def test_a_refused_token_ends_every_wait_of_the_group(sandbox: Sandbox) -> None:
    sandbox.fault(status=401, times=99)
    events = run(_shared([_trigger(f"k{n}") for n in range(5)], lambda events: len(events) >= 5))
    assert len(events) == 5
    assert all("401" in event["failure"] for event in events.values())


def test_triggers_of_other_connections_or_intervals_do_not_share() -> None:
    keys = {
        _trigger().shared_stream_key(),
        _trigger("other").shared_stream_key(),
        _trigger(poke_interval=9).shared_stream_key(),
        _trigger(partnero_conn_id="second").shared_stream_key(),
    }
    assert len(keys) == 3
