"""Faults by chance: the same seed gives the same faults to the same sequence of requests."""

from __future__ import annotations

import random

from airflow_provider_partnero.sandbox.faults import Fault

KINDS: tuple[Fault, ...] = (
    Fault(drop="before"),
    Fault(drop="after"),
    Fault(status=408),
    Fault(status=429, retry_after=0),
    Fault(status=500),
    Fault(status=500, applied=True),
    Fault(status=502, body="html", applied=True),
    Fault(status=503),
    Fault(body="truncated"),
    Fault(body="cut"),
    Fault(body="html", applied=True),
    Fault(status=504, late_requests=1),
    Fault(status=504, late_requests=4),
    Fault(drop="before", late_requests=2),
)
"""The faults that may happen. A client that retries, and looks before it creates again, gets through all of them."""


class Chaos:
    """Decides for each request whether it meets one of :data:`KINDS`.

    :param seed: seed of the random numbers.
    :param rate: share of requests that meet a fault, 0 to 1.
    :raises ValueError: the rate is out of range.
    """

    def __init__(self, seed: int, rate: float) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"rate is {rate!r}; allowed: 0 to 1")
        self._random = random.Random(seed)  # noqa: S311 - faults must be repeatable, not secret  # nosec B311
        self._rate = rate

    def draw(self) -> Fault | None:
        """The fault that the next request meets, or None."""
        chance, kind = self._random.random(), self._random.choice(KINDS)
        return kind if chance < self._rate else None
