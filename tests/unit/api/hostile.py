"""Servers that drip, flood, lie or stay silent: each case is a function that talks to one connection until it ends."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

Talk = Callable[[socket.socket], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIP = 0.05  # seconds between two bytes: far below any time-out of a read


def _drip(connection: socket.socket, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        connection.sendall(piece)
        time.sleep(DRIP)


def _flood(connection: socket.socket, piece: bytes) -> None:
    while True:
        connection.sendall(piece)


def _then(start: bytes, go_on: Talk) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        go_on(connection)

    return talk


def _bytes_of(text: bytes) -> Iterator[bytes]:
    return (text[index : index + 1] for index in range(len(text)))


def _endless(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


@cache
def bomb(size: int) -> bytes:
    """An answer of a few hundred kB that unpacks to so many bytes."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


def _silent(_connection: socket.socket) -> None:
    time.sleep(3600)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000000\r\n\r\n"

# Cases that only the end of the time ends.
ENDLESS: dict[str, Talk] = {
    "silence": _silent,
    "dripped status line": lambda connection: _drip(connection, _endless(b"H")),
    "dripped headers": _then(HEAD + b"X-Long: ", lambda connection: _drip(connection, _endless(b"x"))),
    "dripped body": _then(HEAD + b"Content-Length: 1000000\r\n\r\n", lambda c: _drip(c, _endless(b" "))),
    "dripped body of a 503": _then(UNAVAILABLE, lambda connection: _drip(connection, _endless(b" "))),
    "dripped chunks": _then(CHUNKED, lambda connection: _drip(connection, _endless(b"1\r\n \r\n"))),
    "dripped trailers": _then(CHUNKED + b"0\r\n", lambda c: _drip(c, _endless(b"X: y\r\n"))),
    "dripped 100 Continue": lambda connection: _drip(connection, _bytes_of(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)),
    "body without a length": _then(HEAD + b"\r\n", lambda connection: _drip(connection, _endless(b" "))),
}
# Cases that their size ends long before.
FLOODS: dict[str, Talk] = {
    "endless chunks": _then(CHUNKED, lambda connection: _flood(connection, b"10000\r\n" + b" " * 65536 + b"\r\n")),
    "endless small chunks": _then(CHUNKED, lambda connection: _flood(connection, b"1\r\n \r\n" * 5000)),
    "endless trailers": _then(CHUNKED + b"0\r\n", lambda connection: _flood(connection, b"X: y\r\n" * 5000)),
    "endless 100 Continue": lambda connection: _flood(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "endless 103 Early Hints": lambda c: _flood(c, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500),
    "endless headers": _then(HEAD, lambda connection: _flood(connection, b"X: y\r\n" * 5000)),
    "one endless header": _then(HEAD + b"X: ", lambda connection: _flood(connection, b"y" * 65536)),
    "a body of 10 GB": _then(HEAD + b"Content-Length: 10000000000\r\n\r\n", lambda c: _flood(c, b" " * 65536)),
    "a gzip bomb of 1 GB": lambda connection: connection.sendall(bomb(1 << 30)),
    "a gzip bomb in a 503": lambda c: c.sendall(bomb(1 << 28).replace(b"200 OK", b"503 Down", 1)),
    "a million empty objects": lambda c: c.sendall(_json(b'{"data": [' + b"{}," * 1_000_000 + b"{}]}")),
    "brackets 100,000 deep": lambda connection: connection.sendall(_json(b"[" * 100_000 + b"]" * 100_000)),
}


def _json(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def packed(body: bytes) -> bytes:
    """A whole answer whose body is packed with gzip."""
    body = gzip.compress(body)
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def talking(*talks: Talk) -> Iterator[str]:
    """A server that talks in the first way on its first connection, and so on; in the last way on all later ones.

    It yields the base URL of an API there.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        threading.Thread(target=_serve, args=(listener, talks), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def _serve(listener: socket.socket, talks: tuple[Talk, ...]) -> None:
    for number in itertools.count():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        talk = talks[min(number, len(talks) - 1)]
        threading.Thread(target=_answer, args=(connection, talk), daemon=True).start()


def _answer(connection: socket.socket, talk: Talk) -> None:
    with connection, suppress(OSError):
        connection.recv(1 << 16)
        talk(connection)
