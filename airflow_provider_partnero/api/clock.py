"""Time as the client sees it: tests and simulations hand in a clock of their own."""

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
    """What passes, what is waited for, and what chance decides.

    :param now: seconds that only grow.
    :param wait: waits for so many seconds, or until the event is set.
    :param uniform: a number between two others, by chance.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float, threading.Event], None] = _wait
    uniform: Callable[[float, float], float] = random.uniform
