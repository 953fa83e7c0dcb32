"""An event loop whose seconds are short, so that tests go through many intervals in little time."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from airflow_provider_partnero.sandbox import LoggedRequest
from airflow_provider_partnero.triggers.lanes import THREAD_NAME

SPEED = 10  # seconds of the loop in a real one
_LONGEST_POLL = 2.0  # real seconds, of a poll that nobody holds up
_BOUND = 300  # real seconds, which only bound a hang

T = TypeVar("T")


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class _FastLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * SPEED


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run on a loop of its own, as ``asyncio.run`` does."""

    async def bounded() -> T:
        async with asyncio.timeout(_BOUND * SPEED):
            return await main

    try:
        with asyncio.Runner(loop_factory=_FastLoop) as runner:
            return runner.run(bounded())
    finally:
        _let_polls_end()


def _let_polls_end() -> None:
    """A poll that is given up ends by itself; until then, its request might meet a fault of the next test."""
    until = time.monotonic() + _LONGEST_POLL
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(max(0.0, until - time.monotonic()))


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition is true."""
    while not condition():
        await asyncio.sleep(0.05)


def gaps(requests: Sequence[LoggedRequest]) -> list[float]:
    """The loop's seconds between one request and the next."""
    return [(later.at - earlier.at) * SPEED for earlier, later in itertools.pairwise(requests)]
