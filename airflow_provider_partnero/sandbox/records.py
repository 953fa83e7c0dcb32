"""What the sandbox remembers of the requests it got and the deliveries it made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

MOST_REQUESTS = 50_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request of the API, logged when it arrived.

    :param method: HTTP method.
    :param path: the raw path as it was sent, still percent-encoded, below the base URL (``/webhooks/abc``); the whole
        path when it does not lie below the base URL.
    :param query: the query's parameters, decoded; the last one where a name repeats.
    :param status: HTTP status of the answer; None while there is no answer, and when the connection was dropped.
    :param authorized: it bore the sandbox's token.
    :param has_authorization: it bore an ``Authorization`` header, right or wrong.
    :param body: the body when it was JSON, else None.
    :param at: when it arrived, in seconds since the epoch.
    :param headers: lower-case name -> value, without ``authorization``.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int | None
    authorized: bool
    has_authorization: bool
    body: Any
    at: float
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event to a webhook.

    :param webhook_key: the webhook.
    :param url: where it went.
    :param event: such as ``partner.created``.
    :param attempt: 1 for the first.
    :param status: HTTP status that the receiver answered; None when it gave no answer.
    :param error: why there was no answer; None when there was one.
    :param at: when it was sent, in seconds since the epoch.
    """

    webhook_key: str
    url: str
    event: str
    attempt: int
    status: int | None
    error: str | None
    at: float


class RequestLog:
    """The latest :data:`MOST_REQUESTS` requests, in order of arrival."""

    def __init__(self) -> None:
        self._entries: dict[int, LoggedRequest] = {}
        self._next = 0

    def arrived(self, request: LoggedRequest) -> int:
        """Log a request; the number returned is what :meth:`answered` wants."""
        if len(self._entries) >= MOST_REQUESTS:
            del self._entries[next(iter(self._entries))]
        self._next += 1
        self._entries[self._next] = request
        return self._next

    def answered(self, number: int, status: int) -> None:
        """Note the status that a request was answered with (unless the log was cleared meanwhile)."""
        if number in self._entries:
            self._entries[number] = replace(self._entries[number], status=status)

    def clear(self) -> None:
        """Forget them all."""
        self._entries.clear()

    def all(self) -> tuple[LoggedRequest, ...]:
        """What is logged."""
        return tuple(self._entries.values())
