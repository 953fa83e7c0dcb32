"""Changes that are carried out after their request was answered, as when a gateway gives up and the server goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Change = Callable[[], Awaitable[object]]


class LateChanges:
    """Changes under way in the background of the running event loop."""

    def __init__(self) -> None:
        self._after_requests: list[tuple[int, Change]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def after_seconds(self, seconds: float, change: Change) -> None:
        """Carry out a change so many seconds from now."""
        task = asyncio.create_task(_later(seconds, change))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after_requests(self, count: int, change: Change) -> None:
        """Carry out a change right after the ``count``-th request from now on, which does not see it yet."""
        self._after_requests.append((count, change))

    async def count_request(self) -> None:
        """One more request was carried out."""
        due = [change for left, change in self._after_requests if left <= 1]
        self._after_requests = [(left - 1, change) for left, change in self._after_requests if left > 1]
        for change in due:
            await change()

    def reset(self) -> None:
        """Drop the changes that have not been carried out yet."""
        self._after_requests.clear()
        for task in self._tasks:
            task.cancel()


async def _later(seconds: float, change: Change) -> None:
    await asyncio.sleep(seconds)
    await change()
