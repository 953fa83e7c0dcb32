"""What was measured on a machine of two cores beside other work, and what the simulation says of the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .partnero import Weather
from .target import Target
from .waiting import WaitingScenario, simulate

ANSWER = 0.008  # seconds, of the sandbox for a page of the list by itself
SIXTY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """By ``poll_costs``: a thousand sensors of twenty programmes.

    :param requests: in an interval.
    :param ages: seconds: p50, p99, most.
    """

    requests: float = 197
    ages: tuple[float, float, float] = (5.1, 10.0, 10.6)


MEASURED = Measured()


def compared() -> Iterator[tuple[str, float, float]]:
    """What, simulated, measured."""
    target = Target(programmes=20, sensors=1_000, webhooks=1_000, poke_interval=10.0, latency=ANSWER)
    weather = Weather(-1_000.0, ANSWER)
    polled = simulate(target, WaitingScenario(1, 1, (weather,), SIXTY_SECONDS, is_grouped=True, starts_within=10.0))
    yield "requests an interval, 1,000 sensors of 20 programmes of 1,000 webhooks", polled.mean / 6, MEASURED.requests
    simulated = polled.ages.percentile(50), polled.ages.percentile(99), polled.ages.most()
    for what, ours, theirs in zip(("p50", "p99", "most"), simulated, MEASURED.ages, strict=True):
        yield f"age of their answers in seconds, {what}", ours, theirs
