"""What a freshness cache answers, and when it asks its source."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, LoadError, OverBudgetError

from .source import CANCELLED, HELD, Source, settle

FRESHNESS = Freshness(known_for=60, unknown_for=20, stale_for=300, most=3, loads_per_minute=6, patience=0)
PATIENT = replace(FRESHNESS, patience=3_600)
OLD, NEW = 1, 2
FAILURE = ConnectionError("the source is out")


class Cache:
    """A freshness cache with its source and its clock."""

    def __init__(self, freshness: Freshness = FRESHNESS) -> None:
        self.now = 0.0
        self.source = Source()
        self.fresh: Fresh[Any, int] = Fresh(self.source.load, freshness, lambda: self.now)

    async def get(self, key: Any = "key", outcome: Any = HELD) -> Any:
        """The answer, or the class of the error, when a load ends with the outcome at once."""
        return await self._with(outcome, self.fresh.get(key))

    async def refresh(self, key: Any = "key", outcome: Any = HELD) -> Any:
        return await self._with(outcome, self.fresh.refresh(key))

    async def _with(self, outcome: Any, answer: Awaitable[Any]) -> Any:
        self.source.outcome = outcome
        try:
            return await answer
        except (LoadError, OverBudgetError) as error:
            return type(error)
        finally:
            self.source.outcome = HELD

    async def spend_on_new_keys(self) -> None:
        for number in range(FRESHNESS.loads_per_minute):
            await self.get(f"made up {number}", None)
        assert await self.get("one too many", None) is OverBudgetError

    async def spend_on_known_keys(self) -> None:
        await self.get("known", OLD)
        for _ in range(FRESHNESS.loads_per_minute):
            await self.refresh("known", FAILURE)
        assert await self.refresh("known", FAILURE) is OverBudgetError


def _run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


class Learnt(NamedTuple):
    """How a load of the key ended, some seconds ago."""

    outcome: Any
    ago: float


WITHOUT_A_LOAD = {
    "known": ([Learnt(OLD, 0)], OLD),
    "known to the last second": ([Learnt(OLD, 60)], OLD),
    "without a value": ([Learnt(None, 0)], None),
    "without a value to the last second": ([Learnt(None, 20)], None),
    "had a value that is gone": ([Learnt(OLD, 81), Learnt(None, 20)], None),
    "has come into being": ([Learnt(None, 30), Learnt(OLD, 0)], OLD),
    "could be loaded again": ([Learnt(OLD, 400), Learnt(FAILURE, 90), Learnt(NEW, 0)], NEW),
}
OUTCOMES = {"a value": NEW, "no value": None, "failure": FAILURE, "cancelled": CANCELLED}
WITHOUT_HELP = {"a value": NEW, "no value": None, "failure": LoadError, "cancelled": LoadError}
WITH_STALE_VALUE = {"a value": NEW, "no value": None, "failure": OLD, "cancelled": OLD}
AFTER_A_LOAD: dict[str, tuple[list[Learnt], dict[str, Any]]] = {
    "never asked for": ([], WITHOUT_HELP),
    "failed just now": ([Learnt(FAILURE, 0)], WITHOUT_HELP),
    "older than stale": ([Learnt(OLD, 301)], WITHOUT_HELP),
    "long without a value": ([Learnt(None, 21)], WITHOUT_HELP),
    "had a value that is long gone": ([Learnt(OLD, 82), Learnt(None, 21)], WITHOUT_HELP),
    "stale": ([Learnt(OLD, 61)], WITH_STALE_VALUE),
    "stale to the last second": ([Learnt(OLD, 300)], WITH_STALE_VALUE),
    "stale, and failed just now": ([Learnt(OLD, 99), Learnt(FAILURE, 0)], WITH_STALE_VALUE),
}
IS_STALE = {state: answers is WITH_STALE_VALUE for state, (_, answers) in AFTER_A_LOAD.items()}


async def _cache_that_learnt(learnt: list[Learnt], freshness: Freshness = FRESHNESS) -> Cache:
    cache = Cache(freshness)
    for outcome, ago in learnt:
        cache.now = 1_000.0 - ago
        await cache.get(outcome=outcome)
    cache.now = 1_000.0
    cache.source.loaded.clear()
    return cache


@pytest.mark.parametrize(("learnt", "answer"), WITHOUT_A_LOAD.values(), ids=WITHOUT_A_LOAD)
def test_what_is_known_is_answered_without_a_load(learnt: list[Learnt], answer: Any) -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt(learnt)
        for outcome in (HELD, *OUTCOMES.values()):
            assert await cache.get(outcome=outcome) == answer
        assert cache.source.loaded == []

    _run(scene())


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("freshness", [FRESHNESS, PATIENT], ids=["no patience", "patience"])
@pytest.mark.parametrize("state", AFTER_A_LOAD)
def test_what_is_not_known_any_more_is_loaded_once(state: str, freshness: Freshness, outcome: str) -> None:
    async def scene() -> None:
        learnt, answers = AFTER_A_LOAD[state]
        cache = await _cache_that_learnt(learnt, freshness)
        assert await cache.get(outcome=OUTCOMES[outcome]) == answers[outcome]
        assert cache.source.loaded == ["key"]

    _run(scene())


@pytest.mark.parametrize("state", AFTER_A_LOAD)
def test_over_budget_a_stale_value_is_answered_without_a_load(state: str) -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt(AFTER_A_LOAD[state][0])
        await cache.spend_on_known_keys()
        await cache.spend_on_new_keys()
        assert await cache.get() == (OLD if IS_STALE[state] else OverBudgetError)
        assert "key" not in cache.source.loaded

    _run(scene())


@pytest.mark.parametrize("state", AFTER_A_LOAD)
def test_a_slow_load_is_waited_for_unless_there_is_a_stale_value(state: str) -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt(AFTER_A_LOAD[state][0])
        asking = [asyncio.create_task(cache.fresh.get("key")) for _ in range(9)]
        await settle()
        assert [task.done() for task in asking] == [IS_STALE[state]] * 9
        cache.source.end("key", NEW)
        assert set(await asyncio.gather(*asking)) == {OLD if IS_STALE[state] else NEW}
        assert await cache.get() == NEW
        assert cache.source.loaded == ["key"]

    _run(scene())


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_who_is_patient_is_given_what_a_slow_load_brings(outcome: str) -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt([Learnt(OLD, 61)], PATIENT)
        asking = asyncio.create_task(cache.fresh.get("key"))
        await settle()
        assert not asking.done()
        cache.source.end("key", OUTCOMES[outcome])
        assert await asking == WITH_STALE_VALUE[outcome]

    _run(scene())


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_all_who_ask_at_once_share_one_load_and_its_end(outcome: str) -> None:
    async def scene() -> None:
        cache = Cache()
        asking = [asyncio.create_task(cache.get()) for _ in range(100)]
        await settle()
        cache.source.end("key", OUTCOMES[outcome])
        assert await asyncio.gather(*asking) == [WITHOUT_HELP[outcome]] * 100
        assert cache.source.loaded == ["key"]

    _run(scene())


def test_one_who_stops_waiting_leaves_the_load_to_the_others() -> None:
    async def scene() -> None:
        cache = Cache()
        impatient, patient = (asyncio.create_task(cache.fresh.get("key")) for _ in range(2))
        await settle()
        impatient.cancel()
        await settle()
        assert impatient.cancelled()
        cache.source.end("key", NEW)
        assert await patient == NEW
        assert cache.source.loaded == ["key"]

    _run(scene())


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_load_that_nobody_waits_for_is_still_learnt_from_and_logs_no_complaint(outcome: str) -> None:
    async def scene() -> None:
        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        cache = Cache()
        impatient = asyncio.create_task(cache.fresh.get("key"))
        await settle()
        impatient.cancel()
        await settle()
        del impatient  # it refers to the load
        cache.source.end("key", OUTCOMES[outcome])
        await settle()
        assert cache.fresh.known("key") == (NEW if outcome == "a value" else None)
        gc.collect()
        assert complaints == []

    _run(scene())


def test_each_caller_gets_an_error_of_its_own_with_the_loaders_words() -> None:
    async def scene() -> None:
        cache = Cache()
        asking = [asyncio.create_task(cache.fresh.get("key")) for _ in range(2)]
        await settle()
        cache.source.end("key", FAILURE)
        one, other = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(one, LoadError)
        assert str(one) == str(other) == "the source is out"
        assert one.__cause__ is FAILURE
        assert one is not other

    _run(scene())


def test_made_up_keys_do_not_keep_a_known_one_from_being_loaded_anew() -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt([Learnt(OLD, 61)])
        await cache.spend_on_new_keys()
        assert await cache.get(outcome=NEW) == NEW

    _run(scene())


def test_known_keys_do_not_keep_a_new_one_from_being_loaded() -> None:
    async def scene() -> None:
        cache = Cache()
        await cache.spend_on_known_keys()
        assert await cache.get(outcome=NEW) == NEW

    _run(scene())


def test_of_a_flood_of_made_up_keys_as_many_are_loaded_as_the_budget_allows() -> None:
    async def scene() -> None:
        cache = Cache()
        for minute in range(3):
            cache.now = 60.0 * minute
            answers = [await cache.get(f"{minute}/{number}", None) for number in range(100)]
            assert answers == [None] * 6 + [OverBudgetError] * 94
        assert len(cache.source.loaded) == 18

    _run(scene())


class Key:
    """Two of one name are equal. Weak references show which are remembered."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Keys:
    """Makes keys, and counts those that somebody remembers."""

    def __init__(self) -> None:
        self._made: weakref.WeakValueDictionary[int, Key] = weakref.WeakValueDictionary()
        self._numbers = itertools.count()

    def make(self, name: str) -> Key:
        key = Key(name)
        self._made[next(self._numbers)] = key
        return key

    def remembered(self) -> int:
        gc.collect()
        return len(self._made)


def test_made_up_keys_push_no_value_out_and_are_forgotten_but_for_the_last() -> None:
    async def scene() -> None:
        cache, keys = Cache(), Keys()
        for number in range(3):
            assert await cache.get(keys.make(f"real {number}"), number) == number
        for number in range(500):
            cache.now += 60.0
            cache.source.loaded.clear()
            assert await cache.get(keys.make(f"made up {number}"), None) is None
            assert [await cache.get(keys.make(f"real {real}"), real) for real in range(3)] == [0, 1, 2]
        cache.source.loaded.clear()
        assert keys.remembered() <= 2 * FRESHNESS.most

    _run(scene())


def test_refreshed_keys_are_forgotten_but_for_the_last() -> None:
    async def scene() -> None:
        cache, keys = Cache(), Keys()
        for number in range(500):
            cache.now += 60.0
            cache.source.loaded.clear()
            assert await cache.refresh(keys.make(f"key {number}"), NEW) == NEW
        cache.source.loaded.clear()
        assert keys.remembered() <= 2 * FRESHNESS.most

    _run(scene())


def test_of_too_many_values_those_that_nobody_asks_for_are_forgotten() -> None:
    async def scene() -> None:
        cache = Cache()
        for number in range(10):
            cache.now += 30.0
            await cache.get("used", OLD)
            await cache.get(f"key {number}", NEW)
        assert {key for key, _ in cache.fresh.items()} == {"used", "key 8", "key 9"}

    _run(scene())


def test_items_are_all_that_is_remembered_however_old() -> None:
    async def scene() -> None:
        cache = await _cache_that_learnt([Learnt(OLD, 999)])
        assert list(cache.fresh.items()) == [("key", OLD)]
        assert cache.fresh.known("key") is None

    _run(scene())


class TestRefreshing:
    """For a value that has proved wrong."""

    def test_it_loads_however_young_the_value_is_but_not_twice_in_a_short_time(self) -> None:
        async def scene() -> None:
            cache = await _cache_that_learnt([Learnt(OLD, 0)])
            assert await cache.refresh(outcome=NEW) == NEW
            assert await cache.get() == NEW
            cache.now += 20
            assert await cache.refresh(outcome=OLD) == NEW
            cache.now += 1
            assert await cache.refresh(outcome=OLD) == OLD
            assert cache.source.loaded == ["key", "key"]

        _run(scene())

    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_it_answers_what_the_load_brings_and_no_stale_value(self, outcome: str) -> None:
        async def scene() -> None:
            cache = await _cache_that_learnt([Learnt(OLD, 0)])
            assert await cache.refresh(outcome=OUTCOMES[outcome]) == WITHOUT_HELP[outcome]

        _run(scene())

    @pytest.mark.parametrize("outcome", ["failure", "cancelled"])
    def test_it_may_be_tried_again_at_once_after_a_failure(self, outcome: str) -> None:
        async def scene() -> None:
            cache = await _cache_that_learnt([Learnt(OLD, 0)])
            await cache.refresh(outcome=OUTCOMES[outcome])
            assert await cache.get() == OLD
            assert await cache.refresh(outcome=NEW) == NEW

        _run(scene())

    def test_a_key_without_a_value_is_not_loaded_again_for_it(self) -> None:
        async def scene() -> None:
            cache = await _cache_that_learnt([Learnt(OLD, 81), Learnt(None, 20)])
            assert await cache.refresh(outcome=NEW) is None
            cache.now += 1
            assert await cache.refresh(outcome=NEW) == NEW

        _run(scene())

    def test_it_joins_the_load_under_way(self) -> None:
        async def scene() -> None:
            cache = Cache()
            asking = [asyncio.create_task(work("key")) for work in (cache.fresh.get, cache.fresh.refresh)]
            await settle()
            cache.source.end("key", NEW)
            assert await asyncio.gather(*asking) == [NEW, NEW]
            assert cache.source.loaded == ["key"]

        _run(scene())

    def test_it_is_refused_over_budget(self) -> None:
        async def scene() -> None:
            cache = Cache()
            await cache.spend_on_known_keys()
            assert await cache.refresh("known", NEW) is OverBudgetError
            assert await cache.get("known") == OLD

        _run(scene())
