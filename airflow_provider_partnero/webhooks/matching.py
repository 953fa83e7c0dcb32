"""Which declared webhook is which live one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.texts import listed, quoted


class PlanError(ValueError):
    """Nobody can say which declared webhook is which live one; the message says why, which keys, and what to do."""


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
    webhook that is meant by its key is never taken by its name; and no live webhook is matched twice. Names are
    compared by their normal form.

    :raises PlanError: two specifications have one name, or one key.
    """
    specs = tuple(specs)
    check_distinct(specs)
    left = dict(enumerate(webhooks))
    found = _by_key(specs, left)
    namesakes = _by_name([spec for spec in specs if spec not in found], left)
    found |= {spec: live[0] for spec, live in namesakes.items() if len(live) == 1}
    return Matching(
        pairs=tuple((spec, found[spec]) for spec in specs if spec in found),
        missing=tuple(spec for spec in specs if spec not in found and spec not in namesakes),
        undeclared=tuple(left.values()),
        ambiguous=tuple((spec, live) for spec, live in namesakes.items() if len(live) > 1),
    )


def _by_key(specs: Sequence[WebhookSpec], left: dict[int, Webhook]) -> dict[WebhookSpec, Webhook]:
    """Each specification whose key a live webhook has, with the first such one, which is taken out of ``left``."""
    places: dict[str, int] = {}
    for place, webhook in left.items():
        places.setdefault(webhook.key, place)
    return {spec: left.pop(places[spec.key]) for spec in specs if spec.key is not None and spec.key in places}


def _by_name(specs: Sequence[WebhookSpec], left: dict[int, Webhook]) -> dict[WebhookSpec, tuple[Webhook, ...]]:
    """Each specification whose name live webhooks have, with all of them, which are taken out of ``left``."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, webhook in left.items():
        places[normal_name(webhook.name)].append(place)
    names = {spec: normal_name(spec.name) for spec in specs}
    return {spec: tuple(map(left.pop, places[name])) for spec, name in names.items() if name in places}


def check_distinct(specs: Sequence[WebhookSpec]) -> None:
    """Refuse a declaration in which two webhooks could not be told apart.

    :raises PlanError: two specifications have one name, by its normal form, or one key.
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
    """The first ten problems, and how many more there are."""
    return problems if len(problems) <= 10 else [*problems[:10], f"and {len(problems) - 10:,} more like these"]


def keys_of(webhooks: Sequence[Webhook]) -> str:
    """The keys of a few webhooks, for a sentence."""
    return listed([quoted(webhook.key) for webhook in webhooks[:5]], most=5, total=len(webhooks))
