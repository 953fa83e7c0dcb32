"""Threads for polls. A slow server holds neither Airflow's own threads nor the polls of other connections."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

T = TypeVar("T")

THREAD_NAME = "partnero-poll"

_QUICK = 1.0  # seconds; a poll that takes longer is a slow one
_QUICK_POLLS = 8  # at once; more would only compete with the event loop for Python's one interpreter lock
_SLOW_POLLS = 64  # at once; nearly all they do is wait


@dataclass(slots=True)
class _Job:
    future: Future[Any]
    work: Callable[[], Any]

    def run(self) -> None:
        try:
            result = self.work()
        except BaseException as error:  # noqa: BLE001 - whoever awaits the future gets it
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Lane(Executor):
    """Runs the polls of one kind and connection one after the other, so that a hanging server holds one thread.

    Quick and slow polls have threads apart, so that quick ones always find one. A poll counts as slow once it has
    taken a second, and so does the next poll of its connection until it proves quick.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self.jobs: deque[_Job] = deque()
        self.is_slow = False
        self.started: float | None = None  # when the job that runs now was started

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run it when the connection's earlier polls are over and a thread is free."""
        job = _Job(Future(), partial(fn, *args, **kwargs))
        self._threads.add(self, job)
        return job.future

    async def run(self, work: Callable[[], T], deadline: float) -> T:
        """What the blocking work returns. A cancellation does not wait for the thread.

        :param deadline: seconds, including the wait for a thread.
        :raises TimeoutError: the deadline has passed; the thread goes on until the work ends by itself.
        """
        from asgiref.sync import sync_to_async

        # Before 3.3, Airflow's triggerer serves a thread that reads a connection only if asgiref has started its work.
        executor = cast(Any, self)  # asgiref asks for a ThreadPoolExecutor, and uses its submit
        task = asyncio.ensure_future(sync_to_async(work, thread_sensitive=False, executor=executor)())
        try:
            async with asyncio.timeout(deadline):
                while not task.done():
                    await asyncio.wait({task}, timeout=_QUICK)
                    self._threads.review(self)
        finally:
            if not task.done():
                task.cancel()
                self._threads.review(self, is_given_up=True)
        return task.result()


@dataclass(slots=True)
class Threads:
    """The threads of all lanes: bounded in number, started on demand, and never joined, not even at exit.

    :param quick: most quick polls at once.
    :param slow: most slow polls at once.
    :param now: seconds on a clock that never goes back.
    """

    quick: int = _QUICK_POLLS
    slow: int = _SLOW_POLLS
    now: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: Counter[bool] = field(default_factory=Counter)  # by whether they are slow
    _waiting: dict[bool, deque[Lane]] = field(default_factory=lambda: {False: deque(), True: deque()})

    def add(self, lane: Lane, job: _Job) -> None:
        """Queue a job."""
        with self._lock:
            lane.jobs.append(job)
            if lane.started is None and len(lane.jobs) == 1:
                self._waiting[lane.is_slow].append(lane)
            self._start_threads(self._next_jobs())

    def review(self, lane: Lane, *, is_given_up: bool = False) -> None:
        """Count the lane's running poll as slow if it has taken long or nobody waits for it any more."""
        with self._lock:
            is_late = lane.started is not None and (is_given_up or self.now() - lane.started >= _QUICK)
            if is_late and not lane.is_slow and self._running[True] < self.slow:
                self._count(lane, -1)
                lane.is_slow = True
                self._count(lane, +1)
                self._start_threads(self._next_jobs())

    def _count(self, lane: Lane, change: int) -> None:
        self._running[lane.is_slow] += change

    def _next_jobs(self) -> Iterator[tuple[Lane, _Job]]:
        """The jobs for which there is room, as started; one a lane, so that no lane goes before another."""
        for is_slow, most in ((False, self.quick), (True, self.slow)):
            lanes = self._waiting[is_slow]
            while lanes and self._running[is_slow] < most:
                lane = lanes.popleft()
                while lane.jobs:
                    job = lane.jobs.popleft()
                    if job.future.set_running_or_notify_cancel():
                        lane.started = self.now()
                        self._count(lane, +1)
                        yield lane, job
                        break

    def _start_threads(self, jobs: Iterator[tuple[Lane, _Job]]) -> None:
        for lane, job in jobs:
            try:
                threading.Thread(target=self._work, args=(lane, job), name=THREAD_NAME, daemon=True).start()
            except RuntimeError as error:  # the system has no more threads
                job.future.set_exception(TimeoutError(str(error)))
                self._end(lane)

    def _work(self, lane: Lane, job: _Job) -> None:
        current: tuple[Lane, _Job] | None = (lane, job)
        while current is not None:
            lane, job = current
            job.run()
            with self._lock:
                self._end(lane)
                jobs = self._next_jobs()
                current = next(jobs, None)
                self._start_threads(jobs)

    def _end(self, lane: Lane) -> None:
        self._count(lane, -1)
        lane.is_slow = lane.started is not None and self.now() - lane.started >= _QUICK
        lane.started = None
        if lane.jobs:
            self._waiting[lane.is_slow].append(lane)


_threads = Threads()
_lanes: WeakValueDictionary[tuple[str, str], Lane] = WeakValueDictionary()


def lane_of(partnero_conn_id: str, kind: str) -> Lane:
    """The lane of a connection's polls, in this process; it lasts as long as somebody holds it.

    :param kind: of poll, so that those that take one answer do not wait behind those that read a long list.
    """
    return _lanes.setdefault((partnero_conn_id, kind), Lane(_threads))
