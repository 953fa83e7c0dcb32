"""A source of values that answers when and as it is told to; a freshness cache loads from it."""

from __future__ import annotations

import asyncio
from typing import Any


class Source:
    """Holds every load until :meth:`end`, or ends it with :attr:`outcome` as soon as it begins.

    An outcome is a value; None: the key has no value; an error; or :data:`CANCELLED`. :data:`HELD` is none yet.
    """

    def __init__(self) -> None:
        self.loaded: list[Any] = []
        self.outcome: Any = HELD
        self._held: dict[Any, asyncio.Future[Any]] = {}

    async def load(self, key: Any) -> Any:
        assert key not in self._held, "two loads of one key at once"
        self.loaded.append(key)
        self._held[key] = held = asyncio.get_running_loop().create_future()
        try:
            if self.outcome is not HELD:
                self.end(key, self.outcome)
            return await held
        finally:
            del self._held[key]

    @property
    def under_way(self) -> list[Any]:
        return list(self._held)

    def end(self, key: Any, outcome: Any) -> None:
        held = self._held[key]
        if outcome is CANCELLED:
            held.cancel()
        elif isinstance(outcome, Exception):
            held.set_exception(outcome)
        else:
            held.set_result(outcome)


HELD = object()
CANCELLED = object()


async def settle() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)
