"""The forms in which a mark may lie somewhere, and the search for them."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from .markers import WINDOW, Kind, Marker

PLAIN = "plain"
_GZIP = b"\x1f\x8b\x08"
_BLOCK = WINDOW // 2  # every window holds one of the blocks that lie side by side from the start


@dataclass(frozen=True)
class Form:
    """A mark as it would look.

    :param window: so many bytes of it count as all of it.
    """

    kind: Kind
    name: str
    text: bytes = field(repr=False)
    window: int


def forms_of(marker: Marker) -> list[Form]:
    """Each form once, the plain one first."""
    plain = marker.value.encode()
    found: dict[bytes, Form] = {}
    for name, text, factor in _written(marker.value, plain):
        window = min(round(WINDOW * factor), len(text))
        found.setdefault(text, Form(marker.kind, name, text, window))
    return list(found.values())


def _written(value: str, plain: bytes) -> Iterator[tuple[str, bytes, float]]:
    """Name, bytes, and how many bytes stand for one character."""
    yield PLAIN, plain, 1
    yield "percent-encoded", quote(value, safe="").encode(), 1
    yield "form-encoded", quote_plus(value).encode(), 1
    yield "JSON", json.dumps(value)[1:-1].encode(), 1
    yield "JSON in JSON", json.dumps(json.dumps(value))[3:-3].encode(), 1
    yield "repr of bytes", repr(plain)[2:-1].encode(), 1
    yield "hexadecimal", plain.hex().encode(), 2
    yield "capital hexadecimal", plain.hex().upper().encode(), 2
    yield "UTF-16", value.encode("utf-16-le")[:-1], 2 - 1 / WINDOW  # this way it is in both byte orders
    for shift in range(3):
        start = -(-shift * 4 // 3)  # characters that the bytes before it share
        for name, encode in (("base64", b64encode), ("base64 for URLs", urlsafe_b64encode)):
            text = encode(b"\0" * shift + plain).rstrip(b"=")
            end = len(text) - 1 if (shift + len(plain)) % 3 else len(text)  # what the bytes behind it share
            # A window of plain bytes, less what its first and last characters share with others.
            yield name, text[start:end], (WINDOW * 4 // 3 - 2) / WINDOW


@dataclass(frozen=True)
class Hit:
    """A mark that was found, and in which form."""

    kind: Kind
    form: str


class Search:
    """Finds marks in bytes."""

    def __init__(self, markers: Iterable[Marker]) -> None:
        self._blocks: dict[bytes, list[tuple[Form, int]]] = {}
        for form in (form for marker in markers for form in forms_of(marker)):
            size = _block_size(form)
            for at in range(0, len(form.text) - size + 1, size):
                self._blocks.setdefault(form.text[at : at + size], []).append((form, at))

    def hits(self, content: bytes) -> set[Hit]:
        """Each kind that is in there, in one of its forms, also within what is compressed."""
        found = {hit.kind: hit for hit in sorted(self._hits(content), key=lambda hit: hit.form == PLAIN)}
        for unpacked in _unpacked(content):
            found = {hit.kind: Hit(hit.kind, f"{hit.form}, compressed") for hit in self._hits(unpacked)} | found
        return {*found.values()}

    def _hits(self, content: bytes) -> set[Hit]:
        found: set[Hit] = set()
        for block, places in self._blocks.items():
            at = content.find(block)
            while at >= 0:
                found |= {
                    Hit(form.kind, form.name)
                    for form, offset in places
                    if _common(form.text, offset, content, at) >= form.window
                }
                at = content.find(block, at + 1)
        return found


def _block_size(form: Form) -> int:
    return max(1, (form.window + 1) // 2)


def _common(text: bytes, offset: int, content: bytes, at: int) -> int:
    """How many bytes around both positions are the same."""
    before = 0
    while before < min(offset, at) and text[offset - before - 1] == content[at - before - 1]:
        before += 1
    behind = 0
    while offset + behind < len(text) and at + behind < len(content) and text[offset + behind] == content[at + behind]:
        behind += 1
    return before + behind


def _unpacked(content: bytes) -> Iterator[bytes]:
    at = content.find(_GZIP)
    while at >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj(wbits=31).decompress(content[at:], 64 * 1024 * 1024)
        at = content.find(_GZIP, at + 1)


def packed(content: bytes) -> bytes:
    """As a log that was rotated."""
    return gzip.compress(content)
