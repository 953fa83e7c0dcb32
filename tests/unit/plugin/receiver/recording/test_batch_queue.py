"""The queue of deliveries, and the thread that works it off in batches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy.exc import DataError, OperationalError

from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import LIMITS, BatchLimits, BatchQueue
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

HANG = 60.0  # seconds; bounds a test that has failed already
NEVER = 3_600.0  # seconds, in tests whose clock is moved by hand


_made: list[BatchQueue] = []


def batch_queue(
    database: Database, limits: BatchLimits = LIMITS, clock: Callable[[], float] = time.monotonic
) -> BatchQueue:
    """A queue that is stopped when the test ends."""
    _made.append(BatchQueue(database, limits, clock))
    return _made[-1]


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    while _made:
        _made.pop().stop()


class Database:
    """A stand-in that answers while its gate is open.

    :param refuse: for each batch, the error or None.
    """

    def __init__(self, refuse: Callable[[Sequence[Job]], Exception | None] = lambda jobs: None) -> None:
        self.refuse = refuse
        self.batches: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.upkeeps = 0
        self.gate = threading.Event()
        self._entered = threading.Semaphore(0)

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        self.threads.add(threading.current_thread())
        self._entered.release()
        assert self.gate.wait(HANG)
        self.batches.append(len(jobs))
        if error := self.refuse(jobs):
            raise error
        return [ACCEPTED] * len(jobs)

    def check(self) -> str:
        assert self.gate.wait(HANG)
        return "fine"

    def do_upkeep(self) -> None:
        self.upkeeps += 1

    async def has_been_entered(self) -> None:
        """Once for every batch: wait until a thread is writing it."""
        assert await asyncio.to_thread(self._entered.acquire, timeout=HANG)


def _open_database(refuse: Callable[[Sequence[Job]], Exception | None] = lambda jobs: None) -> Database:
    database = Database(refuse)
    database.gate.set()
    return database


def _job(number: int) -> Job:
    body = f'{{"event": "lead.submitted", "webhook_key": "k", "data": {{"number": {number}}}}}'.encode()
    return Job("c", PartneroDelivery.from_body(body), "full")


async def _record(queue: BatchQueue, number: int) -> list[Any]:
    """The outcomes of so many deliveries that arrive at once."""
    async with asyncio.timeout(HANG):
        jobs = [queue.record(_job(position)) for position in range(number)]
        return await asyncio.gather(*jobs, return_exceptions=True)


async def _record_behind_the_gate(database: Database, number: int) -> list[Any]:
    """The same, when all have arrived before the database answers."""
    recording = asyncio.create_task(_record(batch_queue(database), number))
    await _all_have_arrived()
    database.gate.set()
    return await recording


async def _all_have_arrived() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def _statuses(outcomes: Sequence[Any]) -> list[int]:
    return [one.answer.status if isinstance(one, RefusedError) else one.status for one in outcomes]


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "partnero-receiver"}


async def _until_there_is_one_thread_beside(others: set[threading.Thread]) -> None:
    async with asyncio.timeout(HANG):
        while len(_threads() - others) > 1:
            await asyncio.sleep(0.01)


def test_a_database_that_has_vanished_is_given_up_for_a_new_connection() -> None:
    database, now, others = Database(), [0.0], _threads()
    limits = BatchLimits(upkeep_every=NEVER, hangs_after=10.0, most_hanging=3)

    async def scene() -> None:
        queue = batch_queue(database, limits, lambda: now[0])
        for attempt in range(8):
            impatient = asyncio.create_task(queue.record(_job(attempt)))
            if attempt <= limits.most_hanging:
                await database.has_been_entered()  # by another thread each time
            else:
                await _all_have_arrived()
            impatient.cancel()
            now[0] += 10.1
        assert len(_threads() - others) == 4
        database.gate.set()
        await _until_there_is_one_thread_beside(others)
        assert _statuses(await _record(queue, 3)) == [202] * 3

    asyncio.run(scene())


def test_a_thread_that_gives_signs_of_life_is_not_given_up() -> None:
    database, now = _open_database(), [0.0]
    limits = BatchLimits(upkeep_every=NEVER, hangs_after=10.0)

    async def scene() -> None:
        queue = batch_queue(database, limits, lambda: now[0])
        for _ in range(20):
            await _record(queue, 1)
            now[0] += 4.9  # the thread may give its sign before or after that

    asyncio.run(scene())
    assert len(database.threads) == 1


def test_upkeep_is_done_while_deliveries_pour_in() -> None:
    database, now = _open_database(), [0.0]

    async def pour() -> None:
        queue = batch_queue(database, BatchLimits(upkeep_every=NEVER), lambda: now[0])
        for _ in range(40):
            assert _statuses(await _record(queue, 1)) == [202]
            now[0] += NEVER

    asyncio.run(pour())
    assert 15 <= database.upkeeps <= 40


def test_deliveries_that_arrive_together_are_recorded_together() -> None:
    database = Database()
    assert _statuses(asyncio.run(_record_behind_the_gate(database, 100))) == [202] * 100
    assert sum(database.batches) == 100
    assert len(database.batches) <= 5  # those that the thread took at first, and the rest by 32


def test_where_many_come_a_delivery_waits_a_moment_for_others_and_a_lone_one_does_not() -> None:
    database = _open_database()

    async def scene() -> None:
        queue = batch_queue(database, BatchLimits(most_in_batch=3, gathers_for=NEVER))
        assert _statuses(await _record(queue, 1)) == [202]
        database.gate.clear()
        first = asyncio.create_task(_record(queue, 1))
        await database.has_been_entered()
        await database.has_been_entered()
        pair = asyncio.create_task(_record(queue, 2))
        await _all_have_arrived()
        database.gate.set()
        await asyncio.gather(first, pair)
        one_by_one = []
        for _ in range(3):
            one_by_one.append(asyncio.create_task(_record(queue, 1)))
            await asyncio.sleep(0.05)
        await asyncio.gather(*one_by_one)

    asyncio.run(scene())
    assert database.batches == [1, 1, 2, 3]


def test_one_delivery_that_the_database_refuses_does_not_take_the_others_along() -> None:
    def refuse(jobs: Sequence[Job]) -> Exception | None:
        is_spoilt = any(job.delivery.data["number"] == 7 for job in jobs)
        return DataError("insert", {"data": "pErSoNaL"}, Exception("too long")) if is_spoilt else None

    outcomes = asyncio.run(_record_behind_the_gate(Database(refuse), 20))
    assert _statuses(outcomes) == [202] * 7 + [503] + [202] * 12
    assert outcomes[7].reason == "Airflow's database refuses: Exception: too long"


def test_a_database_that_is_out_is_not_asked_again_for_each_delivery() -> None:
    database = Database(lambda jobs: OperationalError("select", {}, Exception("no connection")))
    assert set(_statuses(asyncio.run(_record_behind_the_gate(database, 20)))) == {503}
    assert len(database.batches) <= 2  # what the thread took at first, and the rest


def test_more_than_two_hundred_waiting_deliveries_are_told_to_come_again() -> None:
    statuses = _statuses(asyncio.run(_record_behind_the_gate(Database(), 400)))
    assert set(statuses) == {202, 429}
    assert 200 <= statuses.count(202) <= 232  # 32 at most were taken out of the queue meanwhile


def test_a_delivery_whose_sender_has_given_up_is_not_recorded() -> None:
    database = Database()

    async def scene() -> None:
        queue = batch_queue(database)
        first = asyncio.create_task(_record(queue, 1))
        await database.has_been_entered()
        impatient = asyncio.create_task(_record(queue, 5))
        await _all_have_arrived()
        impatient.cancel()
        await asyncio.wait([impatient])
        database.gate.set()
        await first
        await _record(queue, 1)

    asyncio.run(scene())
    assert sum(database.batches) == 2


def test_a_server_does_its_upkeep_from_the_start_and_not_only_after_the_first_delivery() -> None:
    database = _open_database()
    upkeep = threading.Event()
    database.do_upkeep = upkeep.set  # type: ignore[method-assign]
    queue = batch_queue(database, BatchLimits(upkeep_every=0.01))
    assert not upkeep.is_set()
    queue.start()
    assert upkeep.wait(HANG)
    others = _threads()
    queue.stop()
    assert len(others - _threads()) == 1


def test_a_check_is_answered_by_the_thread_that_records() -> None:
    assert asyncio.run(batch_queue(_open_database()).check(HANG)) == "fine"


def test_a_check_that_finds_the_database_hanging_says_so() -> None:
    database = Database()
    assert asyncio.run(batch_queue(database).check(0.05)) == "no answer from Airflow's database within 0.05 s"
    database.gate.set()


def test_a_check_that_finds_the_queue_full_says_so() -> None:
    database = Database()

    async def scene() -> str:
        queue = batch_queue(database, BatchLimits(most_waiting=1))
        first = asyncio.create_task(queue.record(_job(0)))
        await database.has_been_entered()
        second = asyncio.create_task(queue.record(_job(1)))
        await _all_have_arrived()
        words = await queue.check(HANG)
        database.gate.set()
        await asyncio.gather(first, second)
        return words

    assert asyncio.run(scene()) == "1 deliveries are waiting to be recorded"
