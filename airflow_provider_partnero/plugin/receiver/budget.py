"""A budget of requests, so that whoever sends us rubbish cannot make us send much to others."""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """So many a minute, all at once if need be (a token bucket).

    :param per_minute: how many :meth:`spend` allows within a minute, and at once after a quiet one.
    :param clock: seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left = float(per_minute)
        self._at = clock()

    def spend(self) -> bool:
        """Take one, and whether there was one."""
        now = self._clock()
        self._left = min(self._per_minute, self._left + (now - self._at) * self._per_minute / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
