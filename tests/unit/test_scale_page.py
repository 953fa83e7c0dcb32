"""``docs/scale.md`` says what the code's constants and the simulation say today."""

from __future__ import annotations

from itertools import islice

import pytest

from airflow_provider_partnero.plugin.receiver.recording.batch_queue import LIMITS as BATCH
from tests.benchmarks.simulation import receiving
from tests.benchmarks.simulation.partnero import Weather
from tests.benchmarks.simulation.tables import TABLES
from tests.benchmarks.simulation.target import AIRFLOW, COSTS, Target
from tests.benchmarks.simulation.waiting import WaitingScenario, simulate
from tests.unit.reference_tables import Table

GOOD = Weather(-1_000.0, 0.1)
SMALL = Target(programmes=100, sensors=1_000)
WHOLE = {"paper": None, "compared": None, "waiting": 2, "receiving": 1}  # rows that are cheap enough for a test


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_table_is_that_of_today(table: Table) -> None:
    made = [f"| {' | '.join(cells)} |" for cells in islice(table.rows(), WHOLE[table.name])]
    written = table.written().splitlines()[2:]
    assert made == written[: len(made)], "python -m tests.benchmarks.simulation --write writes it"
    assert len(written) >= len(made) >= 1


def test_sensors_of_one_triggerer_share_a_request_for_each_programme_and_interval() -> None:
    figures = simulate(SMALL, WaitingScenario(1, 1, (GOOD,), 300.0, is_grouped=True))
    assert figures.streams == 100
    assert 98 <= figures.mean <= 100
    assert figures.ages.most() <= 61


def test_sensors_of_a_dead_triggerer_wait_on_in_the_others() -> None:
    target = Target(programmes=100, sensors=4_000)
    figures = simulate(target, WaitingScenario(5, 5, (GOOD,), 300.0, dies_at=60.0))
    assert AIRFLOW.dead_after < figures.ages.most() <= AIRFLOW.dead_after + 62
    assert figures.sensors == 4_000


def test_silence_holds_no_more_threads_than_there_are_and_ends_with_the_outage() -> None:
    weathers = (GOOD, Weather(0.0, None), Weather(300.0, 0.1))
    target = Target(programmes=500, sensors=1_000)
    figures = simulate(target, WaitingScenario(1, 1, weathers, 600.0))
    assert figures.threads == 72
    assert figures.queued > 0
    assert 300 <= figures.ages.most() < 600


def test_a_burst_is_refused_and_sent_again_and_nothing_acknowledged_is_lost() -> None:
    fits = BATCH.most_in_batch / COSTS.turn.turn(BATCH.most_in_batch, BATCH.most_in_batch)
    figures = receiving.simulate(Target(receivers=2), COSTS, ((10.0, 20 * fits),))
    assert figures.answers["429 flooded"] > 0
    assert figures.queued == BATCH.most_waiting
    assert figures.recorded + figures.given_up == pytest.approx(200 * fits, rel=0.01)
    assert figures.lost == 0


def test_the_same_seed_is_the_same_simulation() -> None:
    once, again = (receiving.simulate(SMALL, COSTS, ((5.0, 500.0),)) for _ in range(2))
    assert once == again
