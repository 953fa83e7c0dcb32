"""Records deliveries: all that wait go into one transaction, one transaction at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, Answer, RefusedError

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.delivery import PartneroDelivery, Store

_MOST_WAITING = 200
_MOST_AT_ONCE = 32
_LOOK_EVERY = 1.0  # seconds
_HANGS_AFTER = 10.0  # seconds
_MOST_HANGING = 3


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to be recorded."""

    conn_id: str
    asset_uri: str
    delivery: PartneroDelivery
    store: Store
    loop: asyncio.AbstractEventLoop = field(repr=False)
    answer: asyncio.Future[Answer] = field(repr=False)


class Writer(Protocol):
    """What writes to Airflow's database; the recorder's thread alone calls it."""

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        """Record jobs in one transaction; an answer for each."""

    def look_after(self) -> None:
        """Called about once a second, between recordings; never raises."""


class Recorder:
    """A thread with a database session of its own, so that deliveries never take Airflow's own requests' threads.

    A database that vanishes without a word (a fail-over) leaves the thread waiting for minutes or hours; then another
    one takes over, up to a limit, since each holds one of Airflow's connections. The database decides between the two.

    :param writer: see :class:`~airflow_provider_partnero.plugin.receiver.recording.writer.Recording`.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._jobs: queue.Queue[Job] = queue.Queue(_MOST_WAITING)
        self._threads: list[threading.Thread] = []  # the last one records
        self._seen_at = 0.0

    async def record(self, conn_id: str, asset_uri: str, delivery: PartneroDelivery, store: Store) -> Answer:
        """Record one delivery; returns once it is committed.

        :raises RefusedError: too many are waiting, or the database refuses.
        """
        loop = asyncio.get_running_loop()
        job = Job(conn_id, asset_uri, delivery, store, loop, loop.create_future())
        self._start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise RefusedError(FLOODED, f"{_MOST_WAITING} deliveries are waiting to be recorded") from None
        return await job.answer

    def _start(self) -> None:
        # Not before the first delivery: a server may fork its workers after the plugin was loaded.
        alive = [thread for thread in self._threads if thread.is_alive()]
        is_hanging = time.monotonic() - self._seen_at > _HANGS_AFTER
        if not alive or (is_hanging and len(alive) <= _MOST_HANGING):
            self._seen_at = time.monotonic()
            self._threads = [*alive, threading.Thread(target=self._run, name="partnero-receiver", daemon=True)]
            self._threads[-1].start()

    def _run(self) -> None:
        looked_at = time.monotonic()
        while threading.current_thread() is self._threads[-1]:
            self._seen_at = time.monotonic()
            jobs = self._waiting()
            self._record([job for job in jobs if not job.answer.done()])  # whose sender has given up will come again
            if time.monotonic() - looked_at >= _LOOK_EVERY:
                self._writer.look_after()
                looked_at = time.monotonic()

    def _waiting(self) -> list[Job]:
        """All that wait, up to a limit; none when nothing arrives for a second."""
        jobs: list[Job] = []
        with suppress(queue.Empty):
            jobs.append(self._jobs.get(timeout=_LOOK_EVERY))
            while len(jobs) < _MOST_AT_ONCE:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _record(self, jobs: Sequence[Job]) -> None:
        try:
            answers = self._writer.write(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders wait
            if len(jobs) > 1 and not _is_outage(error):
                for job in jobs:  # one of them spoils it for all
                    self._record([job])
                return
            refusal = RefusedError(UNAVAILABLE, f"Airflow's database refuses: {_first_line(error)}")
            for job in jobs:
                _tell(job, refusal)
            return
        for job, answer in zip(jobs, answers, strict=True):
            _tell(job, answer)


def _tell(job: Job, outcome: Answer | RefusedError) -> None:
    def tell() -> None:
        if job.answer.done():
            return
        if isinstance(outcome, RefusedError):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)

    with suppress(RuntimeError):  # the server is going down, and its loop is closed
        job.loop.call_soon_threadsafe(tell)


def _is_outage(error: Exception) -> bool:
    from sqlalchemy import exc

    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) or (
        isinstance(error, exc.DBAPIError) and error.connection_invalidated
    )


def _first_line(error: Exception) -> str:
    """What the driver says, without the statement and its parameters: they hold what was delivered."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
