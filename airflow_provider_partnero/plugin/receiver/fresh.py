"""A cache that asks its source as seldom as it can, and goes on answering while the source is slow or fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.memory import Memory

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long an answer is good for, how many are kept, and how many may be loaded.

    :param known_for: seconds for which a value is answered without a new load.
    :param unknown_for: seconds for which a key without a value is not loaded again. Also the shortest time between
        two refreshes of one key.
    :param stale_for: seconds for which a value is answered when it cannot be loaded anew; at least ``known_for``.
    :param most: how many values are kept, and how many keys without one.
    :param loads_per_minute: for keys without a value; as many again for keys with one.
    :param patience: seconds for which somebody who can have a stale value waits for a new one.
    """

    known_for: float
    unknown_for: float
    stale_for: float
    most: int
    loads_per_minute: int
    patience: float = 0.5


class OverBudgetError(Exception):
    """A value would have to be loaded, and this minute's loads are spent.

    :param per_minute: how many there are.
    """

    def __init__(self, per_minute: int) -> None:
        super().__init__(f"more than {per_minute} loads within a minute")
        self.per_minute = per_minute


class LoadError(Exception):
    """The loader failed; says what the loader's own error says, which is its cause."""


class Fresh(Generic[K, V]):
    """Values by key, loaded when they are asked for.

    Each key is loaded once at a time, for all who ask for it meanwhile; whoever stops waiting leaves the load to the
    others. Keys without a value and keys with one have a budget and a memory each: made-up keys, however many, neither
    push a value out nor keep it from being loaded anew. A value older than ``stale_for`` counts as none.

    Belongs to one event loop.

    :param load: the value of a key; None: the key has none. It must come to an end by itself, since those who ask for
        a key without a value wait until it does.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        load: Callable[[K], Awaitable[V | None]],
        freshness: Freshness,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loader = load
        self._freshness = freshness
        self._values: Memory[K, V] = Memory(freshness.most, clock)
        self._without_value: Memory[K, bool] = Memory(freshness.most, clock)
        self._refreshed: Memory[K, bool] = Memory(freshness.most, clock)
        self._for_new = Budget(freshness.loads_per_minute, clock)
        self._for_known = Budget(freshness.loads_per_minute, clock)
        self._under_way: dict[K, asyncio.Task[V | None]] = {}

    async def get(self, key: K) -> V | None:
        """The value of a key, loaded if need be; None when it has none.

        A stale value is answered when the load fails, takes longer than ``patience`` or is over budget.

        :raises OverBudgetError: there is no value, and it may not be loaded now.
        :raises LoadError: there is no value, and it could not be loaded.
        """
        known = self.known(key)
        if known is not None:
            return known
        if self._is_without_value(key):
            return None
        stale = self._usable(key)
        if stale is None:
            return await self._load(key)
        try:
            return await self._load(key, self._freshness.patience)
        except (OverBudgetError, LoadError, TimeoutError):
            return stale

    async def refresh(self, key: K) -> V | None:
        """The value of a key, loaded however young it is: for when it has proved wrong.

        What is known is answered without a load when the key was refreshed, or found without a value, in the last
        ``unknown_for`` seconds.

        :raises OverBudgetError: it may not be loaded now.
        :raises LoadError: it could not be loaded.
        """
        if self._refreshed.get(key, self._freshness.unknown_for) or self._is_without_value(key):
            return self._usable(key)
        value = await self._load(key)
        if value is not None:
            self._refreshed.put(key, True)
        return value

    def known(self, key: K) -> V | None:
        """The value of a key if it is younger than ``known_for``; never loads."""
        return self._values.get(key, self._freshness.known_for)

    def items(self) -> Iterator[tuple[K, V]]:
        """Every (key, value) that is remembered, however old; never loads."""
        return self._values.items()

    def _usable(self, key: K) -> V | None:
        return self._values.get(key, self._freshness.stale_for)

    def _is_without_value(self, key: K) -> bool:
        return self._without_value.get(key, self._freshness.unknown_for) is not None

    async def _load(self, key: K, patience: float | None = None) -> V | None:
        """Wait for the load under way, or for a new one.

        :raises TimeoutError: it is still under way after ``patience`` seconds.
        """
        load = self._under_way.get(key) or self._start(key)
        # Unlike await, this tells a cancelled load from a cancelled caller, and leaves the load alone.
        await asyncio.wait({load}, timeout=patience)
        if not load.done():
            raise TimeoutError
        if load.cancelled():
            raise LoadError("it was cancelled")
        error = load.exception()
        if error is not None:
            raise LoadError(str(error)) from error
        return load.result()

    def _start(self, key: K) -> asyncio.Task[V | None]:
        budget = self._for_new if self._usable(key) is None else self._for_known
        if not budget.spend():
            raise OverBudgetError(self._freshness.loads_per_minute)
        load = asyncio.create_task(self._learn(key))
        self._under_way[key] = load
        load.add_done_callback(lambda done: self._end(key, done))
        return load

    async def _learn(self, key: K) -> V | None:
        value = await self._loader(key)
        if value is None:
            self._values.forget(key)
            self._without_value.put(key, True)
        else:
            self._values.put(key, value)
        return value

    def _end(self, key: K, load: asyncio.Task[V | None]) -> None:
        del self._under_way[key]
        if not load.cancelled():
            load.exception()  # asyncio complains about an error that nobody has asked for
