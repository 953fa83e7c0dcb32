"""A bounded memory: when it is full, the value that nobody has used for longest is dropped."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key, each with the time at which it was learnt.

    :param most: how many are kept.
    :param clock: seconds; never goes back.
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

    def get(self, key: K, max_age: float) -> V | None:
        """The value, if it was learnt in the last ``max_age`` seconds; else None."""
        value, learnt_at = self._values.get(key, (None, 0.0))
        if value is None or self._clock() - learnt_at > max_age:
            return None
        self._values.move_to_end(key)
        return value

    def forget(self, key: K) -> None:
        """Drop the value, if there is one."""
        self._values.pop(key, None)

    def items(self) -> Iterator[tuple[K, V]]:
        """All that is remembered, however old."""
        return ((key, value) for key, (value, _) in list(self._values.items()))
