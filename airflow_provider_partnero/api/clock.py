"""Time and chance, as the client uses them: tests hand in a clock of their own. And the deadline of a call."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


def _wait(seconds: float, stopped: threading.Event) -> None:
    stopped.wait(seconds)


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time, waits, and draws random numbers.

    :param now: seconds on a clock that never goes back.
    :param wait: waits this many seconds, or until the event is set.
    :param uniform: a random number between two others.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float, threading.Event], None] = _wait
    uniform: Callable[[float, float], float] = random.uniform


@dataclass(slots=True)
class Deadline:
    """The moment by which a call ends, whatever the server does.

    :param seconds: how long the call may take.
    :param clock: tells the time.
    :param at: the moment, as ``clock.now`` tells the time; None until the call starts.
    """

    seconds: float
    clock: Clock
    at: float | None = None

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """The deadline this many seconds from now."""
        deadline = cls(seconds, clock)
        deadline.start()
        return deadline

    def start(self) -> None:
        """The call starts, unless it has already."""
        if self.at is None:
            self.at = self.clock.now() + self.seconds

    def halfway(self) -> Deadline:
        """The moment when half of what is left has passed: for what the call can do without."""
        return self.after(self.left() / 2, self.clock)

    def left(self) -> float:
        """Seconds until then; 0 once it has passed."""
        return self.seconds if self.at is None else max(0.0, self.at - self.clock.now())
