"""When a request is repeated, and after how long: one table, and the tenacity loop that obeys it.

The table is the whole policy. A ``key`` is no lock at Partnero (PARTNERO API, "Create a webhook": nothing says what a
taken key does), so a create whose outcome is in doubt is looked up before it is repeated, and a create without a key is
not repeated at all once it may have arrived.
"""

from __future__ import annotations

import itertools
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

import tenacity

from airflow_provider_partnero.api.errors import (
    PartneroAPIError,
    PartneroConnectionError,
    PartneroError,
    PartneroResponseError,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_BACKOFF = 0.5  # seconds; doubles with every attempt, and full jitter spreads it down to 0


class Request(Enum):
    """What is repeated."""

    REPEATABLE = auto()  # GET, PUT, DELETE
    KEYED_CREATE = auto()  # POST with a key
    PLAIN_CREATE = auto()  # POST without


class Failure(Enum):
    """How one attempt went wrong."""

    NOT_SENT = auto()  # could not connect: nothing reached Partnero
    NO_ANSWER = auto()  # sent; time-out, reset, or a 2xx whose body is truncated or no JSON
    REQUEST_TIMEOUT = auto()  # 408
    RATE_LIMIT = auto()  # 429
    SERVER = auto()  # 5xx
    REFUSED = auto()  # everything else: 400, 401, 403, 404, 405, 409, 422, a redirect, "status": 0


class Reaction(Enum):
    """What to do about it."""

    RETRY = auto()
    LOOK = auto()  # retry, but look whether it happened before anything is sent again
    AMBIGUOUS = auto()  # it may have happened, and nothing tells: PartneroAmbiguousError
    RAISE = auto()


_R = Request
_TABLE: dict[Failure, dict[Request, Reaction]] = {
    Failure.NOT_SENT: {
        _R.REPEATABLE: Reaction.RETRY,
        _R.KEYED_CREATE: Reaction.RETRY,
        _R.PLAIN_CREATE: Reaction.RETRY,
    },
    Failure.NO_ANSWER: {
        _R.REPEATABLE: Reaction.RETRY,
        _R.KEYED_CREATE: Reaction.LOOK,
        _R.PLAIN_CREATE: Reaction.AMBIGUOUS,
    },
    Failure.REQUEST_TIMEOUT: {
        _R.REPEATABLE: Reaction.RETRY,
        _R.KEYED_CREATE: Reaction.RETRY,
        _R.PLAIN_CREATE: Reaction.RAISE,
    },
    Failure.RATE_LIMIT: {
        _R.REPEATABLE: Reaction.RETRY,
        _R.KEYED_CREATE: Reaction.RETRY,
        _R.PLAIN_CREATE: Reaction.RETRY,
    },
    Failure.SERVER: {
        _R.REPEATABLE: Reaction.RETRY,
        _R.KEYED_CREATE: Reaction.LOOK,
        _R.PLAIN_CREATE: Reaction.AMBIGUOUS,
    },
    Failure.REFUSED: {
        _R.REPEATABLE: Reaction.RAISE,
        _R.KEYED_CREATE: Reaction.RAISE,
        _R.PLAIN_CREATE: Reaction.RAISE,
    },
}


def failure_of(error: PartneroError) -> Failure:
    """Which row of the table an attempt's error belongs to."""
    if isinstance(error, PartneroConnectionError):
        return Failure.NO_ANSWER if error.sent else Failure.NOT_SENT
    if isinstance(error, PartneroResponseError):
        return Failure.NO_ANSWER
    if not isinstance(error, PartneroAPIError):
        return Failure.REFUSED
    if error.status == 408:
        return Failure.REQUEST_TIMEOUT
    if error.status == 429:
        return Failure.RATE_LIMIT
    return Failure.SERVER if error.status >= 500 else Failure.REFUSED


def reaction_to(error: PartneroError, request: Request) -> Reaction:
    """The table's entry for one attempt's error."""
    return _TABLE[failure_of(error)][request]


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """How often and how patiently one request is repeated.

    :param max_attempts: attempts in all, from 1.
    :param max_wait: longest wait between two attempts in seconds; also caps ``Retry-After``.
    """

    max_attempts: int
    max_wait: float

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the given attempt (counted from 1).

        Without ``Retry-After``: exponential with full jitter. With it: that long, and up to a tenth more, so that a
        thousand tasks told the same do not come back in the same instant.
        """
        if retry_after is None:
            longest = FIRST_BACKOFF * 2 ** min(attempt - 1, 30)  # more is beyond any max_wait, and beyond a float
            return random.uniform(0, min(self.max_wait, longest))  # noqa: S311
        return min(self.max_wait, retry_after * random.uniform(1, 1.1))  # noqa: S311

    def run(self, attempt: Callable[[int], T], request: Request, stopped: threading.Event | None = None) -> T:
        """Call ``attempt(number)`` until it returns, or the table says that it is over.

        :param attempt: makes one attempt; its number, from 1, is the argument.
        :param request: the column of the table.
        :param stopped: once set, neither waits nor tries again (a read-ahead nobody waits for any more).
        :raises PartneroError: of the last attempt.
        """
        stopped = stopped or threading.Event()
        loop = tenacity.Retrying(
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.max_attempts), tenacity.stop_when_event_set(stopped)
            ),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: _is_repeated(error, request)),
            sleep=tenacity.sleep_using_event(stopped),
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
    return isinstance(error, PartneroError) and reaction_to(error, request) in {Reaction.RETRY, Reaction.LOOK}


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
