"""When a request is repeated, and after how long: the tenacity loop that obeys the table in :mod:`.errors`."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from airflow_provider_partnero.api.arguments import CALL_SECONDS
from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.api.errors import PartneroError, Reaction, Request, failure_of

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_BACKOFF = 0.5  # seconds; doubles with every attempt; full jitter draws a wait from 0 up to it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a request.

    :param number: from 1.
    :param deadline: the moment by which the whole call ends.
    """

    number: int
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """How often and how patiently one request is repeated.

    :param max_attempts: attempts in all, from 1.
    :param max_wait: longest wait between two attempts in seconds; also caps ``Retry-After``.
    :param seconds: the time of one call, with all its attempts and waits.
    :param clock: waits, and draws the jitter.
    """

    max_attempts: int
    max_wait: float
    seconds: float = CALL_SECONDS
    clock: Clock = field(default_factory=Clock)

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline.after(self.seconds, self.clock)

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the given attempt (counted from 1).

        Without ``Retry-After``: exponential with full jitter. With it: that time plus up to a tenth, so that many tasks
        that were told the same time do not return at once.
        """
        if retry_after is None:
            longest = FIRST_BACKOFF * 2 ** min(
                attempt - 1, 30
            )  # a larger exponent exceeds any max_wait and overflows a float
            return self.clock.uniform(0, min(self.max_wait, longest))
        return min(self.max_wait, retry_after * self.clock.uniform(1, 1.1))

    def run(
        self,
        attempt: Callable[[Attempt], T],
        request: Request,
        deadline: Deadline | None = None,
        stopped: threading.Event | None = None,
    ) -> T:
        """Call ``attempt`` until it returns, the table forbids another attempt, or attempts or time are used up.

        :param attempt: makes one attempt.
        :param request: the kind of request, a column of the table.
        :param deadline: when the call ends; None: ``seconds`` from now.
        :param stopped: once set, there is no further wait or attempt (for pages read ahead that are not needed).
        :raises PartneroError: the last attempt's error.
        """
        until = deadline or self.deadline()
        stop = stopped or threading.Event()
        loop = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= self.max_attempts or stop.is_set() or not until.left(),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: _is_repeated(error, request)),
            sleep=lambda seconds: self.clock.wait(min(seconds, until.left()), stop),
            before_sleep=self._announce,
            reraise=True,
        )
        number = itertools.count(1)
        return loop(lambda: attempt(Attempt(next(number), until)))

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
