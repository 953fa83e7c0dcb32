"""The secrets of the webhooks that one connection leads to, as Partnero has them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness
from airflow_provider_partnero.plugin.receiver.signers.refusals import refusing

SECRETS = Freshness(
    known_for=600.0,
    unknown_for=60.0,
    stale_for=86_400.0,  # an outage of Partnero's API does not stop its deliveries
    most=1_000,
    loads_per_minute=60,
)


class WebhookSecrets:
    """Secrets by webhook key. Belongs to one event loop.

    :param look_up: asks Partnero for one webhook's secret; None: there is no such webhook.
    :param freshness: how often Partnero is asked.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[Secret | None]],
        freshness: Freshness = SECRETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets: Fresh[str, Secret] = Fresh(look_up, freshness, clock)

    async def secret(self, webhook_key: str) -> Secret | None:
        """The webhook's secret; None when Partnero knows no such webhook.

        :raises RefusedError: Partnero could not be asked.
        """
        with _refusing():
            return await self._secrets.get(webhook_key)

    async def other_secret(self, webhook_key: str, tried: Secret) -> Secret | None:
        """Another secret than the one that did not verify, as after a rotation; None when Partnero has no other.

        :raises RefusedError: Partnero could not be asked.
        """
        known = self._secrets.known(webhook_key)
        if known is not None and known != tried:
            return known
        with _refusing():
            newest = await self._secrets.refresh(webhook_key)
        return newest if newest != tried else None

    def all_known(self) -> Iterator[tuple[str, Secret]]:
        """Every (webhook key, secret) that is remembered, however old."""
        return self._secrets.items()


def _refusing() -> AbstractContextManager[None]:
    return refusing(loads="look-ups of secrets", failure="the secret could not be looked up")
