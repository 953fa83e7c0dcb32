"""How each field of a webhook is read: whatever its type, as far as it goes, with a mark if it is odd.

PHP may write a boolean as 1 or "1", a text of digits as a number, a list with gaps as ``{"0": ..., "2": ...}``, and a
list that nobody decoded as a text. These can be read. A null cannot: it may stand for nothing, or for something that is
not shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_partnero.api.arguments import checked_key

LONGEST_SIGNATURE = 1_000
"""Characters; Partnero's have 16. What hides secrets, here and in Airflow, takes very long for endless ones."""

_FLAGS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What was read of a field.

    :param value: None if nothing could be read.
    :param oddity: what is odd, in words that follow the field's name; empty if nothing is. It never shows the value.
    :param is_unreadable: whether the value is not all that the field may say.
    """

    value: Any
    oddity: str = ""
    is_unreadable: bool = False


MISSING: Final = FieldReading(None, "is missing", is_unreadable=True)


def kind_of(value: object) -> str:
    """What a JSON value is, in words: ``null``, ``a number``, ``a list``..."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    kinds = {int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _unreadable(value: object) -> FieldReading:
    return FieldReading(None, f"is {kind_of(value)}", is_unreadable=True)


def _text(value: object) -> FieldReading:
    if isinstance(value, str):
        return FieldReading(value)
    if isinstance(value, int) and not isinstance(value, bool):  # not a float, whose digits are not those sent
        return FieldReading(str(value), "is a number")
    return _unreadable(value)


def _key(value: object) -> FieldReading:
    """A key that the client refuses, such as ``" k"``, is kept to be shown, but no request can name it."""
    if value == "":
        return FieldReading(None, "is empty", is_unreadable=True)
    reading = _text(value)
    if reading.is_unreadable or _can_be_asked_for(reading.value):
        return reading
    return FieldReading(reading.value, "cannot be part of a request", is_unreadable=True)


def _can_be_asked_for(key: str) -> bool:
    if key.isascii() and key.isalnum() and key != "None":  # as nearly all are
        return True
    try:
        return bool(checked_key(key))
    except ValueError:
        return False


def _signature(value: object) -> FieldReading:
    reading = _text(value)
    if reading.is_unreadable or len(reading.value) <= LONGEST_SIGNATURE:
        return reading
    return FieldReading(None, f"has more than {LONGEST_SIGNATURE:,} characters", is_unreadable=True)


def _flag(value: object) -> FieldReading:
    if isinstance(value, bool):
        return FieldReading(value)
    read = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    if isinstance(value, int | float) and value in (0, 1):
        read = bool(value)
    if read is None:
        return _unreadable(value)
    return FieldReading(read, f"is {kind_of(value)} (read as {'true' if read else 'false'})")


def _events(value: object) -> FieldReading:
    if isinstance(value, list | tuple):
        return _event_names(value)
    if isinstance(value, Mapping):
        return _event_names(value.values(), f"is {kind_of(value)}")
    if isinstance(value, str) and value.strip():
        return _events_in_text(value.strip())
    return _unreadable(value)


def _events_in_text(text: str) -> FieldReading:
    """The events of a list that was not decoded, or that has commas between its entries."""
    if not text.startswith(("[", "{", '"')):
        return _event_names([name.strip() for name in text.split(",")], "is a text")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return _unreadable(text)
    if isinstance(entries, dict):
        entries = list(entries.values())
    return _event_names(entries, "is a text") if isinstance(entries, list) else _unreadable(text)


def _event_names(entries: Iterable[object], oddity: str = "") -> FieldReading:
    entries = tuple(entries)
    names = tuple(entry for entry in entries if isinstance(entry, str))
    if len(names) == len(entries):
        return FieldReading(names, oddity)
    other = next(kind_of(entry) for entry in entries if not isinstance(entry, str))
    return FieldReading(names, " and ".join(filter(None, (oddity, f"holds {other}"))), is_unreadable=True)


def is_as_documented(row: Mapping[str, Any]) -> bool:
    """Whether every field has the documented type. Nearly all have, and they need none of the readers."""
    events = row.get("events")
    return (
        isinstance(row.get("is_active"), bool)
        and isinstance(events, list)
        and isinstance(row.get("key"), str)
        and _can_be_asked_for(row["key"])
        and isinstance(row.get("name"), str)
        and isinstance(row.get("url"), str)
        and isinstance(row.get("signature"), str)
        and len(row["signature"]) <= LONGEST_SIGNATURE
        and _ONLY_TEXTS.issuperset(map(type, events))
    )


_ONLY_TEXTS = frozenset({str})

READERS: Mapping[str, Callable[[object], FieldReading]] = {
    "key": _key,
    "name": _text,
    "url": _text,
    "is_active": _flag,
    "events": _events,
    "signature": _signature,
}
"""The fields of a webhook, each with what reads it. None of them raises, whatever the JSON."""
