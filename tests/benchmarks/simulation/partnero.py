"""Partnero as the simulation knows it: how long an answer takes, and how many requests came in each second."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from airflow_provider_partnero.api import Webhook
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroConnectionError, Request
from airflow_provider_partnero.api.retries import RetryPlan

PAGE = 100
READ_TIME_OUT = 30.0  # seconds, the default of a connection
MOST_ATTEMPTS = 5  # the default of a connection
LONGEST_WAIT = 60.0  # the same

_ASLEEP = Webhook(key="key", name="", url="", is_active=False, events=())


@dataclass(frozen=True, slots=True)
class Weather:
    """How Partnero is for a while.

    :param since: seconds.
    :param latency: seconds for an answer in the middle; None: it takes the request and never answers.
    :param slowest: seconds for the slowest of a hundred answers.
    """

    since: float
    latency: float | None
    slowest: float = 0.0

    def draw(self, rng: random.Random) -> float | None:
        """Seconds until the answer to one request; None: there is none."""
        if self.latency is None:
            return None
        spread = math.log(max(self.slowest, self.latency) / self.latency) / 2.326  # of a log-normal distribution
        return self.latency * math.exp(spread * rng.gauss(0, 1))


@dataclass(slots=True)
class SimulatedPartnero:
    """Answers requests.

    :param weathers: oldest first.
    """

    weathers: tuple[Weather, ...]
    rng: random.Random
    requests: Counter[int] = field(default_factory=Counter)  # by second

    def ask(self, at: float) -> float | None:
        """Seconds until the answer to a request that is sent at a time; None: there is none."""
        self.requests[int(at)] += 1
        weather = self.weathers[0]
        for later in self.weathers[1:]:
            if later.since <= at:
                weather = later
        return weather.draw(self.rng)


class SimulatedClient:
    """What a poll asks; its clock goes on with every answer, while that of the simulation stands still.

    :param partnero: answers.
    :param webhooks: of the programme.
    :param at: when the first request may go.
    :param patience: seconds for one call, as the poll's client has them.
    :param retries: whether a failed request is sent again.
    """

    def __init__(
        self, partnero: SimulatedPartnero, webhooks: int, at: float, patience: float, *, retries: bool
    ) -> None:
        self._partnero = partnero
        self._webhooks = webhooks
        self._patience = patience
        self._retries = retries
        self.now = at
        self.sent = 0
        self.answered: float | None = None  # when the last request was sent that was answered

    def get_webhook(self, key: str) -> Webhook:
        """One webhook."""
        self._request()
        return _ASLEEP

    def iter_webhooks(self, **_options: Any) -> Iterator[Webhook]:
        """The list."""
        for page in range(max(1, ceil(self._webhooks / PAGE))):
            self._request()
            for number in range(page * PAGE, min((page + 1) * PAGE, self._webhooks)):
                yield Webhook(key=f"k{number}", name="", url="", is_active=False, events=())

    def _request(self) -> None:
        if self._retries:
            clock = Clock(lambda: self.now, lambda seconds, _: self._go_on(seconds), self._partnero.rng.uniform)
            RetryPlan(MOST_ATTEMPTS, LONGEST_WAIT, self._patience, clock).run(
                lambda _: self._attempt(), Request.REPEATABLE
            )
        else:
            self._attempt()

    def _attempt(self) -> None:
        self.sent += 1
        sent = self.now
        seconds = self._partnero.ask(sent)
        if seconds is None or seconds > READ_TIME_OUT:
            self._go_on(min(READ_TIME_OUT, self._patience))
            raise PartneroConnectionError("no answer")
        self._go_on(seconds)
        self.answered = sent

    def _go_on(self, seconds: float) -> None:
        self.now += seconds
