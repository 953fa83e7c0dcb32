"""What was measured on a machine of two cores that did nothing else, and what the simulation says of the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_provider_partnero.plugin.receiver.recording.batch_queue import LIMITS as BATCH

from .partnero import Weather
from .target import COSTS, Target
from .waiting import WaitingScenario, simulate

ANSWER = 0.002  # seconds, of the sandbox for a page of the list by itself
SIXTY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Measured:
    """By ``poll_costs``, a thousand sensors of twenty programmes; by ``turn_costs``, two writers at once.

    :param requests: in an interval.
    :param ages: seconds: p50, p99, most.
    :param written: deliveries a second, each of another programme.
    :param written_of_one: deliveries a second, all of one programme.
    """

    requests: float = 200
    ages: tuple[float, float, float] = (5.0, 10.0, 10.3)
    written: float = 934
    written_of_one: float = 1_062


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
    batch, turn = BATCH.most_in_batch, COSTS.turn
    written, written_of_one = (batch / turn.turn(batch, subjects) for subjects in (batch, 1))
    yield "deliveries a second of two writers, each of another programme", written, MEASURED.written
    yield "deliveries a second of two writers, all of one programme", written_of_one, MEASURED.written_of_one
