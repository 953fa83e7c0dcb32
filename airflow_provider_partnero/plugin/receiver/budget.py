"""A budget for what strangers can make us do: requests to Partnero, lines in the log."""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """A token bucket: so many a minute, all of them at once after a quiet minute.

    :param per_minute: how many :meth:`spend` allows within a minute.
    :param clock: seconds; never goes back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left = float(per_minute)
        self._at = clock()

    def spend(self) -> bool:
        """Take one.

        :returns: whether there was one to take.
        """
        now = self._clock()
        self._left = min(self._per_minute, self._left + (now - self._at) * self._per_minute / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
