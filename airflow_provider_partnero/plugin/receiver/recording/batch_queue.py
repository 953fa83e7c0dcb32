"""Deliveries that wait to be recorded: all that wait go into one transaction, one transaction at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.recording.job import Job


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much the queue holds, and how long its thread may take.

    :param most_waiting: deliveries in the queue; more are refused.
    :param most_in_batch: deliveries in one transaction.
    :param gathers_for: seconds that a delivery waits for company when the batch before had more than one: the senders
        of that batch come again at about the same time, and a transaction of one costs nearly as much as of ten.
    :param upkeep_every: seconds between two calls of :meth:`Writer.do_upkeep`.
    :param hangs_after: seconds without a sign of life from the thread, after which another one takes over.
    :param most_hanging: how many threads may hang before no other takes over.
    """

    most_waiting: int = 200
    most_in_batch: int = 32
    gathers_for: float = 0.01
    upkeep_every: float = 1.0
    hangs_after: float = 10.0
    most_hanging: int = 3


LIMITS = BatchLimits()


class Writer(Protocol):
    """What writes to Airflow's database; the queue's thread alone calls it."""

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        """Record jobs in one transaction; an answer for each."""

    def check(self) -> str:
        """``"ok"`` if a delivery could be recorded now; else what is wrong. Never raises."""

    def do_upkeep(self) -> None:
        """What is not urgent; never raises."""


class BatchQueue:
    """A queue and a thread with a database session of its own: deliveries take no thread from Airflow's requests.

    When the database vanishes without a word (a fail-over), the thread waits for minutes or hours. Then another one
    takes over, up to a limit, since each holds one of Airflow's connections. Should two of them write at once, the
    database decides between them.

    :param clock: seconds; never goes back.
    """

    def __init__(
        self, writer: Writer, limits: BatchLimits = LIMITS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer = writer
        self._limits = limits
        self._clock = clock
        self._senders: queue.Queue[_Sender | _Check | None] = queue.Queue(limits.most_waiting)
        self._threads: list[threading.Thread] = []  # the last one records
        self._seen_at = clock()
        self._are_many = False  # deliveries in the last batch

    def start(self) -> None:
        """Begin with the upkeep before the first delivery comes; for a process that does not fork any more."""
        self._ensure_thread()

    def stop(self) -> None:
        """End the thread after what it is doing, and wait for that; a delivery that comes later starts another."""
        threads, self._threads = self._threads, []
        with suppress(queue.Full):  # whoever waits there wakes it up
            self._senders.put_nowait(None)
        for thread in threads:
            thread.join(self._limits.hangs_after)

    async def record(self, job: Job) -> Answer:
        """Record one delivery; returns once it is committed.

        :raises RefusedError: too many are waiting, or the database refuses.
        """
        sender = _Sender(job, asyncio.get_running_loop().create_future())
        self._ensure_thread()
        try:
            self._senders.put_nowait(sender)
        except queue.Full:
            waiting = self._limits.most_waiting
            raise RefusedError(FLOODED, f"{waiting} deliveries are waiting to be recorded") from None
        return await sender.answer

    async def check(self, patience: float = 1.0) -> str:
        """``"ok"`` if a delivery could be recorded now, found out behind those that wait; else what is wrong.

        :param patience: seconds.
        """
        check = _Check(asyncio.get_running_loop().create_future())
        self._ensure_thread()
        try:
            self._senders.put_nowait(check)
            async with asyncio.timeout(patience):
                return await check.words
        except queue.Full:
            return f"{self._limits.most_waiting} deliveries are waiting to be recorded"
        except TimeoutError:
            return f"no answer from Airflow's database within {patience:g} s"

    def _ensure_thread(self) -> None:
        alive = [thread for thread in self._threads if thread.is_alive()]
        is_hanging = self._clock() - self._seen_at > self._limits.hangs_after
        if not alive or (is_hanging and len(alive) <= self._limits.most_hanging):
            self._seen_at = self._clock()
            self._threads = [*alive, threading.Thread(target=self._run, name="partnero-receiver", daemon=True)]
            self._threads[-1].start()

    def _run(self) -> None:
        upkeep_at = self._clock()
        while self._threads[-1:] == [threading.current_thread()]:
            self._seen_at = self._clock()
            batch = self._next_batch()
            # A sender that has given up sends the delivery again.
            self._record([one for one in batch if isinstance(one, _Sender) and not one.answer.done()])
            self._check([one for one in batch if isinstance(one, _Check) and not one.words.done()])
            if self._clock() - upkeep_at >= self._limits.upkeep_every:
                self._writer.do_upkeep()
                upkeep_at = self._clock()

    def _next_batch(self) -> list[_Sender | _Check]:
        """All that wait or come soon, up to a limit; none when nobody comes until it is time for upkeep."""
        batch: list[_Sender | _Check] = []
        with suppress(queue.Empty):
            one = self._senders.get(timeout=self._limits.upkeep_every)
            gathers_until = self._clock() + (self._limits.gathers_for if self._are_many else 0.0)
            while one is not None:
                batch.append(one)
                if len(batch) == self._limits.most_in_batch:
                    break
                one = self._senders.get(timeout=max(gathers_until - self._clock(), 0.0))
        self._are_many = len(batch) > 1
        return batch

    def _check(self, checks: Sequence[_Check]) -> None:
        words = self._writer.check() if checks else ""
        for check in checks:
            check.tell(words)

    def _record(self, batch: Sequence[_Sender]) -> None:
        try:
            answers = self._writer.write([sender.job for sender in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders wait
            if len(batch) > 1 and not _is_outage(error):
                for sender in batch:  # one of them spoils it for all
                    self._record([sender])
                return
            refusal = RefusedError(UNAVAILABLE, f"Airflow's database refuses: {_first_line(error)}", "database")
            for sender in batch:
                sender.tell(refusal)
            return
        for sender, answer in zip(batch, answers, strict=True):
            sender.tell(answer)


@dataclass(frozen=True, slots=True, eq=False)
class _Sender:
    """Somebody who has delivered and waits for the answer."""

    job: Job
    answer: asyncio.Future[Answer]

    def tell(self, outcome: Answer | RefusedError) -> None:
        """Give the answer; called from the queue's thread."""
        with suppress(RuntimeError):  # the server is going down, and its loop is closed
            self.answer.get_loop().call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Answer | RefusedError) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, RefusedError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(frozen=True, slots=True, eq=False)
class _Check:
    """Somebody who wants to know whether deliveries could be recorded."""

    words: asyncio.Future[str]

    def tell(self, words: str) -> None:
        """Give the answer; called from the queue's thread."""
        with suppress(RuntimeError):  # the server is going down, and its loop is closed
            self.words.get_loop().call_soon_threadsafe(self._settle, words)

    def _settle(self, words: str) -> None:
        if not self.words.done():
            self.words.set_result(words)


def _is_outage(error: Exception) -> bool:
    from sqlalchemy import exc

    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) or (
        isinstance(error, exc.DBAPIError) and error.connection_invalidated
    )


def _first_line(error: Exception) -> str:
    """What the driver says, without the statement and its parameters: they hold what was delivered."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
