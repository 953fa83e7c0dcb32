"""A wanted webhook: what a create asks for, and what a declaration lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import islice
from typing import Any

from airflow_provider_partnero.api import arguments
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import is_cut_from, is_respelled, normal_name
from airflow_provider_partnero.api.places import DocumentPlaces, EntryPlaces, Place
from airflow_provider_partnero.api.quoting import MOST_PROBLEMS, enumerated
from airflow_provider_partnero.api.urls import loose_url, normal_url

SPEC_FIELDS = ("name", "url", "events", "is_active", "key")
"""What a declaration may say of a webhook."""

_REQUIRED = ("name", "url", "events")

FieldValue = str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A field in which a live webhook differs from the wanted one.

    :param field: ``"name"``, ``"url"``, ``"events"`` or ``"is_active"``.
    :param old: the live value; events sorted. A URL still has its secrets: redact it before you show it.
    :param new: the wanted value; events in the order given.
    """

    field: str
    old: FieldValue = dataclass_field(repr=False)
    new: FieldValue = dataclass_field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """One wanted webhook.

    :param name: its name, not empty. White space around it, such as the line break of a YAML block, is dropped,
        as Partnero does too; the same goes for each event, but not for the key.
    :param url: where events are delivered: an absolute http:// or https:// URL. In a declaration, ``***`` in it stands
        for a secret part that only the live webhook has.
    :param events: at least one event; duplicates are dropped, the order does not matter.
    :param is_active: whether Partnero delivers events.
    :param key: Partnero's id of the webhook, without ``/``; None: any.
    :param origin: where it is declared; None if it is not declared in a file.
    :raises ValueError: a value is not allowed; the message names the argument, its value (without a URL's secrets) and
        what is allowed.
    """

    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool = True
    key: str | None = None
    origin: EntryPlaces | None = dataclass_field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", arguments.trimmed_name(self.name))
        arguments.checked_url(self.url)
        object.__setattr__(self, "events", arguments.trimmed_events(self.events))
        arguments.checked_flag(self.is_active, argument="is_active")
        if self.key is not None:
            arguments.checked_key(self.key)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, where: str = "webhook") -> WebhookSpec:
        """The specification in a mapping with the fields ``name, url, events`` and, if given, ``is_active, key``.

        :param where: how messages refer to the mapping, such as ``"webhooks[3]"``.
        :raises ValueError: a field is missing, unknown or wrong; the message says which, where, and what is allowed.
        """
        read = _read(mapping, where, None)
        if isinstance(read, WebhookSpec):
            return read
        raise ValueError(enumerated(read))

    def body(self) -> dict[str, Any]:
        """The JSON body of a create (the specification, "Create a webhook")."""
        fields = {"name": self.name, "url": self.url, "events": list(self.events), "is_active": self.is_active}
        return fields if self.key is None else {**fields, "key": self.key}

    def differences(self, live: Webhook, *, just_made: bool = False) -> tuple[Change, ...]:
        """The fields in which a live webhook differs from this one. Keys are not compared.

        Names are compared by their normal form (:func:`~airflow_provider_partnero.api.names.normal_name`), URLs by
        theirs (:func:`~airflow_provider_partnero.api.urls.normal_url`), events as sets.

        :param live: the webhook at Partnero.
        :param just_made: it was created from this specification a moment ago. So it may not be active yet, its name may
            be cut short or respelled, and its URL may have lost a slash at its end or been escaped.
        """
        return tuple(self._changes(live, just_made))

    def is_met_by(self, live: Webhook, *, just_made: bool = False) -> bool:
        """Whether there are no :meth:`differences`."""
        return next(self._changes(live, just_made), None) is None

    def _changes(self, live: Webhook, just_made: bool) -> Iterator[Change]:
        if not self._is_name(live.name, just_made):
            yield Change("name", live.name, self.name)
        if not self._is_url(live.url, just_made):
            yield Change("url", live.url, self.url)
        if set(live.events) != set(self.events):
            yield Change("events", tuple(sorted(set(live.events))), self.events)
        if live.is_active != self.is_active and not (just_made and self.is_active):
            yield Change("is_active", live.is_active, self.is_active)

    def _is_name(self, name: str, just_made: bool) -> bool:
        if name == self.name or normal_name(name) == normal_name(self.name):
            return True
        return just_made and (is_cut_from(name, self.name) or is_respelled(name, self.name))

    def _is_url(self, url: str, just_made: bool) -> bool:
        if url == self.url or normal_url(url) == normal_url(self.url):
            return True
        return just_made and loose_url(url) == loose_url(self.url)


def specs_from(webhooks: Iterable[Mapping[str, Any] | WebhookSpec]) -> tuple[WebhookSpec, ...]:
    """The specifications in a list of mappings; entries that are specifications already stay as they are.

    :raises ValueError: as :meth:`WebhookSpec.from_mapping` does; the message gives the place as ``webhooks[3]``, and
        lists the first ten problems.
    """
    if isinstance(webhooks, str | Mapping) or not isinstance(webhooks, Iterable):
        given = type(webhooks).__name__
        raise ValueError(f"webhooks must be a list of mappings with the fields {', '.join(SPEC_FIELDS)}, not {given}")
    specs, problems = read_specs(webhooks)
    if problems:
        raise ValueError(enumerated(problems))
    return specs


def read_specs(
    webhooks: Iterable[Mapping[str, Any] | WebhookSpec],
    places: DocumentPlaces = DocumentPlaces(),  # noqa: B008 - it is frozen
) -> tuple[tuple[WebhookSpec, ...], list[str]]:
    """The specifications in a list of mappings, and what is wrong with the other mappings.

    :param places: where the mappings stand in a file.
    """
    specs: list[WebhookSpec] = []
    problems: list[str] = []
    for position, entry in enumerate(webhooks):
        where = f"webhooks[{position}]"
        read = entry if isinstance(entry, WebhookSpec) else _read(entry, where, places.of_entry(position))
        if isinstance(read, WebhookSpec):
            specs.append(read)
        else:
            problems += read
        if len(problems) >= MOST_PROBLEMS:
            break
    return tuple(specs), problems


def _read(mapping: Any, where: str, origin: EntryPlaces | None) -> WebhookSpec | list[str]:
    """The specification in a mapping; or the first problems with it."""
    if isinstance(mapping, Mapping) and all(name in SPEC_FIELDS for name in mapping):
        try:
            return WebhookSpec(**mapping, origin=origin)
        except (TypeError, ValueError):  # a field is missing or wrong
            pass
    problems = islice(_problems(mapping, origin), MOST_PROBLEMS)
    return [f"{where} in {place}{words}" if place else f"{where}{words}" for place, words in problems]


def _problems(mapping: Any, origin: EntryPlaces | None) -> Iterator[tuple[Place | None, str]]:
    """What is wrong with a mapping, in words that follow what it is called, and where that stands."""
    start = origin.start if origin else None
    if not isinstance(mapping, Mapping):
        allowed = f"must be a mapping with the fields {', '.join(SPEC_FIELDS)}"
        yield start, f" {allowed}, not {type(mapping).__name__}"
        return
    for name in mapping:
        if name not in SPEC_FIELDS:
            unknown = arguments.unknown_name(name, SPEC_FIELDS, what="field")
            yield origin.of_name(name) if origin else None, f": {unknown}"
    if missing := [name for name in _REQUIRED if name not in mapping]:
        yield start, f": {' and '.join(missing)} missing; required are {', '.join(_REQUIRED)}"
    for name, check in _CHECKS.items():
        try:
            if name in mapping:
                check(mapping[name])
        except ValueError as error:
            yield origin.of_value(name) if origin else None, f": {error}"


def _check_key(key: object) -> None:
    if key is not None:
        arguments.checked_key(key)


_CHECKS: Mapping[str, Callable[[object], object]] = {
    "name": arguments.trimmed_name,
    "url": arguments.checked_url,
    "events": arguments.trimmed_events,
    "is_active": lambda value: arguments.checked_flag(value, argument="is_active"),
    "key": _check_key,
}
