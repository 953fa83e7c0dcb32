"""Simulated time: what is to happen, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Agenda:
    """A heap of things to do. Equal times keep their order, so a run with the same seed is the same run."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), do))

    def run(self, until: float) -> None:
        """Do all that is due up to a time."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, do = heapq.heappop(due)
            do()
        self.now = until
