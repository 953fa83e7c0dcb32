"""Rules about what webhooks subscribe to, and whether they deliver anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.misspellings import meant_event
from airflow_provider_partnero.webhooks.offers import not_offered, unoffered_events
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, label, rule
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted

_DOCUMENTED = frozenset(str(event) for event in WebhookEvent)


@rule(
    "PW001",
    Severity.WARNING,
    title="Inactive webhook",
    remedy="Activate it, or delete it if nobody needs it any more.",
    reads=("is_active",),
)
def inactive(programme: Programme) -> Iterator[Observation]:
    """A webhook that is switched off delivers nothing."""
    for webhook in programme.webhooks:
        if not webhook.is_active:
            events = counted(len(set(webhook.events)), "event")
            shown = programme.destination(webhook).shown
            yield Observation(f"Is switched off, with {events} subscribed: nothing is delivered to {shown}.", webhook)


@rule(
    "PW003",
    Severity.WARNING,
    title="Webhook without events",
    remedy="Subscribe it to the events its receiver handles, or delete it.",
    reads=("events",),
)
def without_events(programme: Programme) -> Iterator[Observation]:
    """A webhook that subscribes to nothing delivers nothing."""
    for webhook in programme.webhooks:
        if not webhook.events:
            yield Observation("Subscribes to no event, so it never delivers anything.", webhook)


@rule(
    "PW004",
    Severity.ERROR,
    title="Event delivered twice to one URL",
    remedy="Unsubscribe all but one of the webhooks from the event: the receiver counts every delivery.",
    reads=("url",),
)
def delivered_twice(programme: Programme) -> Iterator[Observation]:
    """Two active webhooks that deliver the same event to the same URL: the second one, by name and key, is reported.

    URLs are compared by their normal form.
    """
    first: dict[tuple[str, str], Webhook] = {}
    for webhook in programme.webhooks:
        if not webhook.is_active:
            continue
        destination = programme.destination(webhook)
        doubled: defaultdict[str, list[str]] = defaultdict(list)
        for event in sorted(set(webhook.events)):
            earlier = first.setdefault((destination.identity, event), webhook)
            if earlier is not webhook:
                doubled[label(earlier)].append(event)
        if doubled:
            events = sorted(event for group in doubled.values() for event in group)
            yield Observation(
                f"Delivers {_list_events(events)} to {destination.shown}, as {listed(list(doubled))} already "
                f"{'does' if len(doubled) == 1 else 'do'}: that receiver gets every such event twice.",
                webhook,
                subject=" ".join(events),
            )


@rule(
    "PW006",
    Severity.ERROR,
    title="Required event that nobody gets",
    remedy="Subscribe an active webhook to the event.",
    needs="required_events",
)
def uncovered(programme: Programme) -> Iterator[Observation]:
    """An event of ``required_events`` that no active webhook subscribes to."""
    covered = {event for webhook in programme.webhooks if webhook.is_active for event in webhook.events}
    required = [event for event in dict.fromkeys(programme.required_events) if event not in covered]
    if not required:
        return
    inactive_subscribers: dict[str, Webhook] = {}
    for webhook in programme.webhooks:
        for event in webhook.events:
            inactive_subscribers.setdefault(event, webhook)
    for event in required:
        found = inactive_subscribers.get(event)
        hint = f"; the inactive {label(found)} does" if found else ""
        yield Observation(
            f"No active webhook subscribes to {quoted(event)}{_suggest(event)}, which is required{hint}.",
            subject=event,
        )


@rule(
    "PW007",
    Severity.WARNING,
    title="Undocumented event name",
    remedy="Correct the name, or ignore the rule if Partnero has told you about the event.",
)
def undocumented(programme: Programme) -> Iterator[Observation]:
    """An event that Partnero does not document: perhaps a new one, more likely a typing error."""
    for webhook in programme.webhooks:
        events = sorted(set(webhook.events) - _DOCUMENTED)
        if events:
            named = [f"{quoted(event)}{_suggest(event)}" for event in events[:3]]
            yield Observation(
                f"Subscribes to {listed(named, total=len(events))}, which Partnero does not document.",
                webhook,
                subject=" ".join(events),
            )


@rule(
    "PW020",
    Severity.WARNING,
    title="Event that the programme does not offer",
    remedy="Unsubscribe the webhook from the event, or use the connection of the programme that has it.",
    needs="program",
    reads=("events",),
)
def unoffered(programme: Programme) -> Iterator[Observation]:
    """An event of another type of programme, such as a partner's in a newsletter programme."""
    if programme.program is None:
        return
    for webhook in programme.webhooks:
        events = unoffered_events(programme.program, webhook.events)
        if events:
            yield Observation(
                f"Subscribes to {_list_events(events)}: {not_offered(programme.program)}",
                webhook,
                subject=" ".join(events),
            )


def _list_events(events: list[str]) -> str:
    return listed([quoted(event)[1:-1] for event in events[:5]], most=5, total=len(events))


def _suggest(event: str) -> str:
    meant = meant_event(event)
    return f' (is "{meant}" meant?)' if meant else ""
