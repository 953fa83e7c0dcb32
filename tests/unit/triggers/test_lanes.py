"""Threads for polls: bounded, one per connection, and never waited for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from asgiref.sync import async_to_sync

from airflow_provider_partnero.triggers.lanes import THREAD_NAME, Lane, Threads, lane_of

BOUND = 60  # seconds, which only bound a hang


class Work:
    """Work that hangs until it is released."""

    def __init__(self) -> None:
        self.is_running = threading.Event()
        self._released = threading.Event()

    def __call__(self) -> str:
        self.is_running.set()
        assert self._released.wait(BOUND)
        return "done"

    def release(self) -> None:
        self._released.set()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def hanging() -> Iterator[list[Work]]:
    """Fifty pieces of work that hang until the test is over."""
    works = [Work() for _ in range(50)]
    yield works
    for work in works:
        work.release()


def _running(works: list[Work]) -> int:
    return sum(work.is_running.is_set() for work in works)


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_connection_that_hangs_holds_one_thread(clock: Time, hanging: list[Work]) -> None:
    threads = Threads(quick=8, slow=8, now=clock)
    lane = Lane(threads)
    futures = [lane.submit(work) for work in hanging]
    assert hanging[0].is_running.wait(BOUND)
    Lane(threads).submit(int).result(BOUND)
    assert _running(hanging) == 1
    for work in hanging:
        work.release()
    assert [future.result(BOUND) for future in futures] == ["done"] * 50


def test_fifty_connections_that_hang_for_the_first_time_hold_a_quick_one_up_for_some_seconds_only(
    clock: Time, hanging: list[Work]
) -> None:
    threads = Threads(quick=2, slow=60, now=clock)
    lanes = [Lane(threads) for _ in hanging]
    for lane, work in zip(lanes, hanging, strict=True):
        lane.submit(work)
    quick = Lane(threads).submit(int)
    for second in range(1, 26):  # two more every second
        _until(lambda second=second: _running(hanging) == 2 * second)  # type: ignore[misc]
        clock.now += 1
        for lane in lanes:
            threads.review(lane)
    assert quick.result(BOUND) == 0


def test_connections_known_to_hang_leave_the_quick_threads_alone(clock: Time, hanging: list[Work]) -> None:
    threads = Threads(quick=2, slow=3, now=clock)
    lanes = [Lane(threads) for _ in hanging]
    for lane in lanes:
        first = Work()
        future = lane.submit(first)
        assert first.is_running.wait(BOUND)
        clock.now += 1
        first.release()
        future.result(BOUND)
    _until(lambda: not any(lane.started for lane in lanes))
    for lane, work in zip(lanes, hanging, strict=True):
        lane.submit(work)
    for _ in range(10):
        assert Lane(threads).submit(int).result(BOUND) == 0
    assert _running(hanging) == 3
    for work in hanging:
        work.release()
    _until(lambda: _running(hanging) == 50)


def test_a_connection_that_was_slow_once_is_quick_again_when_it_answers(clock: Time, hanging: list[Work]) -> None:
    lane = Lane(Threads(now=clock))
    future = lane.submit(hanging[0])
    assert hanging[0].is_running.wait(BOUND)
    clock.now += 1
    hanging[0].release()
    future.result(BOUND)
    _until(lambda: lane.is_slow)
    lane.submit(int).result(BOUND)
    _until(lambda: not lane.is_slow)


def test_connections_take_turns(hanging: list[Work]) -> None:
    threads = Threads(quick=1, slow=0)
    first, second = Lane(threads), Lane(threads)
    order: list[str] = []
    first.submit(hanging[0])
    futures = [lane.submit(order.append, name) for lane, name in ((first, "first"), (second, "second")) for _ in "12"]
    hanging[0].release()
    for future in futures:
        future.result(BOUND)
    assert order == ["second", "first", "second", "first"]


def test_work_that_is_cancelled_before_it_starts_is_never_done(hanging: list[Work]) -> None:
    lane = Lane(Threads())
    running = lane.submit(hanging[0])
    cancelled, after = lane.submit(hanging[1]), lane.submit(int)
    assert cancelled.cancel()
    hanging[0].release()
    assert (running.result(BOUND), after.result(BOUND)) == ("done", 0)
    assert not hanging[1].is_running.is_set()


def test_an_error_is_handed_to_whoever_waits_and_the_next_poll_goes_on() -> None:
    lane = Lane(Threads())
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            lane.submit(lambda: 1 / 0).result(BOUND)


def test_threads_end_when_there_is_nothing_left_to_do() -> None:
    threads = Threads()
    futures = [Lane(threads).submit(int) for _ in range(100)]
    assert [future.result(BOUND) for future in futures] == [0] * 100
    _until(lambda: not [thread for thread in threading.enumerate() if thread.name == THREAD_NAME])


def test_a_deadline_passes_while_the_work_hangs_and_while_it_waits_for_a_thread(hanging: list[Work]) -> None:
    async def run() -> None:
        lane = Lane(Threads())
        for work in hanging[:2]:
            with pytest.raises(TimeoutError):
                await lane.run(work, 0.05)
        assert _running(hanging) == 1  # the second never got a thread
        while not lane.jobs[0].future.cancelled():
            await asyncio.sleep(0)
        hanging[0].release()
        assert await lane.run(int, BOUND) == 0
        assert _running(hanging) == 1

    asyncio.run(run())


def test_a_cancellation_waits_for_no_thread_and_gives_the_quick_thread_back(hanging: list[Work]) -> None:
    async def run() -> None:
        threads = Threads(quick=1, slow=50)
        for work in hanging:
            task = asyncio.create_task(Lane(threads).run(work, BOUND))
            assert await asyncio.get_running_loop().run_in_executor(None, work.is_running.wait, BOUND)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await Lane(threads).run(int, BOUND) == 0

    asyncio.run(run())


def test_a_connection_has_one_lane_as_long_as_somebody_polls_it() -> None:
    lane = lane_of("one", "active")
    assert lane_of("one", "active") is lane
    assert lane_of("other", "active") is not lane


def test_a_poll_of_another_kind_does_not_wait_for_a_slow_one_of_the_same_connection() -> None:
    assert lane_of("one", "changes") is not lane_of("one", "active")


def test_work_may_call_back_into_the_event_loop_as_airflow_does_before_3_3(hanging: list[Work]) -> None:
    """There, the triggerer reads a connection with ``async_to_sync`` from the thread that wants it."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        lock = asyncio.Lock()  # of this loop, like the stream behind it in Airflow

        async def answer() -> bool:
            async with lock:
                await asyncio.sleep(0.001)
                return asyncio.get_running_loop() is loop

        def read_then_hang() -> str:
            assert async_to_sync(answer)()
            return hanging[0]()

        threads = Threads()
        answers = (Lane(threads).run(async_to_sync(answer), BOUND) for _ in range(20))
        assert await asyncio.gather(*answers) == [True] * 20
        task = asyncio.create_task(Lane(threads).run(read_then_hang, BOUND))
        await asyncio.to_thread(hanging[0].is_running.wait, BOUND)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=BOUND / 2)
        assert done

    asyncio.run(run())
