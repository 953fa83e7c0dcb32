"""Rules about differences from the declaration."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.api.specs import Change
from airflow_provider_partnero.webhooks.destinations import shown_url
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.matching import keys_of
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.texts import listed, quoted


@rule(
    "PW008",
    Severity.WARNING,
    title="Undeclared webhook",
    remedy="Declare it, or delete it (reconcile with prune).",
    needs="declared",
    reads=("key", "name"),
)
def undeclared(programme: Programme) -> Iterator[Observation]:
    """A live webhook that is not declared, and live webhooks that share the name of a declared one."""
    if programme.matching is None:
        return
    for webhook in programme.matching.undeclared:
        yield Observation("Exists at Partnero, but is not declared.", webhook)
    for spec, namesakes in programme.matching.ambiguous:
        for webhook in namesakes:
            yield Observation(
                f"{len(namesakes):,} webhooks have the name {quoted(spec.name)}, keys {keys_of(namesakes)}, and one is "
                "declared: declare the key of the right one, or delete the others.",
                webhook,
            )


@rule(
    "PW009",
    Severity.ERROR,
    title="Missing webhook",
    remedy="Create it (reconcile), or take it out of the declaration.",
    needs="declared",
)
def missing(programme: Programme) -> Iterator[Observation]:
    """A declared webhook that Partnero does not have."""
    if programme.matching is None:
        return
    for spec in programme.matching.missing:
        yield Observation(
            f"Is declared to deliver to {shown_url(spec.url)}, but does not exist at Partnero.", name=spec.name
        )


@rule(
    "PW010",
    Severity.ERROR,
    title="Drifted webhook",
    remedy="Correct it (reconcile), or change the declaration.",
    needs="declared",
)
def drifted(programme: Programme) -> Iterator[Observation]:
    """A webhook that is not as declared."""
    if programme.matching is None:
        return
    for spec, webhook in programme.matching.pairs:
        changes = [change for change in spec.differences(webhook) if change.field not in webhook.unreadable]
        if changes:
            yield Observation(
                f"Differs from its declaration: {'; '.join(_describe(change) for change in changes)}.",
                webhook,
                subject=" ".join(change.field for change in changes),
            )


def _describe(change: Change) -> str:
    if isinstance(change.old, tuple) and isinstance(change.new, tuple):
        return f"events {_describe_events(set(change.old), set(change.new))}"
    if change.field == "is_active":
        return "it is active, declared inactive" if change.old else "it is inactive, declared active"
    show = shown_url if change.field == "url" else quoted
    old, new = show(str(change.old)), show(str(change.new))
    hidden = " (they differ in a part that is not shown)" if old == new else ""
    return f"{change.field} is {old}, declared {new}{hidden}"


def _describe_events(live: set[str], wanted: set[str]) -> str:
    lacking, extra = _list_events(wanted - live), _list_events(live - wanted)
    return " and ".join(
        words for words in (lacking and f"lack {lacking}", extra and f"hold {extra}, which is not declared") if words
    )


def _list_events(events: set[str]) -> str:
    return listed([quoted(event)[1:-1] for event in sorted(events)], most=5)
