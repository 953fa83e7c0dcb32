"""The trigger behind an AssetWatcher: it fires once for every change, across restarts too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from datetime import timedelta
from math import inf
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger, PartneroWebhooksChangedTrigger

from .fast_time import gaps, run, until

SECRET = "sgn-7Yt4-never-to-be-seen"
POKE = 0.03
Steps = Callable[["Watcher"], Coroutine[Any, Any, None]]


class Store:
    """A small version of Airflow's asset state store: one asset, JSON values up to 64 KiB."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.writes = 0

    async def aget(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key: str, value: Any) -> None:
        text = json.dumps(value)
        assert value is not None
        assert len(text.encode()) <= 65_536, "Airflow refuses more than 64 KiB"
        self.values[key] = text
        self.writes += 1


class StoresOfSeveral:
    """What Airflow hands to a trigger that several assets watch: without a subscript it raises."""

    def __init__(self, **stores: Store) -> None:
        self._by_name = stores

    async def aget(self, key: str, default: Any = None) -> Any:
        raise ValueError("Task has 2 concrete inlets and outlets")

    async def aset(self, key: str, value: Any) -> None:
        raise ValueError("Task has 2 concrete inlets and outlets")


class Watcher:
    """A running trigger: the events it fired, and a way to wait until it has looked again."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.events: list[dict[str, Any]] = []

    async def looked(self, times: int = 2) -> list[dict[str, Any]]:
        """Wait until the list has been read ``times`` more and what was read has been compared; return the events."""
        reads = self._reads()
        await until(lambda: self._reads() > reads + times)
        return self.events

    async def fired(self, number: int) -> dict[str, Any]:
        """Wait for the event of this number, check that the same change fires no other, and return it."""
        await until(lambda: len(self.events) >= number)
        assert len(await self.looked()) == number
        return self.events[-1]

    def _reads(self) -> int:
        return sum(request.path == "/webhooks" for request in self.sandbox.requests())


def watch(sandbox: Sandbox, steps: Steps, store: Any = None, *, conn_id: str = "partnero_default") -> Watcher:
    """Run a trigger while the steps are done; it must live until they are."""

    async def watched() -> Watcher:
        watcher = Watcher(sandbox)
        trigger = PartneroWebhooksChangedTrigger(conn_id, poke_interval=POKE)
        if store is not None:
            trigger.asset_state_store = store

        async def collect(events: AsyncIterator[Any]) -> None:
            async for event in events:
                watcher.events.append(event.payload)

        async with aclosing(trigger.run()) as events:  # type: ignore[type-var]
            collecting = asyncio.create_task(collect(events))
            doing = asyncio.create_task(steps(watcher))
            await asyncio.wait({collecting, doing}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                doing.cancel()
                pytest.fail(f"the trigger ended: {collecting.exception() or 'without an error'}")
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
            doing.result()
        return watcher

    return run(watched())


def live(key: str, **others: Any) -> dict[str, Any]:
    whole = {"key": key, "name": f"Name {key}", "url": "https://x.example/", "signature": f"{SECRET}-{key}"}
    return {**whole, "events": ["partner.created", "reward.paid"], "is_active": True, **others}


async def look(watcher: Watcher) -> None:
    await watcher.looked()


def test_it_can_be_made_again_from_what_it_serializes() -> None:
    trigger = PartneroWebhooksChangedTrigger("other", poke_interval=7)
    path, kwargs = trigger.serialize()
    assert path == f"{PartneroWebhooksChangedTrigger.__module__}.{PartneroWebhooksChangedTrigger.__name__}"
    assert PartneroWebhooksChangedTrigger(**kwargs).serialize() == (path, kwargs)


@pytest.mark.parametrize("interval", [timedelta(minutes=5), "300", None, True, -1, float("nan"), float("inf")])
def test_an_interval_that_is_no_number_is_refused_when_the_dag_is_parsed(interval: Any) -> None:
    with pytest.raises(TypeError, match=r"poke_interval=.*: must be a number of seconds"):
        PartneroWebhooksChangedTrigger(poke_interval=interval)
    with pytest.raises(TypeError, match=r"poke_interval=.*: must be a number of seconds"):
        PartneroWebhookActiveTrigger("k", poke_interval=interval)


@pytest.mark.parametrize("webhooks", [[], [live("a"), live("b")]], ids=["empty", "two"])
@pytest.mark.parametrize("with_store", [False, True])
def test_the_first_reading_fires_nothing(sandbox: Sandbox, webhooks: list[dict[str, Any]], with_store: bool) -> None:
    sandbox.put_webhooks(webhooks)
    store = Store()
    assert watch(sandbox, look, store if with_store else None).events == []
    assert store.writes == int(with_store)


@pytest.mark.parametrize(
    ("change", "kind", "entry"),
    [
        (lambda sandbox: sandbox.put_webhooks([live("c")]), "added", {"key": "c", "name": "Name c"}),
        (lambda sandbox: sandbox.delete_webhook("a"), "removed", {"key": "a"}),
        (lambda sandbox: sandbox.put_webhooks([live("a", name="New")]), "changed", {"key": "a", "name": "New"}),
        (
            lambda sandbox: sandbox.put_webhooks([live("a", url="https://evil.example/")]),
            "changed",
            {"key": "a", "name": "Name a"},
        ),
        (
            lambda sandbox: sandbox.put_webhooks([live("a", events=["reward.paid"])]),
            "changed",
            {"key": "a", "name": "Name a"},
        ),
        (
            lambda sandbox: sandbox.put_webhooks([live("a", is_active=False)]),
            "changed",
            {"key": "a", "name": "Name a"},
        ),
        (
            lambda sandbox: sandbox.put_webhooks([live("a", signature=f"{SECRET}-rotated")]),
            "changed",
            {"key": "a", "name": "Name a"},
        ),
    ],
    ids=["add", "remove", "rename", "move", "resubscribe", "switch off", "rotate"],
)
@pytest.mark.parametrize("with_store", [False, True])
def test_a_change_fires_once_with_the_difference(
    sandbox: Sandbox, change: Callable[[Sandbox], None], kind: str, entry: dict[str, str], with_store: bool
) -> None:
    sandbox.put_webhooks([live("a"), live("b")])

    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        change(sandbox)
        await watcher.fired(1)

    [event] = watch(sandbox, steps, Store() if with_store else None).events
    nothing: dict[str, list[Any]] = {"added": [], "removed": [], "changed": []}
    counts = {name: int(name == kind) for name in nothing}
    assert event == {"counts": counts, **nothing, kind: [entry]}
    assert SECRET not in json.dumps(event)


def test_the_order_of_webhooks_and_events_fires_nothing(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([live("a"), live("b")])

    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        sandbox.set_profile(Profile(order="newest"))
        sandbox.put_webhooks([live("a", events=["reward.paid", "partner.created", "reward.paid"])])
        await watcher.looked()

    assert watch(sandbox, steps).events == []


def test_each_change_fires_on_its_own(sandbox: Sandbox) -> None:
    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        for number, key in enumerate("abc", start=1):
            sandbox.put_webhooks([live(key)])
            event = await watcher.fired(number)
            assert [one["key"] for one in event["added"]] == [key]

    assert len(watch(sandbox, steps).events) == 3


@pytest.mark.parametrize(
    "outage",
    [
        {"status": 503},
        {"status": 429, "retry_after": 0},
        {"status": 401},
        {"status": 403},
        {"drop": "before"},
        {"body": "truncated"},
        {"body": "empty"},
        {"body": "status-0"},
        {"body": "html"},
    ],
    ids=str,
)
def test_neither_an_outage_nor_a_refused_token_ends_it_or_fires(one_attempt: Sandbox, outage: dict[str, Any]) -> None:
    one_attempt.put_webhooks([live("a")])
    one_attempt.fault(times=2, **outage)  # before it has a standard

    async def steps(watcher: Watcher) -> None:
        await watcher.looked(4)
        one_attempt.fault(times=2, **outage)
        assert await watcher.looked(4) == []
        one_attempt.fault(times=2, **outage)
        one_attempt.put_webhooks([live("b")])
        assert (await watcher.fired(1))["counts"] == {"added": 1, "removed": 0, "changed": 0}

    watch(one_attempt, steps)


@pytest.mark.parametrize(
    "broken",
    ["", '{"conn_type": "partnero"}', '{"conn_type": "partnero", "password": "t", "extra": {"timeout": "soon"}}'],
    ids=["missing", "no token", "wrong field"],
)
def test_a_connection_that_cannot_be_used_for_a_while_does_not_end_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    name, good = "AIRFLOW_CONN_PARTNERO_DEFAULT", sandbox.connection_json
    sandbox.put_webhooks([live("a")])

    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        if broken:
            monkeypatch.setenv(name, broken)
        else:
            monkeypatch.delenv(name)
        await asyncio.sleep(10 * POKE)
        sandbox.delete_webhook("a")
        monkeypatch.setenv(name, good)
        assert (await watcher.fired(1))["removed"] == [{"key": "a"}]

    watch(sandbox, steps)


def test_a_list_that_is_changed_while_it_is_read_is_never_half_a_reading(sandbox: Sandbox) -> None:
    sandbox.seed(250)
    first = sandbox.webhooks()[0]["key"]

    async def steps(watcher: Watcher) -> None:
        await watcher.looked(8)
        # Deleting from page 1 while page 2 is asked for hides one webhook of page 2 from a single reading.
        sandbox.fault(method="GET", page=2, mutate=[{"delete": first}])
        await watcher.fired(1)

    [event] = watch(sandbox, steps, Store()).events
    assert event["counts"] == {"added": 0, "removed": 1, "changed": 0}


def test_a_longer_retry_after_prolongs_the_interval(one_attempt: Sandbox) -> None:
    one_attempt.fault(status=429, retry_after=1)

    async def steps(watcher: Watcher) -> None:
        await until(lambda: len(one_attempt.requests()) > 1)

    watch(one_attempt, steps)
    assert gaps(one_attempt.requests())[0] >= 1


def test_a_store_that_cannot_be_written_for_a_while_neither_ends_it_nor_makes_it_repeat_itself(
    sandbox: Sandbox,
) -> None:
    class Failing(Store):
        is_out = True

        async def aset(self, key: str, value: Any) -> None:
            if self.is_out:
                raise RuntimeError("the API server is down")
            await super().aset(key, value)

    store = Failing()

    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        sandbox.put_webhooks([live("a")])
        await watcher.fired(1)
        store.is_out = False
        await until(lambda: store.writes > 0)
        assert len(await watcher.looked()) == 1

    watch(sandbox, steps, store)
    assert store.writes == 1
    assert watch(sandbox, look, store).events == []


def test_a_page_that_fails_once_does_not_spoil_the_reading_of_a_long_list(sandbox: Sandbox) -> None:
    sandbox.seed(250)
    sandbox.fault(page=3, status=429, retry_after=0, times=2)

    async def steps(watcher: Watcher) -> None:
        await until(lambda: len(sandbox.requests()) >= 8)

    watch(sandbox, steps)
    assert [request.query["page"] for request in sandbox.requests()][:8] == ["1", "2", "3", "3", "3", "1", "2", "3"]


class TestRestart:
    """After a restart it reports what changed meanwhile, and nothing twice."""

    def test_what_was_reported_is_not_reported_again(self, sandbox: Sandbox) -> None:
        store = Store()
        sandbox.put_webhooks([live("a")])

        async def steps(watcher: Watcher) -> None:
            await watcher.looked()
            sandbox.put_webhooks([live("b")])
            await watcher.fired(1)

        watch(sandbox, steps, store)
        writes = store.writes
        assert watch(sandbox, look, store).events == []
        assert store.writes == writes

    def test_what_changed_meanwhile_is_reported_once(self, sandbox: Sandbox) -> None:
        store = Store()
        sandbox.put_webhooks([live("a"), live("b")])
        watch(sandbox, look, store)
        sandbox.delete_webhook("a")
        sandbox.put_webhooks([live("b", is_active=False), live("c")])

        async def steps(watcher: Watcher) -> None:
            await watcher.fired(1)

        [event] = watch(sandbox, steps, store).events
        assert event["counts"] == {"added": 1, "removed": 1, "changed": 1}
        assert watch(sandbox, look, store).events == []

    def test_an_empty_programme_is_remembered_as_empty(self, sandbox: Sandbox) -> None:
        store = Store()
        watch(sandbox, look, store)
        sandbox.put_webhooks([live("a")])

        async def steps(watcher: Watcher) -> None:
            await watcher.fired(1)

        assert len(watch(sandbox, steps, store).events) == 1

    def test_without_a_store_a_restart_sets_a_new_standard(self, sandbox: Sandbox) -> None:
        watch(sandbox, look)
        sandbox.put_webhooks([live("a")])
        assert watch(sandbox, look).events == []

    def test_killed_between_firing_and_remembering_it_fires_again_rather_than_never(self, sandbox: Sandbox) -> None:
        store = Store()
        watch(sandbox, look, store)
        sandbox.put_webhooks([live("a")])

        async def killed_after_the_event() -> Any:
            trigger = PartneroWebhooksChangedTrigger(poke_interval=POKE)
            trigger.asset_state_store = store  # type: ignore[assignment]
            return (await anext(trigger.run())).payload

        first = run(killed_after_the_event())

        async def steps(watcher: Watcher) -> None:
            await watcher.fired(1)

        assert watch(sandbox, steps, store).events == [first]

    def test_it_remembers_what_it_fired_for_only_when_airflow_has_had_time_to_store_the_event(
        self, sandbox: Sandbox
    ) -> None:
        store = Store()
        watch(sandbox, look, store)
        sandbox.put_webhooks([live("a")])

        async def seconds_until_stored() -> float:
            trigger = PartneroWebhooksChangedTrigger(poke_interval=1_000_000)  # it does not wait for the next poll
            trigger.asset_state_store = store  # type: ignore[assignment]
            loop, fired_at = asyncio.get_running_loop(), inf

            async def collect() -> None:
                nonlocal fired_at
                async for _ in trigger.run():
                    fired_at = loop.time()

            collecting = asyncio.create_task(collect())
            await until(lambda: store.writes > 1)
            collecting.cancel()
            return loop.time() - fired_at

        assert run(seconds_until_stored()) >= 5

    def test_two_programmes_that_one_asset_watches_do_not_share_a_memory(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = Store()
        sandbox.put_webhooks([live("a")])
        watch(sandbox, look, store)
        with Sandbox() as other:
            monkeypatch.setenv("AIRFLOW_CONN_OTHER", other.connection_json)
            assert watch(other, look, store, conn_id="other").events == []
        assert watch(sandbox, look, store).events == []

    def test_several_assets_that_watch_with_one_trigger_all_remember(self, sandbox: Sandbox) -> None:
        one, other = Store(), Store()
        sandbox.put_webhooks([live("a")])
        assert watch(sandbox, look, StoresOfSeveral(one=one)).events == []
        # A second asset comes: what the first remembers counts for both, from its first reading on.
        assert watch(sandbox, look, StoresOfSeveral(another=other, one=one)).events == []
        assert one.values == other.values
        sandbox.put_webhooks([live("b")])

        async def steps(watcher: Watcher) -> None:
            await watcher.fired(1)

        watch(sandbox, steps, StoresOfSeveral(another=other, one=one))
        assert one.values == other.values
        assert watch(sandbox, look, other).events == []

    @pytest.mark.large
    def test_ten_thousand_webhooks_fit_into_the_store_and_a_change_meanwhile_is_noticed(self, sandbox: Sandbox) -> None:
        store = Store()
        sandbox.seed(10_000)

        async def wait_for_memory(watcher: Watcher) -> None:
            await until(lambda: store.writes > 0)

        watch(sandbox, wait_for_memory, store)
        assert sum(map(len, store.values.values())) < 65_536
        sandbox.delete_webhook(sandbox.webhooks()[5000]["key"])

        async def one_event(watcher: Watcher) -> None:
            await until(lambda: store.writes > 1)
            sandbox.put_webhooks([live("fresh")])
            await until(lambda: len(watcher.events) > 1)

        first, second = watch(sandbox, one_event, store).events
        assert first == {"counts": {}, "added": [], "removed": [], "changed": []}
        assert second["added"] == [{"key": "fresh", "name": "Name fresh"}]  # now it knows each webhook again


def test_no_secret_is_in_event_store_or_log(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    url = "https://user:hidden-in-url@x.example/?token=hidden-in-url"
    sandbox.put_webhooks([live("a", url=url)])

    async def steps(watcher: Watcher) -> None:
        await watcher.looked()
        sandbox.fault(status=401)
        sandbox.put_webhooks([live("a", url=url + "2"), live("b", url=url)])
        await watcher.fired(1)

    watcher = watch(sandbox, steps, store)
    written = f"{watcher.events}{store.values}{capsys.readouterr()}{caplog.text}"
    assert "401" in written
    assert [secret for secret in (SECRET, "hidden-in-url", sandbox.token) if secret in written] == []


def test_it_polls_once_an_interval(sandbox: Sandbox) -> None:
    async def steps(watcher: Watcher) -> None:
        await until(lambda: len(sandbox.requests()) >= 6)

    watch(sandbox, steps)
    assert min(gaps(sandbox.requests())) >= POKE
