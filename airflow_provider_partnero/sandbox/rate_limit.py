"""The server's own limit on requests, with fixed windows as Laravel's throttle has them. Partnero publishes none."""

from __future__ import annotations

import math


class RateLimit:
    """At most so many requests in a window; the first request after a window's end starts the next window.

    :param requests: requests that a window admits.
    :param seconds: length of a window.
    """

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests = requests
        self.seconds = seconds
        self.refusals = 0
        self._admitted = 0
        self._ends_at = -math.inf

    def refuse(self, now: float) -> float | None:
        """Count a request: None if it is admitted, otherwise the seconds until the window ends. Refused ones are free.

        Whole seconds are rounded up, as in Laravel, which has no windows of fractions; those are rounded up to 1 ms.

        :param now: seconds of a clock that never goes back.
        """
        if now >= self._ends_at:
            self._admitted = 0
            self._ends_at = now + self.seconds
        if self._admitted < self.requests:
            self._admitted += 1
            return None
        self.refusals += 1
        wait = self._ends_at - now
        return math.ceil(wait) if self.seconds == int(self.seconds) else math.ceil(wait * 1000) / 1000
