"""Threads for what waits for others: Airflow's own are not held, and none is waited for when the server ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs blocking work for one event loop, each in a thread of its own.

    :param most: how many at once; what comes then waits for one of them to end.
    :param name: of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._name = name
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """What the work returns.

        :param seconds: how long it may take, with the wait for a thread.
        :raises TimeoutError: it takes longer. The thread goes on until the work ends by itself.
        :raises Exception: what the work raises.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
                return await self._start(work).future
        except TimeoutError as error:
            raise TimeoutError(str(error) or f"no answer within {seconds:g} s") from None

    def _start(self, work: Callable[[], T]) -> _Outcome[T]:
        outcome = _Outcome[T](asyncio.get_running_loop(), self._free.release)
        try:
            threading.Thread(target=outcome.learn, args=(work,), name=self._name, daemon=True).start()
        except RuntimeError:  # the system has no more threads
            self._free.release()
            raise
        return outcome


class _Outcome(Generic[T]):
    """What comes of the work in a thread.

    :param ended: called on the event loop when the thread ends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
        self._loop = loop
        self._ended = ended
        self.future: asyncio.Future[T] = loop.create_future()

    def learn(self, work: Callable[[], T]) -> None:
        """Do the work; called in the thread."""
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
            self._tell(partial(self.future.set_exception, error))
        else:
            self._tell(partial(self.future.set_result, result))

    def _tell(self, settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the server is going down, and its loop is closed
            self._loop.call_soon_threadsafe(self._settle, settle)

    def _settle(self, settle: Callable[[], None]) -> None:
        self._ended()
        if not self.future.done():
            settle()
