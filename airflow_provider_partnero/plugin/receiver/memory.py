"""A bounded memory: the value used longest ago makes room for a new one."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values with the time at which they were learnt.

    :param most: how many are kept.
    :param clock: seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def put(self, key: K, value: V) -> None:
        """Remember a value, learnt now."""
        self._values[key] = (value, self._clock())
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)

    def get(self, key: K, max_age: float) -> tuple[V] | None:
        """The value in a tuple, if it was learnt in the last ``max_age`` seconds."""
        known = self._values.get(key)
        if known is None or self._clock() - known[1] > max_age:
            return None
        self._values.move_to_end(key)
        return (known[0],)

    def forget(self, key: K) -> None:
        """Know nothing about a key any more."""
        self._values.pop(key, None)

    def items(self) -> Iterator[tuple[K, V]]:
        """All that is remembered, however old."""
        return ((key, value) for key, (value, _) in list(self._values.items()))
