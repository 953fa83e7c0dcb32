"""The receiver's answers. None of them says which part of a forged request was wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Cause = Literal["header", "webhook", "signature", "age", "secrets", "database", "deadline"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    :param status: of HTTP.
    :param words: what the body says; also the name under which it is counted.
    :param retry_after: seconds, sent as ``Retry-After``.
    :param more: further (name, text) of the body, only for a sender that has proven who it is.
    """

    status: int
    words: str
    cause: Cause | None = field(default=None, compare=False)  # what a refusal is counted under; never sent
    retry_after: int | None = None
    more: tuple[tuple[str, str], ...] = ()


ACCEPTED = Answer(202, "accepted")
UNROUTED = Answer(202, "unrouted")
DUPLICATE = Answer(200, "duplicate")
PROBED = Answer(200, "probe")
MALFORMED = Answer(400, "malformed")
UNAUTHORIZED = Answer(401, "unauthorized")
UNKNOWN = Answer(404, "unknown")
TOO_SLOW = Answer(408, "too slow")
TOO_LARGE = Answer(413, "too large")
NOT_JSON = Answer(415, "not JSON")
FLOODED = Answer(429, "flooded", retry_after=10)
UNAVAILABLE = Answer(503, "unavailable", retry_after=10)


class RefusedError(Exception):
    """Ends the reception of one delivery.

    :param answer: what the sender is told.
    :param reason: what the server's log is told.
    :param cause: what it is counted under, if the answer does not say enough.
    """

    def __init__(self, answer: Answer, reason: str, cause: Cause | None = None) -> None:
        super().__init__(reason)
        self.answer = replace(answer, cause=cause) if cause else answer
        self.reason = reason
