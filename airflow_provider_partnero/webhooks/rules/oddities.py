"""The rule about what Partnero writes otherwise than its documentation says."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.texts import listed


@rule(
    "PW017",
    Severity.WARNING,
    title="Webhook that is listed oddly",
    remedy="Look at it at Partnero, and save it there again or recreate it. Ask Partnero if it stays odd.",
)
def odd(programme: Programme) -> Iterator[Observation]:
    """A webhook with a field that is missing or of the wrong type, or a row of the list that has no key."""
    for webhook in programme.webhooks:
        if not webhook.oddities:
            continue
        left_alone = " What cannot be read is not checked, and reconcile leaves it alone." if webhook.unreadable else ""
        yield Observation(
            f"Partnero lists it oddly: {listed(webhook.oddities, most=6)}.{left_alone}",
            webhook,
            subject=" ".join(oddity.partition(" ")[0] for oddity in webhook.oddities),  # the names of the fields
        )
