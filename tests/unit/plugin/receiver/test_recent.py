"""A delivery that comes again is known without asking the database, but only once it is committed there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_provider_partnero.plugin.receiver.answers import (
    ACCEPTED,
    DUPLICATE,
    UNAVAILABLE,
    UNROUTED,
    Answer,
    RefusedError,
)
from airflow_provider_partnero.plugin.receiver.memory import Memory
from airflow_provider_partnero.plugin.receiver.recent import RecentDeliveries

ENTRY = ("c", "digest")


async def settle() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)


class Recording:
    """Records when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.outcome: Any = ACCEPTED
        self.ends: asyncio.Event | None = None

    async def __call__(self) -> Answer:
        self.calls += 1
        if self.ends:
            await self.ends.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        answer: Answer = self.outcome
        return answer


def recent(most: int = 9) -> RecentDeliveries:
    return RecentDeliveries(Memory(most))


def run(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(60):
            return await scene()

    return asyncio.run(main())


@pytest.mark.parametrize("first", [ACCEPTED, DUPLICATE], ids=["new", "known to the database"])
def test_what_is_committed_is_a_duplicate_from_then_on(first: Answer) -> None:
    record, deliveries = Recording(), recent()
    record.outcome = first

    async def scene() -> list[Answer]:
        return [await deliveries.record_once(ENTRY, record) for _ in range(3)]

    assert run(scene) == [first, DUPLICATE, DUPLICATE]
    assert record.calls == 1


@pytest.mark.parametrize("outcome", [UNROUTED, RefusedError(UNAVAILABLE, "out"), ValueError("x")], ids=repr)
def test_what_was_not_committed_for_certain_is_recorded_again(outcome: Any) -> None:
    record, deliveries = Recording(), recent()
    record.outcome = outcome

    async def scene() -> list[Any]:
        once = [await asyncio.gather(deliveries.record_once(ENTRY, record), return_exceptions=True) for _ in range(2)]
        return [outcome for [outcome] in once]

    first, second = run(scene)
    assert first is second is outcome
    assert record.calls == 2


def test_copies_at_once_are_recorded_once() -> None:
    record, deliveries = Recording(), recent()

    async def scene() -> list[Answer]:
        record.ends = asyncio.Event()
        tasks = [asyncio.create_task(deliveries.record_once(ENTRY, record)) for _ in range(20)]
        await settle()
        record.ends.set()
        return await asyncio.gather(*tasks)

    assert run(scene) == [ACCEPTED] + [DUPLICATE] * 19
    assert record.calls == 1


def test_copies_of_one_that_fails_are_to_come_again() -> None:
    record, deliveries = Recording(), recent()

    async def scene() -> list[Any]:
        record.ends = asyncio.Event()
        tasks = [asyncio.create_task(deliveries.record_once(ENTRY, record)) for _ in range(3)]
        await settle()
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    gone, *copies = run(scene)
    assert isinstance(gone, asyncio.CancelledError)
    assert [copy.answer for copy in copies] == [UNAVAILABLE] * 2


def test_a_copy_that_gives_up_leaves_the_first_alone() -> None:
    record, deliveries = Recording(), recent()

    async def scene() -> Answer:
        record.ends = asyncio.Event()
        first, copy = (asyncio.create_task(deliveries.record_once(ENTRY, record)) for _ in range(2))
        await settle()
        copy.cancel()
        await settle()
        record.ends.set()
        return await first

    assert run(scene) == ACCEPTED


def test_two_connections_do_not_know_each_others_deliveries_and_few_are_remembered() -> None:
    record, deliveries = Recording(), recent(most=2)

    async def scene() -> list[Answer]:
        entries = [("a", "d"), ("b", "d"), ("c", "d"), ("c", "d"), ("a", "d")]
        return [await deliveries.record_once(entry, record) for entry in entries]

    assert run(scene) == [ACCEPTED, ACCEPTED, ACCEPTED, DUPLICATE, ACCEPTED]
