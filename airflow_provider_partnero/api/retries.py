"""When a request is repeated, and after how long: the tenacity loop that obeys the table in :mod:`.errors`."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from airflow_provider_partnero.api.allowance import LEAST_PAUSE
from airflow_provider_partnero.api.arguments import CALL_SECONDS
from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.api.errors import PartneroError, PartneroRateLimitError, Reaction, Request, failure_of

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

    @property
    def waits_for_pace(self) -> bool:
        """Whether requests that are refused with 429 are sent again until the deadline, without being counted."""
        return self.max_attempts > 1 and self.max_wait >= LEAST_PAUSE

    def deadline(self) -> Deadline:
        """The deadline of a call that starts now."""
        return Deadline.after(self.seconds, self.clock)

    def deadline_of_page(self) -> Deadline:
        """The deadline of a page of a long list: it starts with the page's turn, so that a slow pace is no failure."""
        return Deadline(self.seconds, self.clock)

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
        loop = _Loop(self, deadline or self.deadline(), stopped or threading.Event())
        return loop.run(attempt, request)


class _Loop:
    """The attempts of one request.

    An attempt that is refused with 429 does not count: the pace of the client waits, as long as the deadline allows.
    """

    def __init__(self, plan: RetryPlan, until: Deadline, stop: threading.Event) -> None:
        self._plan = plan
        self._until = until
        self._stop = stop
        self._failed = 0
        self._pause = 0.0

    def run(self, attempt: Callable[[Attempt], T], request: Request) -> T:
        number = itertools.count(1)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._count(error, request)),
            stop=self._is_last,
            wait=self._wait,
            before_sleep=self._announce,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(lambda: attempt(Attempt(next(number), self._until)))

    def _count(self, error: BaseException, request: Request) -> bool:
        """Count the attempt and decide how long to wait; whether the table allows another."""
        self._failed += not self._is_for_pace(error)
        is_for_pace = isinstance(error, PartneroRateLimitError)
        self._pause = 0.0 if is_for_pace else self._plan.wait(self._failed, getattr(error, "retry_after", None))
        return _is_repeated(error, request)

    def _is_for_pace(self, error: BaseException | None) -> bool:
        return isinstance(error, PartneroRateLimitError) and self._plan.waits_for_pace

    def _is_last(self, state: tenacity.RetryCallState) -> bool:
        error = _error_of(state)
        if self._stop.is_set() or not self._until.left():
            return True
        if self._is_for_pace(error):
            return min(getattr(error, "retry_after", None) or 0.0, self._plan.max_wait) >= self._until.left()
        # Not another attempt that only the deadline would end: its error would say less than this one.
        return self._failed >= self._plan.max_attempts or self._pause >= self._until.left()

    def _wait(self, _state: tenacity.RetryCallState) -> float:
        return self._pause

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error, action = _error_of(state), state.next_action
        if not isinstance(error, PartneroRateLimitError):
            seconds = action.sleep if action else 0.0
            log.warning("%s; attempt %d of %d in %.1f s", error, self._failed + 1, self._plan.max_attempts, seconds)

    def _sleep(self, seconds: float) -> None:
        if seconds := min(seconds, self._until.left()):
            self._plan.clock.wait(seconds, self._stop)


def _is_repeated(error: BaseException, request: Request) -> bool:
    return isinstance(error, PartneroError) and failure_of(error).reaction(request) in {Reaction.RETRY, Reaction.LOOK}


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
