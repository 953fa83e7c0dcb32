"""Rules about signing secrets. They never show a secret or anything derived from one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, label, rule
from airflow_provider_partnero.webhooks.texts import listed

SHORTEST_SECRET = 16  # characters, as in every sample of the specification


@rule(
    "PW014",
    Severity.WARNING,
    title="Short or missing signing secret",
    remedy="Recreate the webhook, since Partnero cannot change a secret, and give the receiver the new secret.",
)
def weak_secret(programme: Programme) -> Iterator[Observation]:
    """A signing secret of fewer than 16 characters, or no secret."""
    for webhook in programme.webhooks:
        if not webhook.signature:
            yield Observation("Has no signing secret: its receiver cannot tell Partnero from anybody else.", webhook)
        elif len(webhook.signature) < SHORTEST_SECRET:
            yield Observation(
                f"Its signing secret has fewer than {SHORTEST_SECRET} characters and may be guessed.", webhook
            )


@rule(
    "PW015",
    Severity.ERROR,
    title="Shared signing secret",
    remedy="Recreate all but one of the webhooks, so that each has its own secret.",
)
def shared_secret(programme: Programme) -> Iterator[Observation]:
    """A signing secret that another webhook has too: the receiver of one can forge deliveries of the other."""
    holders: defaultdict[str, list[Webhook]] = defaultdict(list)
    for webhook in programme.webhooks:
        if webhook.signature:
            holders[webhook.signature].append(webhook)
    for sharing in holders.values():
        if len(sharing) == 1:
            continue
        for position, webhook in enumerate(sharing):
            nearest = [label(other) for place, other in enumerate(sharing[:4]) if place != position][:3]
            yield Observation(
                f"Has the same signing secret as {listed(nearest, total=len(sharing) - 1)}: "
                "the receiver of one can forge deliveries of the other.",
                webhook,
            )
