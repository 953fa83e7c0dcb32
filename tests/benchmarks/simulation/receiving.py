"""Deliveries that come: receivers before one database, whose turn one of them has at a time.

Queues, batches, deadlines and refusals have the receiver's own figures. Partnero sends again as PHP's usual sender does
(``spatie/laravel-webhook-server``, which Partnero seems to use): no source says so.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial

from airflow_provider_partnero.plugin.receiver.receiver import LIMITS as RECEIVER
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import LIMITS as BATCH

from .agenda import Agenda
from .distribution import Distribution
from .target import Target, UnitCosts

SENT_AGAIN_AFTER = (10.0, 100.0)  # seconds, assumed
STATEMENT_SECONDS = 1.5  # that the database lets a receiver wait for its turn
_STEP = 0.01  # seconds


@dataclass(slots=True)
class Delivery:
    """One delivery on its way.

    :param came: when the receiver got it, this time.
    :param tries: of Partnero so far.
    """

    programme: int
    came: float = 0.0
    tries: int = 0
    is_recorded: bool = False


@dataclass(slots=True)
class ReceivingFigures:
    """What comes of it.

    :param answers: how often what was answered.
    :param latency: seconds until the answer, where there was one of 2xx.
    :param queued: deliveries in the queue of one receiver, the most.
    :param recorded: deliveries, each once.
    :param given_up: deliveries that Partnero does not send any more, and that are not recorded.
    :param lost: deliveries that were answered 2xx, and are not recorded.
    :param by_second: deliveries that were recorded.
    """

    answers: Counter[str] = field(default_factory=Counter)
    latency: Distribution = field(default_factory=lambda: Distribution(0.01))
    queued: int = 0
    recorded: int = 0
    given_up: int = 0
    lost: int = 0
    by_second: Counter[int] = field(default_factory=Counter)

    def recorded_in(self, seconds: float) -> int:
        """How many were recorded in the first seconds."""
        return sum(number for second, number in self.by_second.items() if second < seconds)


class Turn:
    """The one row that a transaction locks; those who wait get it in their order."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._free_at = 0.0

    def take(self, seconds: float) -> float | None:
        """Seconds until the end of a transaction that needs so many; None: it would have to wait for too long."""
        waits = max(self._free_at - self._agenda.now, 0.0)
        if waits > STATEMENT_SECONDS:
            return None
        self._free_at = self._agenda.now + waits + seconds
        return waits + seconds


class SimulatedReceiver:
    """One process: a queue, and one batch at a time."""

    def __init__(self, agenda: Agenda, turn: Turn, costs: UnitCosts, figures: ReceivingFigures) -> None:
        self._agenda = agenda
        self._turn = turn
        self._costs = costs
        self._figures = figures
        self._queue: deque[Delivery] = deque()
        self._proven = 0
        self.is_writing = False
        self._are_many = False
        self.refused: list[Delivery] = []  # for Partnero to send again

    def take(self, delivery: Delivery) -> None:
        """Somebody delivers."""
        delivery.came = self._agenda.now
        delivery.tries += 1
        if self._proven >= RECEIVER.most_proven or len(self._queue) >= BATCH.most_waiting:
            self._answer(delivery, "429 flooded")
            return
        self._proven += 1
        self._queue.append(delivery)
        self._figures.queued = max(self._figures.queued, len(self._queue))
        if not self.is_writing:
            self.is_writing = True
            self._agenda.after(BATCH.gathers_for if self._are_many else 0.0, self._write)

    def _write(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH.most_in_batch))]
        self._are_many = len(batch) > 1
        late = [one for one in batch if self._is_late(one)]
        for one in late:
            self._leave(one, "503 unavailable")
        batch = [one for one in batch if one not in late] if late else batch
        new = [one for one in batch if not one.is_recorded]
        prepared = len(batch) * self._costs.prepared
        seconds = self._turn.take(self._costs.turn.turn(len(new), len({one.programme for one in new})))
        if seconds is None:
            self._agenda.after(prepared + STATEMENT_SECONDS, partial(self._fail, batch))
        else:
            self._agenda.after(prepared + seconds, partial(self._commit, batch))

    def _commit(self, batch: list[Delivery]) -> None:
        for one in batch:
            words = "200 duplicate" if one.is_recorded else "202 accepted"
            if not one.is_recorded:
                one.is_recorded = True
                self._figures.recorded += 1
                self._figures.by_second[int(self._agenda.now)] += 1
            self._leave(one, "503 unavailable" if self._is_late(one) else words)
        self._go_on()

    def _fail(self, batch: list[Delivery]) -> None:
        for one in batch:
            self._leave(one, "503 unavailable")
        self._go_on()

    def _go_on(self) -> None:
        self.is_writing = bool(self._queue)
        if self.is_writing:
            self._write()

    def _is_late(self, delivery: Delivery) -> bool:
        return self._agenda.now - delivery.came >= RECEIVER.deadline

    def _leave(self, delivery: Delivery, words: str) -> None:
        self._proven -= 1
        self._answer(delivery, words)

    def _answer(self, delivery: Delivery, words: str) -> None:
        self._figures.answers[words] += 1
        if words.startswith("2"):
            self._figures.latency.add(self._agenda.now - delivery.came)
            self._figures.lost += not delivery.is_recorded
        else:
            self.refused.append(delivery)


def simulate(
    target: Target, costs: UnitCosts, rates: tuple[tuple[float, float], ...], seed: int = 1
) -> ReceivingFigures:
    """Deliveries to receivers, until Partnero has none left to send.

    :param rates: (seconds, deliveries a second), one after the other.
    """
    rng = random.Random(seed)
    agenda, figures = Agenda(), ReceivingFigures()
    turn = Turn(agenda)
    group = [SimulatedReceiver(agenda, turn, costs, figures) for _ in range(target.receivers)]
    again: tuple[deque[tuple[float, Delivery]], ...] = tuple(deque() for _ in SENT_AGAIN_AFTER)
    ends = sum(seconds for seconds, _ in rates)
    step = 0
    while agenda.now < ends or any(again) or any(one.is_writing for one in group):
        step += 1
        agenda.run(step * _STEP)
        due = [Delivery(rng.randrange(target.programmes)) for _ in range(_arrivals(rates, agenda.now, rng))]
        for waiting in again:
            while waiting and waiting[0][0] <= agenda.now:
                due.append(waiting.popleft()[1])
        for delivery in due:
            rng.choice(group).take(delivery)
        for one in group:
            for delivery in one.refused:
                if delivery.tries <= len(SENT_AGAIN_AFTER):
                    pause = SENT_AGAIN_AFTER[delivery.tries - 1]
                    again[delivery.tries - 1].append((agenda.now + pause, delivery))
                else:
                    figures.given_up += not delivery.is_recorded
            one.refused.clear()
    return figures


def _arrivals(rates: tuple[tuple[float, float], ...], now: float, rng: random.Random) -> int:
    for seconds, rate in rates:
        if now <= seconds:
            return int(rate * _STEP + rng.random())
        now -= seconds
    return 0
