"""Which declared webhook is which live one, and how the two differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from airflow_provider_partnero.api.arguments import trimmed
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.specs import WebhookSpec
from airflow_provider_partnero.webhooks.texts import listed, quoted, visible
from airflow_provider_partnero.webhooks.urls import Destination, shown_url

FieldValue = str | bool | tuple[str, ...]


class PlanError(ValueError):
    """Nobody can say which declared webhook is which live one; the message says why, which keys, and what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs.

    :param field: ``"name"``, ``"url"``, ``"events"`` or ``"is_active"``.
    :param old: the live value; events sorted. A URL is whole, with its secrets: never show it as it is.
    :param new: the declared value; events in the declaration's order.
    """

    field: str
    old: FieldValue = dataclass_field(repr=False)
    new: FieldValue = dataclass_field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"field", "old", "new"}``, URLs without their secrets."""
        return {"field": self.field, "old": _plain(self.field, self.old), "new": _plain(self.field, self.new)}


@dataclass(frozen=True, slots=True)
class Matching:
    """Declared and live webhooks side by side.

    :param pairs: each declared webhook that is there, with the live one.
    :param missing: declared webhooks that are not there.
    :param undeclared: live webhooks that are not declared.
    :param ambiguous: declared webhooks with the two or more live ones that bear their name.
    """

    pairs: tuple[tuple[WebhookSpec, Webhook], ...]
    missing: tuple[WebhookSpec, ...]
    undeclared: tuple[Webhook, ...]
    ambiguous: tuple[tuple[WebhookSpec, tuple[Webhook, ...]], ...]


def match(specs: Iterable[WebhookSpec], webhooks: Iterable[Webhook]) -> Matching:
    """Find each declared webhook among the live ones: by key, else by name.

    A specification whose key no live webhook has is looked for by name like one without: Partnero may ignore the key
    that a create supplies, and then the webhook lives under another. Keys go first, for all specifications, so that a
    webhook that is meant by its key is never taken by its name; and no live webhook is matched twice. White space
    around a live name does not count.

    :raises PlanError: two specifications have one name, or one key.
    """
    specs = tuple(specs)
    check_distinct(specs)
    left = dict(enumerate(webhooks))
    position_of_key: dict[str, int] = {}
    for position, webhook in left.items():
        position_of_key.setdefault(webhook.key, position)
    found: dict[str, Webhook] = {}
    for spec in specs:
        if spec.key is not None and spec.key in position_of_key:
            found[spec.name] = left.pop(position_of_key[spec.key])

    positions_of_name: defaultdict[str, list[int]] = defaultdict(list)
    for position, webhook in left.items():
        positions_of_name[trimmed(webhook.name)].append(position)
    ambiguous: list[tuple[WebhookSpec, tuple[Webhook, ...]]] = []
    missing: list[WebhookSpec] = []
    for spec in specs:
        if spec.name in found:
            continue
        namesakes = [left.pop(position) for position in positions_of_name.get(spec.name, ())]
        if len(namesakes) > 1:
            ambiguous.append((spec, tuple(namesakes)))
        elif namesakes:
            found[spec.name] = namesakes[0]
        else:
            missing.append(spec)
    return Matching(
        pairs=tuple((spec, found[spec.name]) for spec in specs if spec.name in found),
        missing=tuple(missing),
        undeclared=tuple(left.values()),
        ambiguous=tuple(ambiguous),
    )


def changes_between(webhook: Webhook, spec: WebhookSpec) -> tuple[Change, ...]:
    """The fields in which a live webhook is not as declared.

    Order and repetition of events do not matter, nor do spellings of one URL, which a server may write its own way.
    """
    return tuple(_changes(webhook, spec))


def check_distinct(specs: Sequence[WebhookSpec]) -> None:
    """
    :raises PlanError: two specifications have one name, or one key.
    """
    problems = [
        f"{number} declared webhooks have the {what} {quoted(value)}: give each its own, or drop all but one"
        for what, values in (
            ("name", (spec.name for spec in specs)),
            ("key", (spec.key for spec in specs if spec.key is not None)),
        )
        for value, number in Counter(values).items()
        if number > 1
    ]
    if problems:
        raise PlanError("; ".join(listed_problems(problems)))


def listed_problems(problems: list[str]) -> list[str]:
    """The first ten problems, and how many more there are."""
    return problems if len(problems) <= 10 else [*problems[:10], f"and {len(problems) - 10:,} more like these"]


def keys_of(webhooks: Sequence[Webhook]) -> str:
    """The keys of a few webhooks, for a sentence."""
    return listed([quoted(webhook.key) for webhook in webhooks[:5]], most=5, total=len(webhooks))


def _changes(webhook: Webhook, spec: WebhookSpec) -> Iterator[Change]:
    if webhook.name != spec.name:
        yield Change("name", webhook.name, spec.name)
    if webhook.url != spec.url and Destination.of(webhook.url).identity != Destination.of(spec.url).identity:
        yield Change("url", webhook.url, spec.url)
    if set(webhook.events) != set(spec.events):
        yield Change("events", tuple(sorted(set(webhook.events))), spec.events)
    if webhook.is_active != spec.is_active:
        yield Change("is_active", webhook.is_active, spec.is_active)


def _plain(name: str, value: FieldValue) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return [visible(event) for event in value]
    return shown_url(value) if name == "url" else visible(value)
