"""Sensors that wait: triggerers in all weathers. Some triggerers are simulated, and stand for all."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from .agenda import Agenda
from .distribution import Distribution
from .partnero import SimulatedPartnero, Weather
from .target import AIRFLOW, COSTS, Target
from .triggerers import Triggerer

_NOTES_EVERY = 5.0  # seconds
_SETTLES_FOR = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class WaitingScenario:
    """What happens while sensors wait.

    :param triggerers: of Airflow.
    :param simulated: how many of them are simulated.
    :param weathers: of Partnero; times count from the end of the settling.
    :param lasts: seconds that are looked at.
    :param dies_at: when one triggerer is killed; None: never.
    :param in_large: sensors whose programme is one of 10,000 webhooks.
    :param is_grouped: whether all sensors of a programme wait in one triggerer.
    :param starts_within: seconds in which the sensors begin, one after the other.
    """

    triggerers: int
    simulated: int
    weathers: tuple[Weather, ...]
    lasts: float
    dies_at: float | None = None
    in_large: int = 0
    is_grouped: bool = False
    starts_within: float = 60.0


@dataclass(frozen=True, slots=True)
class WaitingFigures:
    """What comes of it. Requests are those of all triggerers, everything else is of one.

    :param mean: requests a minute.
    :param peak: requests in the busiest second.
    :param peak_after: the same of the last two minutes.
    :param ages: seconds since the answer that a sensor has heard last.
    :param threads: that polls hold at once, the most.
    :param queued: polls that wait for a thread, the most.
    :param busy: share of the processor.
    :param sensors: that wait at the end in the triggerers that are simulated.
    :param streams: polls that one triggerer has.
    """

    mean: float
    peak: float
    peak_after: float
    ages: Distribution
    threads: int
    queued: int
    busy: float
    sensors: int
    streams: float


LARGE = 10_000  # webhooks


def simulate(target: Target, scenario: WaitingScenario, seed: int = 1) -> WaitingFigures:
    """Run a scenario."""
    rng = random.Random(seed)
    agenda = Agenda()
    weathers = tuple(replace(weather, since=weather.since + _SETTLES_FOR) for weather in scenario.weathers)
    partnero = SimulatedPartnero(weathers, rng)
    group = [Triggerer(agenda, partnero, target.poke_interval, COSTS.request) for _ in range(scenario.simulated)]
    sensors = _sensors(target, scenario, rng)
    for number, (programme, webhooks, key) in enumerate(sensors):
        triggerer = group[number % len(group)]
        starts = number / len(sensors) * scenario.starts_within
        agenda.after(starts, partial(triggerer.add, programme, webhooks, key))
    agenda.run(_SETTLES_FOR)
    orphans: list[Orphans] = []
    if scenario.dies_at is not None:
        agenda.after(scenario.dies_at, lambda: orphans.append(Orphans(agenda, group, target.webhooks)))
    partnero.requests.clear()
    requests = sum(one.requests for one in group)
    ages, queued = Distribution(), 0
    for one in group:
        one.threads.most = 0
    for step in range(1, int(scenario.lasts / _NOTES_EVERY) + 1):
        agenda.run(_SETTLES_FOR + step * _NOTES_EVERY)
        for left in orphans:
            left.note_ages(ages)
        for one in group:
            one.note_ages(ages)
            queued = max(queued, one.threads.waiting)
    scale = scenario.triggerers / scenario.simulated
    return WaitingFigures(
        mean=scale * partnero.requests.total() / scenario.lasts * 60,
        peak=scale * max(partnero.requests.values()),
        peak_after=scale * max(partnero.requests[second] for second in range(int(agenda.now) - 120, int(agenda.now))),
        ages=ages,
        threads=max(one.threads.most for one in group),
        queued=queued,
        busy=(sum(one.requests for one in group) - requests) * COSTS.request / scenario.lasts / len(group),
        sensors=sum(one.sensors for one in group),
        streams=sum(len(one.streams) for one in group) / len(group),
    )


def _sensors(target: Target, scenario: WaitingScenario, rng: random.Random) -> list[tuple[int, int, str]]:
    """(programme, webhooks, key) of the sensors of the simulated triggerers, so that each triggerer gets its share.

    A sensor's triggerer is any, so those of the simulated ones are of any programmes. Grouped, a programme's are one
    after the other in steps of the group.
    """
    share = ceil(target.sensors / scenario.triggerers) * scenario.simulated
    each = target.sensors // target.programmes
    large = round(scenario.in_large * scenario.simulated / scenario.triggerers)
    sensors = [(-1, LARGE, f"k{number}") for number in range(large)]
    for number in range(share - large):
        if scenario.is_grouped:
            group, place = divmod(number, scenario.simulated)
            programme, key = group // each * scenario.simulated + place, group % each
        else:
            programme, key = rng.randrange(target.programmes), rng.randrange(each)
        sensors.append((programme, target.webhooks, f"k{key}"))
    return sensors


class Orphans:
    """What the last triggerer of a group leaves when it is killed, until the others have taken all of it."""

    def __init__(self, agenda: Agenda, group: list[Triggerer], webhooks: int) -> None:
        self._agenda = agenda
        self._group = group
        self._webhooks = webhooks
        self._left = [
            (programme, key, stream.answered)
            for programme, stream in group.pop().die()
            for key in stream.awaited.keys.elements()
        ]
        agenda.after(AIRFLOW.dead_after, self._adopt)

    def _adopt(self) -> None:
        """Each of the others takes as many at once as it may."""
        for one in self._group:
            free = max(min(AIRFLOW.capacity - one.sensors, AIRFLOW.takes_at_once), 0)
            for programme, key, answered in self._left[:free]:
                one.add(programme, self._webhooks, key, answered)
            del self._left[:free]
        if self._left:
            self._agenda.after(1.0, self._adopt)

    def note_ages(self, ages: Distribution) -> None:
        """Add how old the answers are that those have heard last who wait in no triggerer."""
        for _, _, answered in self._left:
            ages.add(self._agenda.now - answered)
