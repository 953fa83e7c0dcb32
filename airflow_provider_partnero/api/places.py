"""Where in a file something is declared, for messages and for what annotates a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    :param events: of each event, by its name without the white space around it.
    """

    start: Place
    names: Mapping[str, Place] = field(default_factory=dict)
    values: Mapping[str, Place] = field(default_factory=dict)
    events: Mapping[str, Place] = field(default_factory=dict)

    def of_name(self, name: object) -> Place:
        """Where a field's name stands; else where the entry starts."""
        return self.names.get(str(name), self.start)

    def of_value(self, name: str) -> Place:
        """Where a field's value stands; else where the entry starts."""
        return self.values.get(name, self.start)

    def of_event(self, event: str) -> Place:
        """Where an event stands; else where the list of events does."""
        return self.events.get(event) or self.of_value("events")


@dataclass(frozen=True, slots=True)
class DocumentPlaces:
    """Where the parts of a declaration file stand.

    :param fields: of the name of each field beside ``webhooks``.
    :param entries: of the declared webhooks, in their order; empty if they cannot be found.
    """

    fields: Mapping[str, Place] = field(default_factory=dict)
    entries: tuple[EntryPlaces, ...] = ()

    def of_entry(self, position: int) -> EntryPlaces | None:
        """The places of one declared webhook, if they are known."""
        return self.entries[position] if position < len(self.entries) else None
