"""When a request is repeated, and after how long: the tenacity loop that obeys the table in :mod:`.errors`."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroError, Reaction, Request, failure_of

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_BACKOFF = 0.5  # seconds; doubles with every attempt, and full jitter spreads it down to 0


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """How often and how patiently one request is repeated.

    :param max_attempts: attempts in all, from 1.
    :param max_wait: longest wait between two attempts in seconds; also caps ``Retry-After``.
    :param clock: waits, and spreads the waits by chance.
    """

    max_attempts: int
    max_wait: float
    clock: Clock = field(default_factory=Clock)

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the given attempt (counted from 1).

        Without ``Retry-After``: exponential with full jitter. With it: that long, and up to a tenth more, so that a
        thousand tasks told the same do not come back in the same instant.
        """
        if retry_after is None:
            longest = FIRST_BACKOFF * 2 ** min(attempt - 1, 30)  # more is beyond any max_wait, and beyond a float
            return self.clock.uniform(0, min(self.max_wait, longest))
        return min(self.max_wait, retry_after * self.clock.uniform(1, 1.1))

    def run(self, attempt: Callable[[int], T], request: Request, stopped: threading.Event | None = None) -> T:
        """Call ``attempt(number)`` until it returns, or the table says that it is over.

        :param attempt: makes one attempt; its number, from 1, is the argument.
        :param request: the column of the table.
        :param stopped: once set, neither waits nor tries again (a read-ahead nobody waits for any more).
        :raises PartneroError: of the last attempt.
        """
        stop = stopped or threading.Event()
        loop = tenacity.Retrying(
            stop=tenacity.stop_any(tenacity.stop_after_attempt(self.max_attempts), tenacity.stop_when_event_set(stop)),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: _is_repeated(error, request)),
            sleep=lambda seconds: self.clock.wait(seconds, stop),
            before_sleep=self._announce,
            reraise=True,
        )
        number = itertools.count(1)
        return loop(lambda: attempt(next(number)))

    def _wait(self, state: tenacity.RetryCallState) -> float:
        return self.wait(state.attempt_number, getattr(_error_of(state), "retry_after", None))

    def _announce(self, state: tenacity.RetryCallState) -> None:
        log.warning(
            "%s; attempt %d of %d in %.1f s",
            _error_of(state),
            state.attempt_number + 1,
            self.max_attempts,
            state.next_action.sleep if state.next_action else 0.0,
        )


def _is_repeated(error: BaseException, request: Request) -> bool:
    return isinstance(error, PartneroError) and failure_of(error).reaction(request) in {Reaction.RETRY, Reaction.LOOK}


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
