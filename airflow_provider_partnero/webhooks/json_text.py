"""JSON that somebody wrote by hand: errors say where."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from airflow_provider_partnero.api.names import trimmed
from airflow_provider_partnero.api.places import DocumentPlaces, EntryPlaces, Place
from airflow_provider_partnero.api.quoting import enumerated, short_repr

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}:,]|[^\s\[\]{}:,"]++')
_DEEPEST = 4  # the path of an event: webhooks, the entry's number, events, the event's number

# Where one declared webhook stands, where its fields' names and values do, and where its events do.
_Entry = tuple[Place, dict[str, Place], dict[str, Place], dict[str, Place]]


def parse_json(text: str) -> tuple[object, DocumentPlaces]:
    """The value in a text, and where the declared webhooks stand in it.

    :raises ValueError: the text is malformed, or has a field twice. The message gives line and column.
    :raises RecursionError: it is nested too deeply.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError:  # Python's own words are about a setting of Python
        raise ValueError("invalid JSON: a number has too many digits; quote it if it is a text") from None
    return value, _places(text)


@dataclass(slots=True)
class _Container:
    """A list or object that is not at its end yet."""

    is_list: bool
    at: str | int = 0
    is_name_next: bool = True
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Part:
    """A value, or the name of a field.

    :param path: names and numbers that lead to it; those of what is nested deeper than an event are cut.
    :param text: as it is in the file.
    :param is_repeated: whether it is a name that its object has already.
    """

    path: tuple[str | int, ...]
    text: str
    offset: int
    is_name: bool = False
    is_repeated: bool = False


def _parts(text: str) -> Iterator[_Part]:
    """The names and values in a text that is valid JSON."""
    around: list[_Container] = []
    for token in _TOKEN.finditer(text):
        sign, last = token[0], around[-1] if around else None
        if sign in "]}":
            around.pop()
        elif last and sign == ",":
            last.at = last.at + 1 if isinstance(last.at, int) else last.at
            last.is_name_next = True
        elif last and not last.is_list and last.is_name_next:
            last.at, last.is_name_next = json.loads(sign), False
            is_repeated = last.at in last.seen
            last.seen.add(str(last.at))
            yield _Part(_path(around), sign, token.start(), is_name=True, is_repeated=is_repeated)
        elif sign != ":":
            yield _Part(_path(around), sign, token.start())
            if sign in "[{":
                around.append(_Container(is_list=sign == "["))


def _path(around: list[_Container]) -> tuple[str | int, ...]:
    return tuple(container.at for container in around[: _DEEPEST + 1])


def _places(text: str) -> DocumentPlaces:
    breaks = [found.start() for found in re.finditer("\n", text)]
    fields: dict[str, Place] = {}
    entries: list[_Entry] = []
    repeated = []
    for part in _parts(text):
        if len(part.path) > _DEEPEST and not part.is_repeated:
            continue
        line = bisect_right(breaks, part.offset - 1)
        place = Place(line + 1, part.offset - (breaks[line - 1] if line else -1))
        if part.is_repeated:
            name = short_repr(json.loads(part.text))
            repeated.append(f"invalid declaration in {place}: the field {name} is there twice")
        if len(part.path) == 1 and part.is_name:
            fields[str(part.path[0])] = place
        path = part.path[1:] if part.path[:1] == ("webhooks",) else part.path
        if path and isinstance(path[0], int):
            _note(entries, path[1:], part, place)
    if repeated:
        raise ValueError(enumerated(repeated))
    return DocumentPlaces(fields, tuple(EntryPlaces(*entry) for entry in entries))


def _note(entries: list[_Entry], path: tuple[str | int, ...], part: _Part, place: Place) -> None:
    """Add the place of a part of the last entry; a part without a path starts a new one."""
    if not path:
        entries.append((place, {}, {}, {}))
        return
    _, names, values, events = entries[-1]
    if len(path) == 1 and isinstance(path[0], str):
        (names if part.is_name else values)[path[0]] = place
    elif len(path) == 2 and path[0] == "events" and part.text not in "[{":
        events.setdefault(trimmed(json.loads(part.text) if part.text.startswith('"') else part.text), place)
