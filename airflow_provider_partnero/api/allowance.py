"""A rate limit as values: the turn of a request, what passes in a window, a limit that was met, how long to wait."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_PAUSE = 0.5  # seconds after a refusal that does not say how long to wait; doubles with every further one
_PRECISE = 1.2  # a window's length is known well enough within this factor


class NoTurnError(Exception):
    """A request's turn would come after its deadline.

    :param seconds: until then.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Turn:
    """A request that may be sent now.

    :param started: when.
    :param is_probe: it is sent to find out whether requests pass again.
    """

    started: float
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is known of the limit.

    :param requests: as many pass in a window.
    :param longest: seconds that a window has at most.
    :param shortest: seconds that a window has at least.
    """

    requests: int
    longest: float
    shortest: float

    @property
    def is_precise(self) -> bool:
        """Whether the length of the window is known well enough."""
        return self.longest <= self.shortest * _PRECISE


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that was met and is not known to have ended.

    :param resume_at: when the next request may be sent.
    :param pause: the last pause, in seconds.
    :param met_at: when the limit was last met.
    :param told: seconds that Partnero asked to wait; None if it did not say.
    """

    resume_at: float
    pause: float
    met_at: float
    told: float | None


def pause_after(told: float | None, last: float | None, guess: float) -> float:
    """Seconds to wait after a refusal.

    :param told: seconds that Partnero asks to wait; None if it does not say.
    :param last: the pause before the probe that was refused now; None if it was no probe.
    :param guess: the first pause, if nothing is told.
    """
    if told is not None and (told >= LEAST_PAUSE or last is None):
        return told
    return guess if last is None else max(2 * last, LEAST_PAUSE)
