"""Rules about where events are delivered."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.api.redaction import has_telltale_token, has_userinfo, secret_parameters
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.hosts import internal_kind, throw_away_service
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.texts import listed, quoted, shortened


@rule(
    "PW002",
    Severity.ERROR,
    title="Destination is not https",
    remedy="Use a valid https:// URL: events hold personal data of customers and partners.",
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
)
def host_not_allowed(programme: Programme) -> Iterator[Observation]:
    """A host outside ``allowed_hosts``, or a URL without a valid host."""
    if programme.is_allowed_host is None:
        return
    for webhook in programme.webhooks:
        host = programme.destination(webhook).host
        if host is None:
            yield Observation("Its URL has no valid host, so it cannot be an allowed one.", webhook)
        elif not programme.is_allowed_host(host):
            yield Observation(f"Delivers to the host {_host(host)}, which is not allowed.", webhook)


@rule(
    "PW011",
    Severity.ERROR,
    title="Destination that the internet cannot reach",
    remedy="Give the receiver a public https address; Partnero cannot reach an internal one.",
)
def internal(programme: Programme) -> Iterator[Observation]:
    """A private, loopback or link-local address in any spelling, or a name that can only be internal."""
    for webhook in programme.webhooks:
        host = programme.destination(webhook).host
        kind = internal_kind(host) if host else None
        if host and kind:
            yield Observation(f"Its host {_host(host)} is {kind}: Partnero cannot reach it.", webhook)


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
    "PW013",
    Severity.ERROR,
    title="Secret in the URL",
    remedy="Take the secret out of the URL and replace it; let the receiver verify the Signature header instead.",
)
def secret_in_url(programme: Programme) -> Iterator[Observation]:
    """Userinfo, a parameter with a secret's name, or a token known by its form."""
    for webhook in programme.webhooks:
        found = _secrets_in(webhook.url)
        if found:
            yield Observation(
                f"Its URL holds {listed(found)}, and URLs end up in logs: {programme.destination(webhook).shown}",
                webhook,
            )


def _secrets_in(url: str) -> list[str]:
    found = ["a user name or password"] if has_userinfo(url) else []
    found += [f"a secret in its parameter {quoted(name, 40)}" for name in secret_parameters(url)]
    return found or (["an access token"] if has_telltale_token(url) else [])


def _host(host: str) -> str:
    return shortened(host, 80)
