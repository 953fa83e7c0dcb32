"""One pace for all requests of a client, learnt from the requests that Partnero refuses with 429.

Partnero publishes no limits. So the first requests go out at once. When one is refused, all wait: as long as
``Retry-After`` says, or else for growing pauses. The first request after a pause is the probe. Once it passes, it is
known how many requests passed in how much time, and from then on no more are sent in as much time. So a limit is met
once, and not by every request again.

Beside that, the number of requests in flight halves with every refusal and grows by one with every round that passes
(AIMD, as in TCP), for limits that are about requests in flight.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from dataclasses import replace
from itertools import count

from airflow_provider_partnero.api.allowance import LEAST_PAUSE, Allowance, NoTurnError, Refusal, Turn, pause_after
from airflow_provider_partnero.api.clock import Clock, Deadline

log = logging.getLogger(__name__)

_GUESSED_RATE = 3.0  # requests per second, of a limit of which nothing but a number of requests is known
_LONGEST_GUESS = 7.0  # seconds
_SPARE_REFUSALS = 6  # requests in flight from which on short pauses, with a few more refusals, are within bounds
_ROUNDED = 1.0  # seconds by which a Retry-After, in whole seconds, may be too long
_LOOKED_BACK = 60.0  # seconds, to see how many requests passed before the first refusal
_REMEMBERED = 5  # windows without a refusal, after which the limit is forgotten: it may have been lifted
_LEAST_REMEMBERED = 5.0  # seconds
_LIFTED = 3  # requests beyond the limit that pass, after which it is forgotten as well
_FEW = 2  # requests of a window: with no more, the limit is a steady rate rather than a window
_SLOWER = 1.25  # times as long, between two requests of such a rate that turned out too fast
_ASKED_FOR = 1.5  # refusals for each request in flight; what is left below two is for those that nobody asks for
_RISKED = 2  # windows that a request must have time for, if it may be refused to learn more about the limit
_LOST = 150.0  # seconds after which a probe has ended, also if an exception kept its thread from saying so
_RECHECK = 1.0  # seconds


class Pace:
    """Lets requests go when they may; several threads use it at once.

    :param most: requests in flight that the client has when it reads pages. Refusals stay below twice as many.
    :param max_wait: longest pause in seconds.
    :param clock: tells the time and waits. One that does not wait has waited all the same.
    """

    def __init__(self, most: int, max_wait: float, clock: Clock) -> None:
        self._most = most
        self._max_wait = max_wait
        self._clock = clock
        self._changed = threading.Condition()
        self._arrivals = count()
        self._waiting: list[tuple[float, int]] = []
        self._in_flight = 0
        self._width = math.inf
        self._starts: deque[float] = deque()
        self._window_before = -math.inf  # when the first request of the window before went
        self._refusal: Refusal | None = None
        self._allowance: Allowance | None = None
        self._probe_at: float | None = None
        self._tested = -math.inf  # the first request of the window in which a request beyond the limit was sent
        self._beyond = 0  # requests beyond the limit that have passed
        self._refusals = 0
        self._last_refusal = -math.inf
        self._skipped = 0.0

    def turn(self, deadline: Deadline, stop: threading.Event) -> Turn:
        """Wait for this request's turn; those with the least time left go first. Starts the deadline.

        :param stop: once set, there is no waiting.
        :raises NoTurnError: the turn would not come before the deadline.
        """
        with self._changed:
            place = (math.inf if deadline.at is None else deadline.at, next(self._arrivals))
            self._waiting.append(place)
            try:
                while (seconds := self._wait_for(place)) and not stop.is_set():
                    self._wait(seconds, deadline, stop)
                deadline.start()
                return self._go()
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()

    def passed(self, turn: Turn) -> None:
        """The request was not refused for its pace."""
        with self._changed:
            self._end(turn)
            self._width = min(self._width + 1 / self._width, math.inf)
            if self._width >= self._most:
                self._width = math.inf
            if turn.is_probe:
                self._learn(turn)

    def left(self, turn: Turn) -> None:
        """The request ended without an answer about its pace."""
        with self._changed:
            self._end(turn)

    def refused(self, turn: Turn, retry_after: float | None) -> None:
        """The request was refused with 429.

        :param retry_after: seconds that Partnero asks to wait; None if it does not say.
        """
        with self._changed:
            in_flight = self._in_flight
            self._end(turn)
            if turn.started in self._starts:
                self._starts.remove(turn.started)
            self._refusals += 1
            self._last_refusal = now = self._now()
            if self._refusal is None and turn.is_probe and retry_after is None:
                self._allow_later(now)
            elif self._refusal is None or turn.is_probe or turn.started > self._refusal.met_at:
                self._width = max(1.0, in_flight / 2)
                self._refuse(now, retry_after)
            elif retry_after is not None:
                told = min(retry_after, self._max_wait)
                self._refusal = replace(self._refusal, resume_at=max(self._refusal.resume_at, now + told))

    def _now(self) -> float:
        return self._clock.now() + self._skipped

    def _wait_for(self, place: tuple[float, int]) -> float:
        """Seconds until this request may go; infinite if something else must happen first."""
        now = self._now()
        window = self._allowance.longest if self._allowance else 0.0
        if self._refusal is None and now - self._last_refusal > max(_LEAST_REMEMBERED, _REMEMBERED * window):
            self._forget()
            self._refusals = 0
        is_probing = self._probe_at is not None and now - self._probe_at < _LOST
        if is_probing or place != min(self._waiting):
            return math.inf
        if self._refusal:
            return max(0.0, self._refusal.resume_at - now)
        if self._in_flight >= self._width:
            return math.inf
        return self._until_allowed(now, place[0] - self._clock.now())

    def _until_allowed(self, now: float, left: float) -> float:
        """Seconds until a request with so much time left may go, if nothing is known to be refused for now."""
        allowance = self._allowance
        if allowance is None or len(self._starts) < allowance.requests or self._is_over(now):
            return 0.0
        oldest, seconds = self._starts[0], allowance.longest
        if oldest != self._tested and self._may_be_refused() and left > _RISKED * allowance.longest + _ROUNDED:
            if self._in_flight:
                return math.inf
            # Is the window shorter than known? If that is known well, is there a limit still?
            seconds = 0.0 if allowance.is_precise else math.sqrt(allowance.shortest * allowance.longest)
        return max(0.0, oldest + seconds - now)

    def _is_over(self, now: float) -> bool:
        """Whether the window is over in which the last requests went."""
        return bool(self._allowance and self._starts and now >= self._starts[0] + self._allowance.longest)

    def _forget(self) -> None:
        self._allowance, self._width, self._beyond = None, math.inf, 0

    def _may_be_refused(self) -> bool:
        """Whether one more refusal, to learn more about the limit, is within bounds."""
        return self._refusals + 1 < _ASKED_FOR * self._most

    def _wait(self, seconds: float, deadline: Deadline, stop: threading.Event) -> None:
        left = math.inf if deadline.at is None else deadline.left()
        if not left or left <= seconds < math.inf:
            raise NoTurnError(seconds if seconds < math.inf else _RECHECK)
        if seconds == math.inf:
            self._changed.wait(min(_RECHECK, left))
            return
        before = self._clock.now()
        self._changed.release()
        try:
            self._clock.wait(seconds, stop)
        finally:
            self._changed.acquire()
        if not stop.is_set():
            self._skipped += max(0.0, seconds - (self._clock.now() - before))

    def _go(self) -> Turn:
        now = self._now()
        allowance = self._allowance
        if self._refusal is None:
            if self._is_over(now):
                self._window_before = self._starts[0]
                self._starts.clear()
            while allowance is None and self._starts and self._starts[0] < now - _LOOKED_BACK:
                self._starts.popleft()
        is_beyond = allowance is not None and len(self._starts) >= allowance.requests
        if is_beyond and allowance and allowance.is_precise:
            self._tested = self._starts[0]
        is_probe = self._refusal is not None or is_beyond
        if is_probe:
            self._probe_at = now
        self._in_flight += 1
        self._starts.append(now)
        return Turn(now, is_probe)

    def _end(self, turn: Turn) -> None:
        self._in_flight -= 1
        if turn.is_probe:
            self._probe_at = None
        self._changed.notify_all()

    def _refuse(self, now: float, retry_after: float | None) -> None:
        last = self._refusal
        pause = pause_after(retry_after, last.pause if last else None, self._guess(now))
        pause = min(self._max_wait, pause * self._clock.uniform(1, 1.1))
        self._refusal = Refusal(now + pause, pause, met_at=now, told=retry_after)
        log.warning("Partnero refuses more requests for now (429); the next one goes in %.1f s", pause)

    def _guess(self, now: float) -> float:
        """The first pause after a refusal that does not say how long to wait."""
        if not self._starts or self._most >= _SPARE_REFUSALS:
            return LEAST_PAUSE
        window = min(len(self._starts) / _GUESSED_RATE, _LONGEST_GUESS)
        return max(LEAST_PAUSE, window - (now - self._starts[0]))

    def _learn(self, probe: Turn) -> None:
        """The probe has passed: as many as before it pass in as much time as it came after the first of them."""
        earlier = [start for start in self._starts if start < probe.started]
        allowance, refusal, self._refusal = self._allowance, self._refusal, None
        if refusal is None and allowance and allowance.is_precise:
            self._beyond += 1
            self._tested = -math.inf
            if self._beyond >= _LIFTED:
                self._forget()
            return
        if earlier:
            window = probe.started - earlier[0]
            if refusal:
                self._beyond = 0
                shortest = refusal.met_at - earlier[0] + max(0.0, (refusal.told or 0.0) - _ROUNDED)
                self._allowance = Allowance(len(earlier), window, min(max(shortest, window / 1000), window))
            elif allowance:
                self._allowance = replace(allowance, longest=window)
            self._window_before = earlier[0]
        elif refusal and allowance:
            self._allowance = self._refuted(allowance, refusal, probe)
        self._starts = deque([probe.started])

    def _refuted(self, allowance: Allowance, refusal: Refusal, probe: Turn) -> Allowance:
        """The allowance after the first request of a window was refused: windows are longer, or began earlier."""
        if allowance.requests <= _FEW:
            longest = allowance.longest * _SLOWER
        else:
            longest = max(allowance.longest, probe.started - self._window_before)
        shortest = max(allowance.shortest, refusal.met_at - self._window_before)
        return replace(allowance, longest=longest, shortest=min(shortest, longest))

    def _allow_later(self, now: float) -> None:
        """A request that was sent to find out whether the window is shorter than known was refused."""
        if self._allowance and self._starts:
            waited = now - self._starts[0]
            shortest = min(max(waited, self._allowance.shortest), self._allowance.longest)
            self._allowance = replace(self._allowance, shortest=shortest)
