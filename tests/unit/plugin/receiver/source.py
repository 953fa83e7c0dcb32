"""A source of one value that answers when and as it is told to; a fresh value is loaded from it."""

from __future__ import annotations

import asyncio
from typing import Any


class Source:
    """Holds every load until :meth:`end`, or ends it with :attr:`outcome` as soon as it begins.

    An outcome is a value, an error, or :data:`CANCELLED`. :data:`HELD` is none yet.
    """

    def __init__(self) -> None:
        self.loads = 0
        self.outcome: Any = HELD
        self._held: asyncio.Future[Any] | None = None

    async def load(self) -> Any:
        assert self._held is None, "two loads at once"
        self.loads += 1
        self._held = asyncio.get_running_loop().create_future()
        try:
            if self.outcome is not HELD:
                self.end(self.outcome)
            return await self._held
        finally:
            self._held = None

    @property
    def is_asked(self) -> bool:
        return self._held is not None

    def end(self, outcome: Any) -> None:
        assert self._held is not None
        if outcome is CANCELLED:
            self._held.cancel()
        elif isinstance(outcome, Exception):
            self._held.set_exception(outcome)
        else:
            self._held.set_result(outcome)


HELD = object()
CANCELLED = object()


async def settle() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)
