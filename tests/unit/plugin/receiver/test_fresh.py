"""A value that is loaded as seldom as can be: who waits for what, and what an outage does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, GoneError, LoadError

from .source import CANCELLED, HELD, Source, settle

HANG = 60.0  # seconds; bounds a test that has failed already
FRESHNESS = Freshness(known_for=60, stale_for=300, refresh_every=10, retry_every=5, patience=0.0)
PATIENT = replace(FRESHNESS, patience=HANG)
OLD, NEW = "old", "new"
FAILURE = ConnectionError("the source is out")
GONE = GoneError("there is none")


class Scene:
    """A value with its source and its clock."""

    def __init__(self, freshness: Freshness = FRESHNESS) -> None:
        self.source = Source()
        self.now = 1_000.0
        self.kept_old: list[str] = []
        self.fresh: Fresh[Any] = Fresh(
            self.source.load, freshness, lambda: self.now, lambda error: self.kept_old.append(str(error))
        )

    async def learn(self, outcome: Any) -> None:
        """A load ends so."""
        self.source.outcome = outcome
        await self.get()
        self.source.outcome = HELD
        self.source.loads = 0

    async def get(self) -> Any:
        return await _outcome(self.fresh.get())

    async def refreshed(self) -> Any:
        return await _outcome(self.fresh.refreshed())


async def _outcome(answer: Coroutine[Any, Any, Any]) -> Any:
    """The answer, or the words of its error."""
    try:
        async with asyncio.timeout(HANG):
            return await answer
    except LoadError as error:
        return str(error)


async def _after(scene: Scene, outcome: Any, age: float) -> Scene:
    """The scene so many seconds after something was learnt."""
    await scene.learn(outcome)
    scene.now += age
    return scene


def _run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


@pytest.mark.parametrize(("age", "loads"), [(0, 0), (60, 0), (61, 1), (300, 1)])
def test_a_value_is_loaded_anew_when_it_is_older_than_it_may_be(age: float, loads: int) -> None:
    async def scene() -> None:
        one = await _after(Scene(PATIENT), OLD, age)
        one.source.outcome = NEW
        assert await one.get() == (NEW if loads else OLD)
        assert one.source.loads == loads

    _run(scene())


@pytest.mark.parametrize("age", [61, 300])
def test_while_an_old_value_may_be_used_a_slow_load_is_not_waited_for_and_goes_on(age: float) -> None:
    async def scene() -> None:
        one = await _after(Scene(), OLD, age)
        assert [await one.get() for _ in range(5)] == [OLD] * 5
        await settle()
        one.source.end(NEW)
        await settle()
        assert await one.get() == NEW
        assert one.source.loads == 1

    _run(scene())


def test_a_value_that_is_too_old_to_be_used_is_waited_for() -> None:
    async def scene() -> None:
        one = await _after(Scene(), OLD, 301)
        asking = asyncio.create_task(one.get())
        await settle()
        assert not asking.done()
        one.source.end(NEW)
        assert await asking == NEW

    _run(scene())


@pytest.mark.parametrize(("age", "expected"), [(300, OLD), (301, "the source is out")])
def test_in_an_outage_the_old_value_is_used_as_long_as_it_may_be(age: float, expected: str) -> None:
    async def scene() -> None:
        one = await _after(Scene(PATIENT), OLD, age)
        one.source.outcome = FAILURE
        assert await one.get() == expected
        assert one.kept_old == (["the source is out"] if expected == OLD else [])

    _run(scene())


def test_after_a_failure_the_next_load_is_not_waited_for_while_there_is_an_old_value() -> None:
    async def scene() -> None:
        one = await _after(Scene(PATIENT), OLD, 61)
        one.source.outcome = FAILURE
        await one.get()
        one.now += 5
        one.source.outcome = HELD
        assert await one.get() == OLD
        await settle()
        assert (one.source.loads, one.source.is_asked) == (2, True)

    _run(scene())


@pytest.mark.parametrize(("pause", "loads"), [(4.9, 1), (5, 2)])
def test_without_a_value_a_failed_load_is_repeated_after_a_pause_and_all_are_told_of_it_meanwhile(
    pause: float, loads: int
) -> None:
    async def scene() -> None:
        one = Scene()
        one.source.outcome = FAILURE
        assert await one.get() == "the source is out"
        one.now += pause
        assert [await one.get() for _ in range(100)] == ["the source is out"] * 100
        assert one.source.loads == loads
        assert one.kept_old == []

    _run(scene())


def test_what_is_gone_for_certain_is_not_used_any_more() -> None:
    async def scene() -> None:
        one = await _after(Scene(PATIENT), OLD, 61)
        one.source.outcome = GONE
        assert await one.get() == "there is none"
        assert one.fresh.known() is None
        assert one.kept_old == []
        one.now += 5
        one.source.outcome = NEW
        assert await one.get() == NEW

    _run(scene())


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(NEW, NEW), (FAILURE, "the source is out"), (GONE, "there is none"), (CANCELLED, "it was broken off")],
    ids=["a value", "a failure", "gone", "cancelled"],
)
@pytest.mark.parametrize("how", ["get", "refreshed"])
def test_all_who_ask_at_once_share_one_load_and_its_end(outcome: Any, expected: str, how: str) -> None:
    async def scene() -> None:
        one = Scene()
        asking = [asyncio.create_task(getattr(one, how)()) for _ in range(100)]
        await settle()
        one.source.end(outcome)
        assert await asyncio.gather(*asking) == [expected] * 100
        assert one.source.loads == 1

    _run(scene())


def test_one_who_stops_waiting_leaves_the_load_to_the_others() -> None:
    async def scene() -> None:
        one = Scene()
        impatient, patient = (asyncio.create_task(one.fresh.get()) for _ in range(2))
        await settle()
        impatient.cancel()
        await settle()
        assert impatient.cancelled()
        one.source.end(NEW)
        assert await patient == NEW
        assert one.source.loads == 1

    _run(scene())


@pytest.mark.parametrize("outcome", [NEW, FAILURE, GONE, CANCELLED], ids=["a value", "a failure", "gone", "cancelled"])
def test_a_load_that_nobody_waits_for_is_still_learnt_from_and_logs_no_complaint(outcome: Any) -> None:
    async def scene() -> None:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        one = Scene()
        impatient = asyncio.create_task(one.fresh.get())
        await settle()
        impatient.cancel()
        await settle()
        del impatient  # it refers to the load
        one.source.end(outcome)
        await settle()
        assert one.fresh.known() == (NEW if outcome is NEW else None)
        gc.collect()
        assert complaints == []

    _run(scene())


def test_each_who_waited_gets_an_error_of_its_own_with_the_words_of_the_cause() -> None:
    async def scene() -> None:
        one = Scene()
        asking = [asyncio.create_task(one.fresh.get()) for _ in range(2)]
        await settle()
        one.source.end(FAILURE)
        first, second = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(first, LoadError)
        assert str(first) == str(second) == "the source is out"
        assert first.__cause__ is FAILURE
        assert first is not second

    _run(scene())


class TestRefreshing:
    """For a value that has proved wrong."""

    @pytest.mark.parametrize(("pause", "expected"), [(0, None), (9.9, None), (10, "newer")])
    def test_it_loads_however_young_the_value_is_but_once_in_ten_seconds(
        self, pause: float, expected: str | None
    ) -> None:
        async def scene() -> None:
            one = await _after(Scene(), OLD, 0)
            one.source.outcome = NEW
            assert await one.refreshed() == NEW
            one.now += pause
            one.source.outcome = "newer"
            assert await one.refreshed() == expected
            assert await one.get() == (expected or NEW)

        _run(scene())

    def test_it_joins_the_load_under_way_however_long_ago_the_last_one_was(self) -> None:
        async def scene() -> None:
            one = Scene()
            asking = [asyncio.create_task(work()) for work in (one.get, one.refreshed, one.refreshed)]
            await settle()
            one.source.end(NEW)
            assert await asyncio.gather(*asking) == [NEW] * 3
            assert one.source.loads == 1
            one.source.outcome = "newer"
            assert await one.refreshed() == "newer"

        _run(scene())

    def test_a_load_that_failed_just_now_is_not_repeated_for_it(self) -> None:
        async def scene() -> None:
            one = await _after(Scene(), OLD, 0)
            one.source.outcome = FAILURE
            assert await one.refreshed() == "the source is out"
            one.now += 4.9
            assert await one.refreshed() is None
            assert one.source.loads == 1

        _run(scene())

    def test_a_failure_leaves_the_value_to_be_used(self) -> None:
        async def scene() -> None:
            one = await _after(Scene(), OLD, 0)
            one.source.outcome = FAILURE
            await one.refreshed()
            assert await one.get() == OLD
            assert one.kept_old == ["the source is out"]

        _run(scene())
