"""HTTP for senders that are prompt: a connection whose request does not come is closed, before any app hears of it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN = 10.0  # seconds
MOST_UNASKED = 500  # connections without a request under way, in one process

_connections: dict[PromptProtocol, None] = {}  # in the order in which they were made


class PromptProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which by itself waits for ever for a request's headers.

    When there are too many connections without a request, the oldest of them is closed, never the newcomer: a genuine
    sender's headers arrive at once.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._last: Any = None
        _connections[self] = None
        if len(_connections) > MOST_UNASKED:
            _close_oldest()
        self._timer = self.loop.call_later(HEADERS_WITHIN, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._timer.cancel()
        _connections.pop(self, None)
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self.is_idle and self.cycle is self._last:
            self.transport.close()
            return
        self._last = self.cycle
        self._timer = self.loop.call_later(HEADERS_WITHIN, self._close_if_idle)


def _close_oldest() -> None:
    oldest = next((one for one in _connections if one.is_idle), None)
    if oldest is not None:
        del _connections[oldest]
        oldest.transport.close()
