"""Rules about secrets in URLs. What they show of a URL is redacted."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.texts import listed


@rule(
    "PW013",
    Severity.ERROR,
    title="Secret in the URL",
    remedy="Take the secret out of the URL and replace it; let the receiver verify the Signature header instead.",
)
def secret_in_url(programme: Programme) -> Iterator[Observation]:
    """Userinfo, a parameter whose name and value both say that it is secret, or a token known by its form.

    Only what can be taken out counts; the address of a service that has no other secret is PW018's.
    """
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        if destination.secrets.removable:
            found = listed(destination.secrets.removable)
            yield Observation(f"Its URL holds {found}, and URLs end up in logs: {destination.shown}", webhook)


@rule(
    "PW018",
    Severity.WARNING,
    title="Address that is itself a secret",
    remedy="Let few people see the address, and have the service make a new one if it leaked: the secret cannot be "
    "taken out of it.",
)
def secret_address(programme: Programme) -> Iterator[Observation]:
    """A service that is called at an address which cannot be guessed, such as a Slack hook or an n8n workflow."""
    for webhook in programme.webhooks:
        destination = programme.destination(webhook)
        if destination.secrets.service:
            yield Observation(
                f"Whoever knows its URL can send to {destination.secrets.service}, as Partnero does: "
                f"{destination.shown}",
                webhook,
            )
