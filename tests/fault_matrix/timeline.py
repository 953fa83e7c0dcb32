"""Time that passes only where the client waits, or where a server makes it wait for the end of a time-out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from airflow_provider_partnero.api.clock import Clock

_HARDLY = 2.0  # seconds


@dataclass
class Timeline:
    """A clock of the client's.

    :param ends: when deadlines of the call are. What is left before one counts as used up if it is hardly enough for a
        real exchange, so that nothing depends on how fast the machine is.
    :param for_each_attempt: seconds that an attempt takes of which no server knows, such as one that never connects.
    :param at_wait: called whenever the client waits.
    """

    ends: tuple[float, ...] = ()
    for_each_attempt: float = 0.0
    at_wait: Callable[[], None] = lambda: None
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.seconds += seconds
            self.seconds = next((end for end in self.ends if 0 < end - self.seconds < _HARDLY), self.seconds)

    def wait(self, seconds: float, _stopped: threading.Event) -> None:
        """The client waits between two attempts."""
        self.advance(seconds + self.for_each_attempt)
        self.at_wait()

    def clock(self) -> Clock:
        """A clock whose jitter is always at its upper end, so that no wait is longer."""
        return Clock(lambda: self.seconds, self.wait, lambda _low, high: high)
