"""Reading the body of an answer: in pieces, unpacked within a size limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero.api.exchanges import Exchange

ACCEPTED = "gzip"
MOST_DECODED = 8 * 1024 * 1024  # bytes of one answer
TOO_LARGE = f"an answer of more than {MOST_DECODED // 1024**2} MiB, which is not read"

_PIECE = 64 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = {"gzip", "x-gzip", "deflate"}


def read_body(raw: Any, exchange: Exchange) -> bytearray:
    """The whole body, unpacked. urllib3's own way may unpack a piece of 64 kB to as much as 64 MB.

    :param raw: urllib3's response, not read yet.
    :raises OSError: there is more than 8 MiB, or the time is used up.
    :raises urllib3.exceptions.HTTPError: the body ends early, or is packed in a way that we did not accept.
    """
    body = bytearray()
    for piece in _unpacked(raw, raw.headers.get("Content-Encoding", "").strip().lower()):
        body += piece
        if len(body) > MOST_DECODED:
            exchange.refuse_size()
    return body


def _unpacked(raw: Any, encoding: str) -> Iterator[bytes]:
    """The body in pieces of at most 64 kB."""
    pieces = iter(lambda: raw.read(_PIECE, decode_content=False), b"")
    if encoding in {"", "identity"}:
        yield from pieces
        return
    if encoding not in _PACKED:
        raise urllib3_errors.DecodeError("the body is packed in a way that was not asked for")
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_empty = True
    try:
        for piece in pieces:
            packed, is_empty = piece, False
            while packed and not inflate.eof:
                yield inflate.decompress(packed, _PIECE)
                packed = inflate.unconsumed_tail
    except zlib.error as error:
        raise urllib3_errors.DecodeError("the body is not what its Content-Encoding says") from error
    if not (is_empty or inflate.eof):
        raise urllib3_errors.DecodeError("the packed body ends early")
