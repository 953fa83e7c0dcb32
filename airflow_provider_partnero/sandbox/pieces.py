"""The bytes of an answer that travels unusually, in the pieces in which they are written."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import chain, repeat

from airflow_provider_partnero.sandbox.answers import Headers, RawAnswer
from airflow_provider_partnero.sandbox.wire import Wire

_BLOCK = 1 << 18  # bytes of a bomb that are compressed at once, which takes a few milliseconds
_CHUNK = 8192
_GZIP_FORMAT = 31  # of zlib's wbits


def interim_pieces(wire: Wire) -> Iterator[bytes]:
    """The interim answers, one in each piece."""
    status = wire.interim_status
    phrase = HTTPStatus(status).phrase if status in {known.value for known in HTTPStatus} else "Interim"
    answer = f"HTTP/1.1 {status} {phrase}\r\n\r\n".encode()
    return repeat(answer) if wire.interim == "endless" else repeat(answer, wire.interim)


def answer_pieces(answer: RawAnswer, wire: Wire) -> Iterator[bytes]:
    """The final answer; after it the connection is closed, or stays silent if the answer stops early."""
    if wire.stop_after == "nothing":
        return iter(())
    framing, body = ((), ()) if answer.status in (204, 304) else _framed(answer.body, wire)
    head = [_head(answer.status, (*answer.headers, *framing))]
    if wire.stop_after == "headers":
        body = ()
    return chain(
        _bytewise(head) if wire.drip in ("headers", "all") else head,
        _bytewise(body) if wire.drip in ("body", "all") else body,
    )


def _head(status: int, headers: Headers) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [name.title() + b": " + value for name, value in (*headers, (b"connection", b"close"))]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _framed(body: bytes, wire: Wire) -> tuple[Headers, Iterable[bytes]]:
    """The headers that say how the body is written, and what is written."""
    gzipped = (b"content-encoding", b"gzip")
    chunked = (b"transfer-encoding", b"chunked")
    if wire.content == "endless":
        return (chunked,), repeat(_chunk(b" " * _CHUNK))
    if wire.content == "gzip-bomb":
        return (gzipped, chunked), chain(map(_chunk, _bomb(wire.bomb_size)), [_chunk(b"")])
    written = gzip.compress(body) if wire.content == "gzip" else body
    length = (b"content-length", str(len(written)).encode())
    if wire.stop_after == "half":
        written = written[: len(written) // 2]
    return (gzipped, length) if wire.content == "gzip" else (length,), [written]


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def _bomb(size: int) -> Iterator[bytes]:
    """JSON of this many bytes, compressed."""
    start, end = b'{"data":[],"padding":"', b'"}'
    compressor = zlib.compressobj(9, wbits=_GZIP_FORMAT)
    left = size - len(start) - len(end)
    blocks = chain([start], repeat(b"0" * _BLOCK, left // _BLOCK), [b"0" * (left % _BLOCK), end])
    yield from filter(None, map(compressor.compress, blocks))
    yield compressor.flush()


def _bytewise(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return (piece[at : at + 1] for piece in pieces for at in range(len(piece)))
