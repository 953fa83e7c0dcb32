"""Threads of our own: bounded, and never waited for longer than was said."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads

HANG = 60.0  # seconds; bounds a test that has failed already


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hanging work waits for; set when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def _hang_until(event: threading.Event) -> Callable[[], str]:
    def work() -> str:
        assert event.wait(HANG)
        return threading.current_thread().name

    return work


def test_work_runs_in_a_thread_that_the_end_of_the_process_does_not_wait_for() -> None:
    async def scene() -> tuple[bool, str]:
        thread = await DaemonThreads(1, "partnero-x").run(threading.current_thread, HANG)
        return thread.daemon, thread.name

    assert asyncio.run(scene()) == (True, "partnero-x")


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        asyncio.run(DaemonThreads(1, "x").run(work, HANG))


def test_work_that_takes_too_long_is_left_to_itself_and_said_to(released: threading.Event) -> None:
    threads = DaemonThreads(1, "x")

    async def scene() -> None:
        with pytest.raises(TimeoutError, match=r"no answer within 0.05 s"):
            await threads.run(_hang_until(released), 0.05)

    asyncio.run(scene())


def test_no_more_threads_run_than_may_and_what_waits_runs_when_one_ends(released: threading.Event) -> None:
    running: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        with lock:
            running.append(sum(thread.name == "partnero-bounded" for thread in threading.enumerate()))
        time.sleep(0.01)

    async def scene() -> None:
        threads = DaemonThreads(3, "partnero-bounded")
        await asyncio.gather(*(threads.run(work, HANG) for _ in range(12)))

    asyncio.run(scene())
    assert len(running) == 12
    assert max(running) <= 3 + 3  # one that has told its result may not have ended yet


def test_while_all_threads_hang_others_are_told_in_time_and_a_freed_one_serves_again(
    released: threading.Event,
) -> None:
    async def scene() -> str:
        threads = DaemonThreads(2, "x")
        hanging = [asyncio.create_task(threads.run(_hang_until(released), HANG)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await threads.run(lambda: "too many", 0.05)
        released.set()
        assert await asyncio.gather(*hanging) == ["x", "x"]
        return await threads.run(lambda: "served", HANG)

    assert asyncio.run(scene()) == "served"


def test_one_who_stops_waiting_holds_no_thread_for_longer_than_the_work_takes(released: threading.Event) -> None:
    async def scene() -> str:
        threads = DaemonThreads(1, "x")
        waiting = asyncio.create_task(threads.run(_hang_until(released), HANG))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        released.set()
        return await threads.run(lambda: "served", HANG)

    assert asyncio.run(scene()) == "served"


def test_a_thread_that_ends_after_its_event_loop_says_nothing(
    released: threading.Event, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = threading.Event()

    def work() -> None:
        assert released.wait(HANG)
        ended.set()

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            await DaemonThreads(1, "late").run(work, 0.05)

    asyncio.run(scene())
    [thread] = [thread for thread in threading.enumerate() if thread.name == "late"]
    released.set()
    thread.join(HANG)
    assert ended.is_set()
    assert "Traceback" not in capfd.readouterr().err
