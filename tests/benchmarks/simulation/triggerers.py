"""Triggerers with waiting sensors. The package decides: which requests, on which thread, how long apart.

The threads are those of :mod:`airflow_provider_partnero.triggers.lanes`, but for the thread itself: a job's end is an
entry of the agenda. The processor is one for each triggerer, since Python has one interpreter lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

from airflow_provider_partnero.triggers.lanes import _QUICK, Lane, Threads
from airflow_provider_partnero.triggers.partnero import _pause
from airflow_provider_partnero.triggers.polling import _ANSWERS, AwaitedKeys, Poller, PollResult

from .agenda import Agenda
from .distribution import Distribution
from .partnero import SimulatedClient, SimulatedPartnero


class SimulatedThreads(Threads):
    """Starts a job by asking when it will end."""

    def __init__(self, agenda: Agenda) -> None:
        super().__init__(now=lambda: agenda.now)
        self._agenda = agenda
        self.most = 0

    def _start_threads(self, jobs: Iterator[Any]) -> None:
        for lane, job in jobs:
            seconds, result = job.work()
            self._agenda.after(seconds, partial(self._finish, lane, job.future, result))
            self.most = max(self.most, self._running.total())

    def _finish(self, lane: Lane, future: Future[Any], result: Any) -> None:
        future.set_result(result)
        with self._lock:
            self._end(lane)
            self._start_threads(self._next_jobs())

    @property
    def running(self) -> int:
        """Polls that hold a thread now."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """Lanes that wait for a thread now."""
        return sum(len(lanes) for lanes in self._waiting.values())


class Triggerer:
    """One process of Airflow's triggerer.

    :param request_cost: seconds of the processor for a request.
    """

    def __init__(self, agenda: Agenda, partnero: SimulatedPartnero, poke_interval: float, request_cost: float) -> None:
        self.agenda = agenda
        self.partnero = partnero
        self.poke_interval = poke_interval
        self.threads = SimulatedThreads(agenda)
        self.streams: dict[int, Stream] = {}
        self.requests = 0
        self._request_cost = request_cost
        self._processor_free_at = 0.0

    def add(self, programme: int, webhooks: int, key: str, answered: float | None = None) -> None:
        """A sensor more; the first of a programme opens the stream.

        :param answered: the moment of the answer that it has heard last; None: now.
        """
        stream = self.streams.get(programme)
        if stream is None:
            stream = self.streams[programme] = Stream(self, webhooks)
            stream.answered = self.agenda.now if answered is None else answered
            self.agenda.after(0.0, stream.poll)
        stream.awaited.add(key, is_needed=True)

    def die(self) -> list[tuple[int, Stream]]:
        """End; the streams that were open, by programme."""
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.is_open = False
        return list(streams.items())

    @property
    def sensors(self) -> int:
        """How many wait here."""
        return sum(stream.awaited.keys.total() for stream in self.streams.values())

    def wait_for_processor(self, requests: int = 1) -> float:
        """Seconds until the processor has done its part of so many more requests."""
        self.requests += requests
        self._processor_free_at = max(self.agenda.now, self._processor_free_at) + requests * self._request_cost
        return self._processor_free_at - self.agenda.now

    def note_ages(self, ages: Distribution) -> None:
        """Add how old the answer is that each sensor has last heard."""
        for stream in self.streams.values():
            ages.add(self.agenda.now - stream.answered, stream.awaited.keys.total())


class Stream:
    """The poll that the sensors of one programme share, as ``open_shared_stream`` polls."""

    def __init__(self, triggerer: Triggerer, webhooks: int) -> None:
        self.awaited = AwaitedKeys()
        self.answered = triggerer.agenda.now  # the moment of the last answer that the sensors have heard
        self.is_open = True
        self._triggerer = triggerer
        self._webhooks = webhooks
        self._lane = Lane(triggerer.threads)
        self._patience = Poller.of("conn", triggerer.poke_interval, kind="active").patience

    def poll(self) -> None:
        """Poll once; what follows follows by itself."""
        if not self.is_open:
            return
        future = self._lane.submit(self._ask)
        ends_at = self._triggerer.agenda.now + _ANSWERS * self._patience
        if future.done():
            self._hear(future)
        else:
            self._triggerer.agenda.after(_QUICK, partial(self._review, future, ends_at))
            future.add_done_callback(self._hear)

    def _review(self, future: Future[Any], ends_at: float) -> None:
        """As :meth:`Lane.run` does while it waits."""
        if future.done():
            return
        is_given_up = self._triggerer.agenda.now >= ends_at
        if is_given_up:
            future.cancel()
        self._triggerer.threads.review(self._lane, is_given_up=is_given_up)
        if not future.done():
            self._triggerer.agenda.after(_QUICK, partial(self._review, future, ends_at))

    def _ask(self) -> tuple[float, tuple[PollResult, float | None]]:
        """How long the poll takes from now on; its result, and when the last request was sent that was answered."""
        begins = self._triggerer.agenda.now
        retries = not self.awaited.is_asked_by_key
        at = begins + self._triggerer.wait_for_processor()
        client = SimulatedClient(self._triggerer.partnero, self._webhooks, at, self._patience, retries=retries)
        result = self.awaited.poll(client)  # type: ignore[arg-type]
        more = self._triggerer.wait_for_processor(client.sent - 1) if client.sent > 1 else 0.0
        return client.now - begins + more, (result, client.answered)

    def _hear(self, future: Future[Any]) -> None:
        result = PollResult(trouble="given up")
        if not future.cancelled():
            result, answered = future.result()
            if not result.trouble and answered is not None:
                self.answered = answered
        self._triggerer.agenda.after(_pause(self._triggerer.poke_interval, result), self.poll)
