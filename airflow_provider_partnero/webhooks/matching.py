"""Which live webhook belongs to which declared one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.texts import listed, quoted


class PlanError(ValueError):
    """It is ambiguous which live webhook belongs to which declared one; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Declared and live webhooks side by side.

    :param pairs: each declared webhook that exists, with the live one.
    :param missing: declared webhooks that do not exist.
    :param undeclared: live webhooks that are not declared.
    :param ambiguous: declared webhooks whose name several live ones have, with these.
    """

    pairs: tuple[tuple[WebhookSpec, Webhook], ...]
    missing: tuple[WebhookSpec, ...]
    undeclared: tuple[Webhook, ...]
    ambiguous: tuple[tuple[WebhookSpec, tuple[Webhook, ...]], ...]


def match(specs: Iterable[WebhookSpec], webhooks: Iterable[Webhook]) -> Matching:
    """Find each declared webhook among the live ones: by key, else by name.

    If no live webhook has the key of a specification, the name decides: Partnero may ignore the key of a create,
    and then the webhook has another one. All keys are matched before any name, so a webhook declared by its key is
    never matched by a name. No live webhook is matched twice. Names are compared by their normal form.

    :raises PlanError: two specifications have the same name or key.
    """
    specs = tuple(specs)
    check_distinct(specs)
    left = dict(enumerate(webhooks))
    found = _match_keys(specs, left)
    namesakes = _match_names([spec for spec in specs if spec not in found], left)
    found |= {spec: live[0] for spec, live in namesakes.items() if len(live) == 1}
    return Matching(
        pairs=tuple((spec, found[spec]) for spec in specs if spec in found),
        missing=tuple(spec for spec in specs if spec not in found and spec not in namesakes),
        undeclared=tuple(left.values()),
        ambiguous=tuple((spec, live) for spec, live in namesakes.items() if len(live) > 1),
    )


def _match_keys(specs: Sequence[WebhookSpec], left: dict[int, Webhook]) -> dict[WebhookSpec, Webhook]:
    """Each specification whose key a live webhook has, with the first such webhook. Removes these from ``left``."""
    places: dict[str, int] = {}
    for place, webhook in left.items():
        places.setdefault(webhook.key, place)
    return {spec: left.pop(places[spec.key]) for spec in specs if spec.key is not None and spec.key in places}


def _match_names(specs: Sequence[WebhookSpec], left: dict[int, Webhook]) -> dict[WebhookSpec, tuple[Webhook, ...]]:
    """Each specification whose name live webhooks have, with all of them. Removes these from ``left``."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, webhook in left.items():
        places[normal_name(webhook.name)].append(place)
    names = {spec: normal_name(spec.name) for spec in specs}
    return {spec: tuple(map(left.pop, places[name])) for spec, name in names.items() if name in places}


def check_distinct(specs: Sequence[WebhookSpec]) -> None:
    """Refuse a declaration in which two webhooks cannot be told apart.

    :raises PlanError: two specifications have the same key, or names with the same normal form.
    """
    names, keys = (spec.name for spec in specs), (spec.key for spec in specs if spec.key is not None)
    problems = [
        f"{number} declared webhooks have the {what} {quoted(value)}: give each its own, or drop all but one"
        for what, values in (("name", map(normal_name, names)), ("key", keys))
        for value, number in Counter(values).items()
        if number > 1
    ]
    if problems:
        raise PlanError("; ".join(first_problems(problems)))


def first_problems(problems: list[str]) -> list[str]:
    """The first ten problems, and a note of how many more there are."""
    return problems if len(problems) <= 10 else [*problems[:10], f"and {len(problems) - 10:,} more like these"]


def keys_of(webhooks: Sequence[Webhook]) -> str:
    """The keys of a few webhooks, for a sentence."""
    return listed([quoted(webhook.key) for webhook in webhooks[:5]], most=5, total=len(webhooks))
