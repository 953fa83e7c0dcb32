"""One call meets one fault, and what comes of it."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from airflow_provider_partnero.api import PartneroAPIError, PartneroClient, PartneroConnectionError
from airflow_provider_partnero.api.arguments import CALL_SECONDS

from .calls import CALLS, Call
from .certificate import stranger
from .faults import FAULTS, Fault
from .server import FaultyPartnero, Line
from .store import Request, Store
from .timeline import Timeline

Times = Literal["once", "always"]
TIMES: tuple[Times, ...] = ("once", "always")

_GENEROUS = (60.0, 60.0)  # seconds that nothing uses up
_SHORT = (1.0, 3.0)  # the time-outs of calls that only a time-out ends; far more than an answer takes in a busy process
_AT_ONCE = (0.2, 0.05)  # of those that are made for their memory only
_SIDE_BY_SIDE = 48
_CLASSES = {1: "< 1 MiB", 32: "< 32 MiB", 256: "< 256 MiB"}


@dataclass(frozen=True, order=True)
class Place:
    """Where a cell stands in the matrix."""

    times: Times
    fault: str
    call: str


@dataclass(frozen=True)
class Cell:
    """What came of it.

    :param outcome: what the caller gets.
    :param requests: how many reached the server.
    :param writes: how many of them the server carried out, late ones included; empty for a call that only reads.
    :param time: simulated seconds.
    :param memory: the class that the peak of what Python allocates is in.
    """

    outcome: str
    requests: str
    writes: str
    time: str
    memory: str


@dataclass(frozen=True)
class _Encounter:
    call: Call
    fault: Fault
    times: Times

    @property
    def place(self) -> Place:
        return Place(self.times, self.fault.name, self.call.name)

    def meets(self, request: Request) -> bool:
        if self.fault.meets == "any":
            return True
        return request.is_list if self.fault.meets == "list" else self.call.meets(request)

    def run(self, timeout: tuple[float, float], max_attempts: int = 5) -> Cell:
        """Make the call; the cell's memory is not measured yet."""
        is_line = self.fault.line is Line.FULL
        ends = self.call.seconds, CALL_SECONDS
        timeline = Timeline(ends, for_each_attempt=self.fault.takes if is_line else 0.0)
        with FaultyPartnero(
            store=Store(self.call.size, self.call.ignores_keys),
            timeline=timeline,
            strike=self.fault.strike,
            meets=self.meets,
            times=1 if self.times == "once" else float("inf"),
            takes=self.fault.takes,
            ends_at=self.call.seconds,
            line=self.fault.line,
            tls=stranger() if self.fault.line is Line.TLS else None,
        ) as server:
            client = PartneroClient(
                "token",
                server.base_url,
                timeout=timeout,
                max_attempts=max_attempts,
                page_concurrency=1,
                clock=timeline.clock(),
            )
            with client:
                outcome = self._outcome(client, server.store)
            if is_line and self.times == "always":
                timeline.advance(self.fault.takes)  # the last attempt, after which the client does not wait
            server.settle()
            if self.fault.line is Line.OPEN and not server.met:
                outcome = "not met"
            return Cell(outcome, str(server.requests), self._writes(server.store), _seconds(timeline.seconds), "")

    def _outcome(self, client: PartneroClient, store: Store) -> str:
        try:
            return self.call.judge(self.call.make(client), store)
        except Exception as error:
            return f"`{type(error).__name__}`{_details(error)}"

    def _writes(self, store: Store) -> str:
        if not self.call.is_write:
            return ""
        return f"{store.carried_out}, {store.undone} undone" if store.undone else str(store.carried_out)


def _details(error: Exception) -> str:
    if isinstance(error, PartneroConnectionError) and not error.sent:
        return ", not sent"
    if type(error) is PartneroAPIError:
        return f" {error.status}"
    return ""


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 2):g} s"


def regenerate() -> dict[Place, Cell]:
    """All cells, in the order of the page."""
    encounters = [
        _Encounter(call, fault, times)
        for times in TIMES
        for fault in FAULTS
        if times == "always" or fault.comes_once
        for call in CALLS
    ]
    with _quiet():
        _Encounter(CALLS[0], FAULTS[0], "once").run(_GENEROUS)  # imports what is imported late
        memory = {one.place: _memory(one) for one in encounters if one.fault.takes}
        cells = {one.place: _measured(one) for one in encounters if not one.fault.takes}
        slow = [one for one in encounters if one.fault.takes]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            for one, cell in zip(slow, pool.map(lambda one: one.run(_SHORT), slow), strict=True):
                cells[one.place] = replace(cell, memory=memory[one.place])
    return {one.place: cells[one.place] for one in encounters}


def _measured(one: _Encounter) -> Cell:
    """The cell with its memory."""
    with _tracing() as peak:
        cell = one.run(_GENEROUS)
        words = peak()
    return replace(cell, memory=words)


def _memory(one: _Encounter) -> str:
    """The memory of one attempt, which only a time-out ends."""
    with _tracing() as peak:
        one.run(_AT_ONCE, max_attempts=1)
        return peak()


@contextmanager
def _tracing() -> Iterator[Callable[[], str]]:
    tracemalloc.start()
    try:
        yield lambda: next(words for most, words in _CLASSES.items() if tracemalloc.get_traced_memory()[1] < most << 20)
    finally:
        tracemalloc.stop()


@contextmanager
def _quiet() -> Iterator[None]:
    """The client warns of every attempt that fails."""
    logger = logging.getLogger("airflow_provider_partnero.api")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
