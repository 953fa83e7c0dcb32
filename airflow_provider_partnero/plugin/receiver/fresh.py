"""A value that is loaded as seldom as can be, and goes on being used while its source is slow or fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a value is good for, and how often it may be loaded; all in seconds.

    :param known_for: after that, it is loaded anew as soon as somebody asks.
    :param stale_for: how long it is used when it cannot be loaded anew; at least ``known_for``.
    :param refresh_every: the shortest time between two loads that somebody asks for because the value proved wrong.
    :param retry_every: the shortest time between a load that failed and the next one.
    :param patience: how long somebody who can have an old value waits for a new one.
    """

    known_for: float
    stale_for: float
    refresh_every: float
    retry_every: float
    patience: float = 0.5


class LoadError(Exception):
    """The load failed; says what the loader's own error says, which is its cause."""


class GoneError(Exception):
    """What a loader raises when there is no value for certain: an old one is not used any more."""


class Fresh(Generic[V]):
    """One value, with the time at which its load was started.

    It is loaded once at a time, for all who ask meanwhile; whoever stops waiting leaves the load to the others. After a
    failure the old value goes on being used until it is ``stale_for`` seconds old.

    Belongs to one event loop.

    :param load: must come to an end by itself, since those who have no value wait until it does.
    :param clock: seconds; never goes back.
    :param keeps_old: is told why a load failed when there is an old value, so that nobody else may notice.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[V]],
        freshness: Freshness,
        clock: Callable[[], float] = time.monotonic,
        keeps_old: Callable[[Exception], None] | None = None,
    ) -> None:
        self._loader = load
        self._freshness = freshness
        self._clock = clock
        self._keeps_old = keeps_old
        self._value: tuple[V, float] | None = None
        self._failure: tuple[str, float] | None = None  # of the last load, if it failed: its words, and when it started
        self._refreshed_at: float | None = None
        self._under_way: asyncio.Task[V] | None = None

    async def get(self) -> V:
        """The value, loaded if need be.

        :raises LoadError: there is none that is young enough, and it could not be loaded.
        """
        known = self.known(self._freshness.known_for)
        if known is not None:
            return known
        stale = self.known()
        if stale is None:
            return await self._loaded(None)
        if self._failure is not None:
            self._start_if_allowed()
            return stale
        try:
            return await self._loaded(self._freshness.patience)
        except (LoadError, TimeoutError):
            return self._or_raise(self.known())

    async def refreshed(self) -> V | None:
        """The value, loaded however young it is: for when it has proved wrong. It joins a load that is under way.

        :returns: None if it may not be loaded now.
        :raises LoadError: it could not be loaded.
        """
        if self._under_way is None:
            now = self._clock()
            if self._refreshed_at is not None and now - self._refreshed_at < self._freshness.refresh_every:
                return None
            if not self._start_if_allowed():
                return None
            self._refreshed_at = now
        return await self._loaded(None)

    def known(self, max_age: float | None = None) -> V | None:
        """The value if it is at most so many seconds old; never loads.

        :param max_age: None: as old as may be used at all.
        """
        if self._value is None:
            return None
        value, loaded_at = self._value
        oldest = self._freshness.stale_for if max_age is None else max_age
        return value if self._clock() - loaded_at <= oldest else None

    async def _loaded(self, patience: float | None) -> V:
        """What the load under way brings, or a new one.

        :raises LoadError: it failed, or has failed just now.
        :raises TimeoutError: it is still under way after ``patience`` seconds.
        """
        self._start_if_allowed()
        load = self._under_way
        if load is None:
            raise self._last_failure()
        # Unlike await, this tells a cancelled load from a cancelled caller, and leaves the load alone.
        await asyncio.wait({load}, timeout=patience)
        if not load.done():
            raise TimeoutError
        if load.cancelled():
            raise LoadError("it was broken off")
        error = load.exception()
        if error is not None:
            raise LoadError(str(error)) from error
        return load.result()

    def _start_if_allowed(self) -> bool:
        """Start a load, unless one is under way or the last one failed just now; whether one is under way then."""
        if self._under_way is not None:
            return True
        if self._failure is not None and self._clock() - self._failure[1] < self._freshness.retry_every:
            return False
        self._under_way = asyncio.create_task(self._load())
        self._under_way.add_done_callback(self._end)
        return True

    async def _load(self) -> V:
        started_at = self._clock()
        try:
            value = await self._loader()
        except GoneError as error:
            self._value, self._failure = None, (str(error), started_at)
            raise
        except Exception as error:
            self._failure = str(error), started_at
            if self._keeps_old is not None and self.known() is not None:
                self._keeps_old(error)
            raise
        self._value, self._failure = (value, started_at), None
        return value

    def _end(self, load: asyncio.Task[V]) -> None:
        self._under_way = None
        if not load.cancelled():
            load.exception()  # asyncio complains about an error that nobody has asked for

    def _last_failure(self) -> LoadError:
        return LoadError(self._failure[0] if self._failure else "it was broken off")

    def _or_raise(self, value: V | None) -> V:
        if value is None:
            raise self._last_failure()
        return value
