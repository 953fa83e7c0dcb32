"""Adding many webhooks without holding up the event loop, which answers requests meanwhile."""

from __future__ import annotations

import asyncio

from airflow_provider_partnero.sandbox.samples import sample_webhook
from airflow_provider_partnero.sandbox.webhook_store import WebhookStore

STEP = 200
"""How many webhooks are added, in a few milliseconds, before waiting requests get their turn."""


async def seed(store: WebhookStore, count: int, prefix: str) -> None:
    """Add well-formed webhooks; their numbers follow the number of existing ones."""
    first = len(store) + 1
    for number in range(first, first + count):
        store.put(sample_webhook(number, prefix))
        if (number - first) % STEP == STEP - 1:
            await asyncio.sleep(0)
