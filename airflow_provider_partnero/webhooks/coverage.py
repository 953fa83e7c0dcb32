"""How many webhooks subscribe to each event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.models import WebhookEvent

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditedWebhook

_NOUNS = list(dict.fromkeys(event.partition(".")[0] for event in WebhookEvent))
_DOCUMENTED = {
    str(event): (_NOUNS.index(event.partition(".")[0]), position) for position, event in enumerate(WebhookEvent)
}


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """How many webhooks subscribe to an event.

    :param event: the event's name.
    :param active: active webhooks that subscribe to it.
    :param inactive: inactive ones that do.
    :param is_documented: whether Partnero documents the event.
    """

    event: str
    active: int
    inactive: int
    is_documented: bool

    @property
    def noun(self) -> str:
        """What the event is about: ``partner`` of ``partner.created``."""
        return self.event.partition(".")[0]

    @property
    def verb(self) -> str:
        """What happened to it: ``created`` of ``partner.created``; the whole name if it has no dot."""
        return self.event.partition(".")[2] or self.event

    @property
    def heading(self) -> str:
        """What it is listed under: ``Partner``, or ``Not documented``."""
        return self.noun.capitalize() if self.is_documented else "Not documented"

    @property
    def label(self) -> str:
        """Its name below that heading: the verb, or the whole name of an event that is not documented."""
        return self.verb if self.is_documented else self.event


def coverage(webhooks: Iterable[AuditedWebhook]) -> tuple[EventCoverage, ...]:
    """The documented events, grouped by noun and in the documentation's order, then the undocumented ones in use, by
    name.
    """
    active: Counter[str] = Counter()
    inactive: Counter[str] = Counter()
    for webhook in webhooks:
        (active if webhook.is_active else inactive).update(set(webhook.events))
    others = sorted((active.keys() | inactive.keys()) - _DOCUMENTED.keys())
    return tuple(
        EventCoverage(event, active[event], inactive[event], event in _DOCUMENTED)
        for event in (*sorted(_DOCUMENTED, key=_DOCUMENTED.__getitem__), *others)
    )
