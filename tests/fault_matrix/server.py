"""A little Partnero on a real socket, whose answers to some requests are faults."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

from .store import Request, Store
from .timeline import Timeline

Strike = Callable[["Meeting"], None]
_TICK = 0.5  # seconds between two dripped bytes: far below any time-out of a read
_BACKLOG = 128


class Line(Enum):
    """What becomes of connections."""

    OPEN = auto()
    REFUSED = auto()  # until the client waits, or for good
    FULL = auto()  # as REFUSED, but no answer comes at all
    UNKNOWN_HOST = auto()
    TLS = auto()
    NO_TLS = auto()  # the client expects it, and the server does not speak it


@dataclass
class Meeting:
    """One request that meets a fault.

    :param number: how many requests have met it, with this one.
    """

    connection: socket.socket
    request: Request
    server: FaultyPartnero
    number: int

    def say(self, text: bytes) -> None:
        """Send these bytes."""
        self.connection.sendall(text)

    def carry_out(self) -> bytes:
        """Carry the request out; the proper answer to it."""
        return self.server.store.answer(self.request)

    def carry_out_later(self, seconds: float) -> None:
        """Carry the request out once so many seconds have passed, or after the call if it ends before."""
        self.server.late.append((self.server.timeline.seconds + seconds, self.request))

    def reset(self) -> None:
        """Abort the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def stay_silent(self, drip: bytes = b"") -> None:
        """Keep the connection open until the client closes it, with another ``drip`` every now and then."""
        self.connection.settimeout(_TICK if drip else None)
        while True:
            with suppress(TimeoutError):
                if not self.connection.recv(1):
                    return
            self.say(drip)


@dataclass
class FaultyPartnero:
    """A context manager.

    :param store: what it holds.
    :param timeline: the client's clock.
    :param strike: what happens to requests that meet the fault.
    :param meets: whether a request meets it.
    :param times: how many do.
    :param takes: seconds that the client loses by each, at most until ``ends_at``.
    :param ends_at: when the client's deadline for such requests is.
    :param line: what becomes of connections; with ``times``, a line that is not open opens when the client waits.
    :param tls: the server's certificate, if it speaks TLS.
    """

    store: Store
    timeline: Timeline
    strike: Strike
    meets: Callable[[Request], bool]
    times: float
    takes: float = 0.0
    ends_at: float = 0.0
    line: Line = Line.OPEN
    tls: ssl.SSLContext | None = None
    requests: int = 0
    met: int = 0
    late: list[tuple[float, Request]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket = field(default_factory=socket.socket)
    _crowd: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        if self.line is Line.FULL:
            self._listener.listen(0)
            for _ in range(4):
                one = self._crowd.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(self._listener.getsockname())
        if self.line not in {Line.FULL, Line.REFUSED}:
            self._open()
        elif self.times == 1:
            self.timeline.at_wait = self._open
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._crowd.close()

    @property
    def base_url(self) -> str:
        """Where the client finds it."""
        scheme = "https" if self.line in {Line.TLS, Line.NO_TLS} else "http"
        host = "partnero.invalid" if self.line is Line.UNKNOWN_HOST else "127.0.0.1"
        return f"{scheme}://{host}:{self._listener.getsockname()[1]}/v1"

    def settle(self, until: float = float("inf")) -> None:
        """Carry out what is late and due by then."""
        with self._lock:
            due = [request for at, request in self.late if at <= until]
            self.late = [(at, request) for at, request in self.late if at > until]
        for request in due:
            self.store.answer(request)

    def _open(self) -> None:
        self.timeline.at_wait = lambda: None
        self._crowd.close()
        self._listener.listen(_BACKLOG)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self.tls:
                with self.tls.wrap_socket(connection, server_side=True) as secure:
                    self._answer(secure)
            else:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = _receive(connection)
        if request is None:
            return
        self.settle(self.timeline.seconds)
        with self._lock:
            self.requests += 1
            is_met = self.met < self.times and self.meets(request)
            self.met += is_met
            number = self.met
        if not is_met:
            connection.sendall(self.store.answer(request))
            return
        self.timeline.advance(max(0.0, min(self.takes, self.ends_at - self.timeline.seconds)))
        self.strike(Meeting(connection, request, self, number))


def _receive(connection: socket.socket) -> Request | None:
    """The next request; None if what comes is none, such as TLS where it is not spoken."""
    received = connection.recv(1 << 16)
    if not received.startswith((b"GET ", b"POST ", b"PUT ", b"DELETE ")):
        return None
    while not Request.is_whole(received):
        more = connection.recv(1 << 16)
        if not more:
            return None
        received += more
    return Request.parse(received)
