"""One request and its answer: how long it may take, how large it may get, how far it came, and how it is broken off."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Protocol

MOST_DECODED = 8 * 1024 * 1024  # bytes of one answer, unpacked
MOST_ON_THE_WIRE = 9 * 1024 * 1024  # bytes of one answer, with headers and whatever comes before it


class TooLargeAheadError(Exception):
    """A page that is read ahead has more bytes than are kept for it; once it is its turn it may be read whole."""


class Socket(Protocol):
    """What an exchange does with a socket; under TLS to a proxy it is not one of Python's own."""

    def settimeout(self, value: float | None) -> None: ...  # noqa: D102


class Exchange:
    """One request and its answer, on one connection.

    Time and size are checked at every read from the socket. So they hold whatever the server does: drip a byte a
    second, or send headers, chunks or ``100 Continue`` without an end.

    :param seconds: longest time of the whole exchange.
    :param silence: longest time without a byte, in seconds.
    :param most: bytes that the answer's body may have, unpacked.
    """

    def __init__(self, seconds: float, silence: float, most: int = MOST_DECODED) -> None:
        self.most = most
        self._ends_at = time.monotonic() + seconds
        self._silence = silence
        self._room = MOST_ON_THE_WIRE
        self._socket: Socket | None = None
        self._process = os.getpid()
        self.is_broken_off = False
        self.is_sent = False
        """Whether a byte of the request may have left: not while the connection, a tunnel or TLS is set up."""
        self.is_late = False
        self.is_too_large = False

    def use(self, sock: Socket) -> None:
        """From now on the exchange reads from and writes to this socket, and can break it off."""
        self._socket = sock
        if self.is_broken_off:
            self.break_off()

    def time_left(self, most: float | None) -> float:
        """Seconds left, at most ``most``.

        :raises TimeoutError: none are left.
        """
        left = self._ends_at - time.monotonic()
        if left <= 0:
            self.is_late = True
            raise TimeoutError("the time for this request is used up")
        return left if most is None else min(left, most)

    def begin_sending(self) -> None:
        """From now on a byte of the request may have left.

        :raises OSError: the exchange was broken off, or no time is left: then nothing has.
        """
        if self.is_broken_off:
            raise OSError("broken off before anything was sent")
        self.time_left(None)
        self.is_sent = True

    def before_read(self, sock: Socket) -> None:
        """Allow the next read as long as the exchange has.

        :raises TimeoutError: there is no time left.
        """
        sock.settimeout(self.time_left(self._silence))

    def after_read(self, size: int) -> None:
        """Count what was read.

        :raises OSError: the answer is too large.
        """
        self._room -= size
        if self._room < 0:
            self.refuse_size()

    def refuse_size(self) -> None:
        """Give the answer up.

        :raises OSError: always.
        """
        self.is_too_large = True
        raise OSError("the answer is too large")

    def note_timeout(self) -> None:
        """A read timed out; find out whether that was the end of the whole exchange."""
        self.is_late = self.is_late or time.monotonic() >= self._ends_at

    def break_off(self) -> None:
        """Let a read or write that waits in another thread fail at once."""
        self.is_broken_off = True
        if isinstance(self._socket, socket.socket) and self._process == os.getpid():  # not a parent's, after a fork
            # SSLSocket.shutdown would pull the TLS state from under the thread that reads.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Stop(threading.Event):
    """Once set, what is under way for nobody any more is broken off, and nothing is tried again."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._under_way: set[Exchange | Stop] = set()

    def set(self) -> None:
        """Break off the exchanges under way, and those that begin later."""
        with self._lock:
            super().set()
            under_way = tuple(self._under_way)
        for one in under_way:
            one.break_off()

    def break_off(self) -> None:
        """Set it: the stop that watches it was set."""
        self.set()

    def watch(self, one: Exchange | Stop) -> None:
        """Break this exchange off, or set this stop, once the event is set."""
        with self._lock:
            self._under_way.add(one)
        if self.is_set():
            one.break_off()

    def forget(self, one: Exchange | Stop) -> None:
        """It has ended."""
        with self._lock:
            self._under_way.discard(one)
