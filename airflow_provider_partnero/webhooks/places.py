"""Where in a declaration file something stands, for messages and for what annotates a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text.

    :param line: from 1.
    :param column: from 1.
    """

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class EntryPlaces:
    """Where the parts of one declared webhook stand.

    :param start: of the entry.
    :param names: of each field's name.
    :param values: of each field's value.
    :param events: of each event, in their order.
    """

    start: Place
    names: Mapping[str, Place] = field(default_factory=dict)
    values: Mapping[str, Place] = field(default_factory=dict)
    events: tuple[Place, ...] = ()


def places_in(text: str) -> tuple[EntryPlaces, ...]:
    """The places of the declared webhooks in a YAML or JSON text, in their order; empty if they cannot be found.

    JSON is read as YAML here, which has it as a subset but for the tabs between its values.
    """
    yaml: Any = import_module("yaml")  # comes with Airflow
    try:
        node = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text.replace("\t", " ")).get_single_node()
    except (yaml.YAMLError, RecursionError):
        return ()
    if node is not None and node.id == "mapping":
        node = next((value for name, value in node.value if name.value == "webhooks"), None)
    if node is None or node.id != "sequence":
        return ()
    return tuple(map(_entry, node.value))


def _entry(node: Any) -> EntryPlaces:
    if node.id != "mapping":
        return EntryPlaces(_place(node))
    pairs = [(name, value) for name, value in node.value if isinstance(name.value, str)]
    lists = [value.value for name, value in pairs if name.value == "events" and value.id == "sequence"]
    return EntryPlaces(
        start=_place(node),
        names={name.value: _place(name) for name, _ in pairs},
        values={name.value: _place(value) for name, value in pairs},
        events=tuple(map(_place, lists[0] if lists else ())),
    )


def _place(node: Any) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
