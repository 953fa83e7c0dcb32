"""Which live webhook belongs to which declared one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.quoting import MOST_PROBLEMS, enumerated
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.placeholders import filled
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
    never matched by a name. No live webhook is matched twice. Names are compared by their normal form. A name that
    several specifications have says nothing of itself: they are matched by their keys, else by all they declare.

    In a pair, ``***`` in the declared URL is what the live webhook has there (:mod:`.placeholders`).

    :raises PlanError: two specifications have the same name or key.
    """
    specs = tuple(specs)
    check_distinct(specs)
    left = dict(enumerate(webhooks))
    found = _match_keys(specs, left)
    shared = _shared_names(specs)
    found |= _match_contents([one for one in specs if one not in found and normal_name(one.name) in shared], left)
    namesakes = _match_names([one for one in specs if one not in found and normal_name(one.name) not in shared], left)
    found |= {spec: live[0] for spec, live in namesakes.items() if len(live) == 1}
    return Matching(
        pairs=tuple((filled(spec, found[spec]), found[spec]) for spec in specs if spec in found),
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
    places = _places_by_name(left)
    names = {spec: normal_name(spec.name) for spec in specs}
    return {spec: tuple(map(left.pop, places[name])) for spec, name in names.items() if name in places}


def _match_contents(specs: Sequence[WebhookSpec], left: dict[int, Webhook]) -> dict[WebhookSpec, Webhook]:
    """Each specification that a live webhook meets, with the first such webhook. Removes these from ``left``."""
    places = _places_by_name(left)
    found = {}
    for spec in specs:
        for place in places[normal_name(spec.name)]:
            if place in left and filled(spec, left[place]).is_met_by(left[place]):
                found[spec] = left.pop(place)
                break
    return found


def _places_by_name(webhooks: Mapping[int, Webhook]) -> defaultdict[str, list[int]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, webhook in webhooks.items():
        places[normal_name(webhook.name)].append(place)
    return places


def _shared_names(specs: Iterable[WebhookSpec]) -> set[str]:
    return {name for name, number in Counter(normal_name(spec.name) for spec in specs).items() if number > 1}


def check_distinct(specs: Sequence[WebhookSpec]) -> None:
    """Refuse a declaration in which two webhooks cannot be told apart.

    :raises PlanError: two specifications have the same key; or names with the same normal form, and not a key each.
    """
    if problems := list(islice(indistinct(specs), MOST_PROBLEMS)):
        raise PlanError(enumerated(problems))


def indistinct(specs: Iterable[WebhookSpec]) -> Iterator[str]:
    """What is wrong with specifications that cannot be told apart, as :func:`check_distinct` says it."""
    names: defaultdict[str, list[WebhookSpec]] = defaultdict(list)
    keys: defaultdict[str, list[WebhookSpec]] = defaultdict(list)
    for spec in specs:
        names[normal_name(spec.name)].append(spec)
        if spec.key is not None:
            keys[spec.key].append(spec)
    for name, same in names.items():
        if len(same) > 1 and any(spec.key is None for spec in same):
            yield (
                f"{len(same)} declared webhooks have the name {quoted(name)}{_places_of(same, 'name')}: give each its "
                "own name or key, or drop all but one"
            )
    for key, same in keys.items():
        if len(same) > 1:
            yield (
                f"{len(same)} declared webhooks have the key {quoted(key)}{_places_of(same, 'key')}: give each its "
                "own, or drop all but one"
            )


def _places_of(specs: Sequence[WebhookSpec], field: str) -> str:
    places = [str(spec.origin.of_value(field)) for spec in specs if spec.origin]
    return f" ({listed(places, most=5)})" if places else ""


def first_problems(problems: list[str]) -> list[str]:
    """The first ten problems, and a note of how many more there are."""
    return problems if len(problems) <= 10 else [*problems[:10], f"and {len(problems) - 10:,} more like these"]


def keys_of(webhooks: Sequence[Webhook]) -> str:
    """The keys of a few webhooks, for a sentence."""
    return listed([quoted(webhook.key) for webhook in webhooks[:5]], most=5, total=len(webhooks))
