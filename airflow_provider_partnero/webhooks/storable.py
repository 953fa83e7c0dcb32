"""What of a delivery can be stored in any database, handed to a task and returned by it; the rest is changed for it.

Airflow hands a task its asset events as msgpack, reads XComs with a serialiser of its own, and keeps both in JSON
columns. What any of them refuses would fail every run that is given the event.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

DEEPEST = 24
"""Levels of lists and objects within the data. MariaDB takes 31; some are left for what a task puts around it."""

_INTEGERS = range(-(1 << 63), 1 << 63)
_MANY_DIGITS = 300  # Python reads no integer of more than 4,300, and a float of 309 may be too large for a double
_ALL_DIGITS_0 = bytes.maketrans(b"123456789E", b"000000000e")
_LONGEST_NAME = 16_000  # characters; MySQL takes 65,535 bytes
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # where halves of a surrogate pair meet, `json` has made one character
_RESERVED = "__"  # the names that Airflow's serialisers reserve begin with it

# A text without an end goes on to the end of the body.
_TEXTS_AND_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]+|[\]}]+', re.DOTALL)
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_QUOTES_AND_BRACKETS = bytes(set(range(256)) - set(b'"[]{}'))


class Mark(StrEnum):
    """What had to be changed in a delivery, in words that never change.

    - ``LARGE_NUMBERS``: whole numbers beyond 64 bits, and others beyond the range of a double, are text.
    - ``DEEP_PARTS``: what is nested deeper than :data:`DEEPEST` levels is its JSON text.
    - ``CHARACTERS``: NUL and halves of a surrogate pair are U+FFFD.
    - ``RESERVED_NAMES``: names of fields that begin with two underscores have ``partnero`` before them.
    - ``LONG_NAMES``: names of fields are cut to 16,000 characters.
    """

    LARGE_NUMBERS = "large numbers"
    DEEP_PARTS = "deep parts"
    CHARACTERS = "characters"
    RESERVED_NAMES = "reserved names"
    LONG_NAMES = "long names"


@dataclass(frozen=True, slots=True)
class LargeNumber:
    """A number that is stored as it is written."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """JSON as it was read.

    :param value: with :class:`LargeNumber`, and without the lists and objects that are nested too deeply.
    :param has_deep_parts: whether there were such; they are their JSON text.
    """

    value: Any
    has_deep_parts: bool


def parse_body(body: bytes) -> ParsedBody:
    """The JSON in a body, whatever its depth and its numbers.

    It takes time and memory in proportion to the body. What is nested too deeply is not looked into: that it is JSON
    is not checked.

    :raises ValueError: it is not JSON in UTF-8. The message quotes nothing of it.
    """
    body.decode()
    has_deep_parts = _is_deeper(body, DEEPEST + 1)  # the data are within an object
    flat = _with_deep_parts_as_text(body, DEEPEST + 1) if has_deep_parts else body
    try:
        value = _read(flat)
    except RecursionError:  # brackets that are never closed
        raise ValueError("not JSON") from None
    return ParsedBody(value, has_deep_parts)


def _read(body: bytes) -> Any:
    shape = body.translate(_ALL_DIGITS_0)
    if any(unusual in shape for unusual in (b"0" * _MANY_DIGITS, b"e000", b"e+000")):
        return json.loads(body, parse_constant=_refuse, parse_int=_integer, parse_float=_float)
    return json.loads(body, parse_constant=_refuse)  # a third of the time


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _integer(text: str) -> int | LargeNumber:
    return int(text) if len(text) < _MANY_DIGITS else LargeNumber(text)


def _float(text: str) -> float | LargeNumber:
    number = float(text)
    return number if math.isfinite(number) else LargeNumber(text)


def _is_deeper(body: bytes, most: int) -> bool:
    """Whether brackets are nested deeper, outside of texts; also true if they do not match."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    outside_and_inside = without_escapes.translate(_AS_SQUARE, _ALL_BUT_QUOTES_AND_BRACKETS).split(b'"')
    brackets = b"".join(outside_and_inside[::2])
    for _ in range(most):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _with_deep_parts_as_text(body: bytes, most: int) -> bytes:
    pieces = []
    copied = start = depth = 0
    for token in _TEXTS_AND_BRACKETS.finditer(body):
        at, end = token.span()
        if body[at] in b"[{":
            if depth <= most < depth + end - at:
                start = at + most - depth
            depth += end - at
        elif body[at] in b"]}":
            if depth > most >= depth - (end - at):
                deep_end = at + depth - most
                pieces += [body[copied:start], json.dumps(body[start:deep_end].decode()).encode()]
                copied = deep_end
            depth -= end - at
    return b"".join([*pieces, body[copied:]])


def to_storable(value: Any) -> tuple[Any, frozenset[Mark]]:
    """A parsed value as it can be stored, and what had to be changed for it.

    :param value: of :func:`parse_body`, or a part of it. Its lists and objects are changed in place.
    """
    conversion = _Conversion()
    return conversion.of(value), frozenset(conversion.changes)


def storable_text(text: str) -> str:
    """The text as every database can store it: lone surrogates and NUL become U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def storable_name(name: str) -> str:
    """The name of a field as it is stored, unless another field of its object has that name already."""
    name = storable_text(name)[:_LONGEST_NAME]
    return f"partnero{name}" if name.startswith(_RESERVED) else name


class _Conversion:
    """Makes values storable. A second tree of a large body would take much memory, so it changes the first."""

    def __init__(self) -> None:
        self.changes: set[Mark] = set()
        self._names: dict[str, str] = {}
        self._next = 2

    def of(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return value if value.isascii() and "\0" not in value else self._text(value)
        if kind is dict:
            return self._object(value)
        if kind is list:
            self._list(value)
        elif (kind is int and value not in _INTEGERS) or kind is LargeNumber:
            self.changes.add(Mark.LARGE_NUMBERS)
            return str(value)
        return value

    def _list(self, items: list[Any]) -> None:
        of = self.of
        for index, item in enumerate(items):
            stored = of(item)
            if stored is not item:
                items[index] = stored

    def _object(self, fields: dict[str, Any]) -> dict[str, Any]:
        of, names = self.of, self._names
        has_other_names = False
        for name, item in fields.items():
            if (names.get(name) or self._name(name)) != name:
                has_other_names = True
            stored = of(item)
            if stored is not item:
                fields[name] = stored
        return self._renamed(fields) if has_other_names else fields

    def _renamed(self, value: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, item in value.items():
            stored = base = self._name(name)
            while stored != name and (stored in value or stored in kept):
                stored = f"{base} ({self._next})"
                self._next += 1  # never the same again, or many equal names would take long
            kept[stored] = item
        return kept

    def _name(self, name: str) -> str:
        stored = self._names.get(name)
        if stored is None:
            stored = self._names[name] = storable_name(name)
            if stored != name:
                self._note_change_of(name)
        return stored

    def _note_change_of(self, name: str) -> None:
        text = self._text(name)
        if len(text) > _LONGEST_NAME:
            self.changes.add(Mark.LONG_NAMES)
        if text.startswith(_RESERVED):
            self.changes.add(Mark.RESERVED_NAMES)

    def _text(self, text: str) -> str:
        stored = storable_text(text)
        if stored != text:
            self.changes.add(Mark.CHARACTERS)
            return stored
        return text
