"""Time and chance, as the client uses them: tests hand in a clock of their own."""

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
