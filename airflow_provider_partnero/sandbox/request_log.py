"""The log of the requests that the API got."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

MOST_REQUESTS = 50_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request of the API, logged when it arrived.

    :param method: HTTP method.
    :param path: raw path below the base URL, still percent-encoded (``/webhooks/abc``); the whole path of a request
        outside the base URL.
    :param query: the query's parameters, decoded; the last value of a repeated name.
    :param status: HTTP status of the answer; None while there is none, and after a dropped connection.
    :param authorized: whether it carried the sandbox's token.
    :param has_authorization: whether it carried an ``Authorization`` header, right or wrong.
    :param body: the body if it was JSON, otherwise None.
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


class RequestLog:
    """The latest :data:`MOST_REQUESTS` requests, in order of arrival."""

    def __init__(self) -> None:
        self._entries: dict[int, LoggedRequest] = {}
        self._next = 0

    def add(self, request: LoggedRequest) -> int:
        """Log a request; returns its number, for :meth:`set_status`."""
        if len(self._entries) >= MOST_REQUESTS:
            del self._entries[next(iter(self._entries))]
        self._next += 1
        self._entries[self._next] = request
        return self._next

    def set_status(self, number: int, status: int) -> None:
        """Add the status of a request's answer; does nothing if the log was cleared meanwhile."""
        if number in self._entries:
            self._entries[number] = replace(self._entries[number], status=status)

    def clear(self) -> None:
        """Remove all requests."""
        self._entries.clear()

    def all(self) -> tuple[LoggedRequest, ...]:
        """All logged requests."""
        return tuple(self._entries.values())
