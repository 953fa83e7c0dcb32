"""HTTP for senders that are prompt: whoever sends too late, in crumbs, or reads no answer is hung up on."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN = 10.0  # seconds; also the longest that one request may take, and an answer be unread
MOST_UNASKED = 500  # connections without a request under way, in one process
MOST_CRUMBS = 100  # small pieces of one body; each costs as much as a large one

_CRUMB = 512  # bytes; a smaller piece of a body is one
_AT_ONCE = 8_192  # bytes that are parsed before it is looked whether they are too many

_unasked: dict[PromptProtocol, None] = {}  # connections without a request under way, the one that waits longest first


class PromptProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which by itself waits for ever for a request's headers, and for its answer to be read.

    When there are too many connections without a request, the one that has waited longest is closed, never the
    newcomer: a genuine sender's headers arrive at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = _Connection(h11.SERVER, self.config.h11_max_incomplete_event_size or 16_384)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._last: Any = None
        self._timer = self.loop.call_later(HEADERS_WITHIN, self._end_if_stuck)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._timer.cancel()
        _unasked.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a little at a time, since h11 looks only between two calls whether headers are too long."""
        for start in range(0, len(data), _AT_ONCE):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _AT_ONCE])

    def handle_events(self) -> None:
        """Note whether a request is under way now."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            _unasked.pop(self, None)

    def on_response_complete(self) -> None:
        """Wait for another request, unless the sender did not wait for this answer: thousands fit into one packet."""
        if self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]:
            self.transport.close()
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_request()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request; hang up on a request that goes on as none, since its answer may have begun."""
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Hang up: all answers are small, so whoever has left that many unread will read none."""
        self.transport.abort()

    def _wait_for_request(self) -> None:
        _unasked[self] = None
        if len(_unasked) > MOST_UNASKED:
            oldest = next(iter(_unasked))
            del _unasked[oldest]
            oldest.transport.close()

    def _end_if_stuck(self) -> None:
        if self.cycle is self._last:
            self.transport.abort()  # close() would wait until the last answer is read
            return
        self._last = self.cycle
        self._timer = self.loop.call_later(HEADERS_WITHIN, self._end_if_stuck)


class _Connection(h11.Connection):
    """Refuses bodies that come in crumbs, such as chunks of one byte: parsing 256 KiB of these takes seconds."""

    _crumbs = 0

    def next_event(self) -> Any:
        """What has arrived.

        :raises h11.RemoteProtocolError: it is no HTTP, or one crumb too many.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._crumbs = 0
        elif isinstance(event, h11.Data) and len(event.data) < _CRUMB:
            self._crumbs += 1
            if self._crumbs > MOST_CRUMBS:
                raise h11.RemoteProtocolError("the body comes in crumbs")
        return event
