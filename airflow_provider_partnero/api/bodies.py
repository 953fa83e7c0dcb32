"""Reading the body of an answer: in pieces, unpacked within a size limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero.api.exchanges import MOST_DECODED, Exchange

ACCEPTED = "gzip"
MOST_BEYOND_ASCII = 2 * 1024 * 1024  # bytes of an answer with other characters: Python keeps 4 bytes for each character
MOST_VALUES = 100_000  # of the JSON in one answer, since each may take some 200 bytes; 100 webhooks have some 2,000
TOO_LARGE = (
    f"the answer is too large: more than {MOST_DECODED // 1024**2} MiB, "
    f"{MOST_BEYOND_ASCII // 1024**2} MiB if not all is ASCII, or {MOST_VALUES:,} values"
)

_PIECE = 64 * 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STRUCTURE = (b"{", b"[", b",")
_PACKED = {"gzip", "x-gzip", "deflate"}


class Body(NamedTuple):
    """The body of an answer, unpacked.

    :param content: its bytes.
    :param values: how many values its JSON has, about.
    """

    content: bytearray
    values: int


def read_body(raw: Any, exchange: Exchange) -> Body:
    """The whole body, unpacked. urllib3's own way may unpack a piece of 64 kB to as much as 64 MB.

    :param raw: urllib3's response, not read yet.
    :raises OSError: it is too large (see ``TOO_LARGE``), or the time is used up.
    :raises urllib3.exceptions.HTTPError: the body ends early, or is packed in a way that we did not accept.
    """
    content = bytearray()
    for piece in _unpacked(raw, raw.headers.get("Content-Encoding", "").strip().lower()):
        content += piece
        if len(content) > exchange.most:
            exchange.refuse_size()
    body = Body(content, sum(map(content.count, _STRUCTURE)))
    if body.values > MOST_VALUES or _has_wide_characters(content):
        exchange.refuse_size()
    return body


def _has_wide_characters(content: bytearray) -> bool:
    """Whether its text would take much more memory than its bytes."""
    return len(content) > MOST_BEYOND_ASCII and not (content.isascii() and b"\\u" not in content)


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
