"""Rules about where events are delivered."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.hosts import internal_kind, throw_away_service
from airflow_provider_partnero.webhooks.leftovers import leftover
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.texts import quoted


@rule(
    "PW002",
    Severity.ERROR,
    title="Destination is not https",
    remedy="Use a valid https:// URL: events hold personal data of customers and partners.",
    reads=("url",),
)
def not_https(programme: Programme) -> Iterator[Observation]:
    """A URL with another scheme than https, or a text that is not a URL."""
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        if destination.problem:
            shown = f" ({quoted(destination.shown, 100)})" if destination.shown else ""
            yield Observation(f"Its URL{shown} {destination.problem}: nothing can be delivered there.", webhook)
        elif destination.scheme != "https":
            yield Observation(
                f"Delivers to {destination.shown} without encryption: everybody on the way can read and change it.",
                webhook,
            )


@rule(
    "PW005",
    Severity.ERROR,
    title="Host that is not allowed",
    remedy="Point the webhook to an allowed host, or add the host to allowed_hosts.",
    needs="allowed_hosts",
    reads=("url",),
)
def host_not_allowed(programme: Programme) -> Iterator[Observation]:
    """A host outside ``allowed_hosts``, or a URL without a valid host."""
    if programme.is_allowed_host is None:
        return
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        if destination.host is None:
            yield Observation("Its URL has no valid host, so it cannot be an allowed one.", webhook)
        elif not programme.is_allowed_host(destination.host):
            yield Observation(f"Delivers to the host {destination.shown_host}, which is not allowed.", webhook)


@rule(
    "PW011",
    Severity.ERROR,
    title="Destination that the internet cannot reach",
    remedy="Give the receiver a public https address; Partnero cannot reach an internal one.",
)
def internal(programme: Programme) -> Iterator[Observation]:
    """A private, loopback or link-local address in any spelling, or a name that can only be internal.

    A URL at which nothing can be delivered is PW002's.
    """
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        host = None if destination.problem else destination.host
        kind = internal_kind(host) if host else None
        if kind:
            yield Observation(f"Its host {destination.shown_host} is {kind}: Partnero cannot reach it.", webhook)


@rule(
    "PW012",
    Severity.WARNING,
    title="Throw-away inspection service",
    remedy="Point the webhook to your own receiver, and delete what the service has kept.",
)
def throw_away(programme: Programme) -> Iterator[Observation]:
    """A service that shows requests, or a tunnel to a developer's machine: good for a test, but often forgotten."""
    for webhook in programme.webhooks:
        host = programme.destination(webhook).host
        service = throw_away_service(host) if host else None
        if service:
            yield Observation(
                f"Delivers to {service}, a throw-away service for tests: others may read what arrives there.",
                webhook,
            )


@rule(
    "PW019",
    Severity.WARNING,
    title="Leftover of a test",
    remedy="Point the webhook to the production address, or delete it.",
)
def left_over(programme: Programme) -> Iterator[Observation]:
    """An address that a service makes for a test or a preview, such as n8n's ``/webhook-test/``.

    Services for nothing but tests are PW012's.
    """
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        kind = leftover(destination.host, destination.path) if destination.host else None
        if kind:
            yield Observation(f"Delivers to {kind}, which is not made to last: {destination.shown}", webhook)
