"""Declared events that are a documented one with a typing error.

Partnero adds events, and what it adds must be possible to declare. So an event that looks like no other is accepted;
and so is one that a live webhook has, for then Partnero knows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.api.quoting import MOST_PROBLEMS, enumerated
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.matching import PlanError
from airflow_provider_partnero.webhooks.texts import quoted

_KNOWN = tuple(str(event) for event in WebhookEvent)
_NOUNS, _VERBS = (frozenset(parts) for parts in zip(*(event.split(".") for event in _KNOWN), strict=True))
_MOST_TYPOS = 2  # letters too many, too few or wrong
_LONGEST = max(map(len, _KNOWN)) + _MOST_TYPOS
# Each known event in three pieces: two typing errors leave one of them as it is, so most others need no comparison.
_PIECES = {event: (event[:4], event[4:-5], event[-5:]) for event in _KNOWN}
_SEPARATORS = re.compile(r"[\W_]+")


def check_events(specs: Iterable[WebhookSpec], webhooks: Iterable[Webhook]) -> None:
    """Refuse events that are surely misspelt.

    :param specs: the declared webhooks.
    :param webhooks: the live ones.
    :raises PlanError: an event is misspelt; the message says where, and which one was probably meant.
    """
    if problems := list(islice(_misspelt(specs, webhooks), MOST_PROBLEMS)):
        raise PlanError(enumerated(problems))


def meant_event(event: str) -> str | None:
    """The documented event that was meant; None for a documented one, and for one that looks like none of them.

    Two known words, as in ``partner.credited``, are no typing error, even if nobody documents that pair.
    """
    if event in _KNOWN or len(event) > _LONGEST:
        return None
    noun, _, verb = event.partition(".")
    if noun in _NOUNS and verb in _VERBS:
        return None
    plain = _SEPARATORS.sub(".", event.casefold())
    alike = [known for known, pieces in _PIECES.items() if any(piece in plain for piece in pieces)]
    distances = {known: distance for known in alike if (distance := _distance(plain, known)) <= _MOST_TYPOS}
    return min(distances, key=distances.__getitem__, default=None)


def _misspelt(specs: Iterable[WebhookSpec], webhooks: Iterable[Webhook]) -> Iterator[str]:
    accepted = {event for webhook in webhooks for event in webhook.events}.union(_KNOWN)
    for spec in specs:
        for event in spec.events:
            if event in accepted:
                continue
            if meant := meant_event(event):
                where = f"{spec.origin.of_event(event)}: " if spec.origin else ""
                yield (
                    f"{where}{quoted(spec.name)} subscribes to {quoted(event)}, which is no known event (did you mean "
                    f"{quoted(meant)}?). If Partnero has it, subscribe one webhook to it there first"
                )
            else:
                accepted.add(event)


def _distance(one: str, other: str) -> int:
    """How many letters to insert, delete or replace to turn one text into the other; at most one more than typos."""
    if abs(len(one) - len(other)) > _MOST_TYPOS:
        return _MOST_TYPOS + 1
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        above, row = row, [number]
        for place, its in enumerate(other):
            row.append(min(above[place] + (letter != its), above[place + 1] + 1, row[place] + 1))
        if min(row) > _MOST_TYPOS:
            return _MOST_TYPOS + 1
    return row[-1]
