"""The signing secrets of one programme's webhooks, asked for at Partnero as seldom as can be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.memory import Memory
from airflow_provider_partnero.plugin.receiver.single_flight import SingleFlight

KNOWN_FOR = 600.0  # seconds
UNKNOWN_FOR = 60.0  # seconds
STALE_FOR = 86_400.0  # seconds; an outage of Partnero's API does not stop its deliveries
PATIENCE = 0.5  # seconds; then what is stale will do
_MOST_KEYS = 1_000
_LOOK_UPS_PER_MINUTE = 60


class Keyring:
    """Remembers secrets for 10 minutes, and for a minute that a key is unknown.

    At most 60 look-ups a minute are of keys that are new, and 60 of known ones: made-up keys do not keep a rotated
    secret out.

    Belongs to one event loop.

    :param look_up: asks Partnero for one webhook's secret; None: there is no such webhook.
    """

    def __init__(
        self, look_up: Callable[[str], Awaitable[Secret | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up = look_up
        self._known: Memory[str, Secret] = Memory(_MOST_KEYS, clock)
        self._unknown: Memory[str, None] = Memory(_MOST_KEYS, clock)
        self._refreshed: Memory[str, None] = Memory(_MOST_KEYS, clock)
        self._for_new = Budget(_LOOK_UPS_PER_MINUTE, clock)
        self._for_known = Budget(_LOOK_UPS_PER_MINUTE, clock)
        self._questions: SingleFlight[str, Secret | None] = SingleFlight()

    async def secret(self, webhook_key: str) -> Secret | None:
        """The webhook's secret; None when Partnero knows no such webhook.

        :raises RefusedError: Partnero could not be asked.
        """
        known = self._known.get(webhook_key, KNOWN_FOR)
        if known:
            return known[0]
        if self._unknown.get(webhook_key, UNKNOWN_FOR):
            return None
        stale = self._known.get(webhook_key, STALE_FOR)
        try:
            async with asyncio.timeout(PATIENCE if stale else None):
                return await self._asked(webhook_key)
        except (RefusedError, TimeoutError):
            if stale is None:
                raise
            return stale[0]

    async def other_secret(self, webhook_key: str, tried: Secret) -> Secret | None:
        """Another secret than the one that did not verify, if Partnero has one; asks at most once a minute."""
        known = self._known.get(webhook_key, KNOWN_FOR)
        if known and known[0] != tried:
            return known[0]
        if self._refreshed.get(webhook_key, UNKNOWN_FOR):
            return None
        fresh = await self._asked(webhook_key)
        self._refreshed.put(webhook_key, None)
        return fresh if fresh != tried else None

    def all_known(self) -> Iterator[tuple[str, Secret]]:
        """Every (webhook key, secret) that is remembered, however old."""
        return self._known.items()

    async def _asked(self, webhook_key: str) -> Secret | None:
        return await self._questions.do(webhook_key, lambda: self._learn(webhook_key))

    async def _learn(self, webhook_key: str) -> Secret | None:
        budget = self._for_known if self._known.get(webhook_key, STALE_FOR) else self._for_new
        if not budget.spend():
            raise RefusedError(FLOODED, f"more than {_LOOK_UPS_PER_MINUTE} look-ups of secrets within a minute")
        try:
            secret = await self._look_up(webhook_key)
        except Exception as error:
            raise RefusedError(UNAVAILABLE, f"the secret could not be looked up: {error}") from error
        if secret is None:
            self._known.forget(webhook_key)
            self._unknown.put(webhook_key, None)
        else:
            self._unknown.forget(webhook_key)
            self._known.put(webhook_key, secret)
        return secret
