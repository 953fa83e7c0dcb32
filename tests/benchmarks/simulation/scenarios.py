"""What is simulated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import receiving
from .partnero import Weather
from .target import AIRFLOW, COSTS, TARGET, Target
from .waiting import WaitingFigures, WaitingScenario, simulate

TEN_MINUTES = 600.0
GOOD = Weather(-1_000.0, 0.1, 0.5)
TRIGGERERS = 100
SIMULATED = 3  # triggerers that stand for all
SPARE = 125  # triggerers, so that others have room when one dies
SENDING = 60.0  # seconds before a burst
BURST, BURST_SECONDS = 10, 300.0
SLOW = (GOOD, Weather(0.0, 1.0, 10.0), Weather(TEN_MINUTES, 0.1, 0.5))
OUT = (GOOD, Weather(0.0, None), Weather(TEN_MINUTES, 0.1, 0.5))


def waiting_scenarios(simulated: int) -> Mapping[str, WaitingScenario]:
    """By what happens.

    :param simulated: triggerers of each.
    """
    return {
        "good weather": WaitingScenario(TRIGGERERS, simulated, (GOOD,), 300.0),
        "the same, each programme's sensors in one triggerer": WaitingScenario(
            TRIGGERERS, simulated, (GOOD,), 300.0, is_grouped=True
        ),
        "Partnero slow for ten minutes (1 s, 10 s for one answer in a hundred)": WaitingScenario(
            TRIGGERERS, simulated, SLOW, 900.0
        ),
        "Partnero silent for ten minutes": WaitingScenario(TRIGGERERS, simulated, OUT, 1_200.0),
        "every fifth triggerer killed, the others four fifths full": WaitingScenario(
            SPARE, 5, (GOOD,), 300.0, dies_at=60.0
        ),
        "10,000 of the sensors wait in one programme of 10,000 webhooks": WaitingScenario(
            TRIGGERERS, simulated, (GOOD,), 300.0, in_large=10_000
        ),
    }


def waiting_rows() -> Iterator[tuple[str, ...]]:
    """A row for each, as the page has it."""
    for what, scenario in waiting_scenarios(SIMULATED).items():
        yield what, *_waiting_cells(simulate(TARGET, scenario))


def _waiting_cells(figures: WaitingFigures) -> Iterator[str]:
    yield f"{figures.mean:,.0f}"
    yield f"{figures.peak:,.0f}"
    yield f"{figures.peak_after:,.0f}"
    yield ", ".join(
        f"{age:.0f}" for age in (figures.ages.percentile(50), figures.ages.percentile(99), figures.ages.most())
    )
    yield f"{figures.threads}"
    yield f"{figures.queued}"
    yield f"{figures.busy:.0%}"
    yield f"{AIRFLOW.capacity * COSTS.trigger_bytes / 1e6:.0f} MB"


def receiving_scenarios(target: Target) -> Mapping[str, tuple[tuple[float, float], ...]]:
    """(Seconds, deliveries a second) one after the other, by what happens."""
    rate = target.deliveries_a_second
    return {
        "good weather, five minutes": ((300.0, rate),),
        f"{BURST} times as many for five minutes": (
            (SENDING, rate),
            (BURST_SECONDS, BURST * rate),
            (SENDING, rate),
        ),
    }


def receiving_rows() -> Iterator[tuple[str, ...]]:
    """A row for each, as the page has it."""
    for what, rates in receiving_scenarios(TARGET).items():
        yield what, *_receiving_cells(receiving.simulate(TARGET, COSTS, rates))


def _receiving_cells(figures: receiving.ReceivingFigures) -> Iterator[str]:
    yield f"{figures.recorded + figures.given_up:,}"
    yield f"{figures.recorded:,}"
    yield f"{figures.given_up:,}"
    yield f"{figures.lost:,}"
    yield f"{figures.queued}"
    yield f"{figures.latency.percentile(50):.2f}, {figures.latency.percentile(99):.2f}"
    yield "; ".join(f"{words} {number:,}" for words, number in sorted(figures.answers.items()))
    yield f"{figures.recorded * COSTS.entry_bytes / 1e6:,.0f} MB"
