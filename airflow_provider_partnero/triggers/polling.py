"""One look at the webhooks that triggers wait for, as cheaply as it can be had."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from airflow_provider_partnero.api import PartneroClient, Webhook
from airflow_provider_partnero.api.errors import (
    PartneroAuthenticationError,
    PartneroError,
    PartneroNotFoundError,
    is_passing,
)
from airflow_provider_partnero.hooks.partnero import PartneroHook

log = logging.getLogger(__name__)

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What one poll saw.

    :param webhooks: by key.
    :param asked: the keys that were asked for one by one (none, where there was no answer); None for the whole list.
    :param refused: keys of those asked for that Partnero refuses for good, with its words.
    :param failure: why no later poll can do better for any key, in words; None while there is hope.
    :param pause: seconds that Partnero asked to stay away.
    """

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    asked: frozenset[str] | None = frozenset()
    refused: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    pause: float = 0.0


@dataclass(slots=True)
class Watch:
    """The keys that the triggers of one connection and interval wait for, in this triggerer.

    :param keys: how many triggers wait for each.
    :param awaited: set while any does.
    :param pages: of the whole list, when it was last read.
    """

    keys: Counter[str] = field(default_factory=Counter)
    awaited: asyncio.Event = field(default_factory=asyncio.Event)
    pages: int | None = None

    def add(self, key: str) -> None:
        """One trigger more waits for the key."""
        self.keys[key] += 1
        self.awaited.set()

    def remove(self, key: str) -> None:
        """One trigger less waits for the key."""
        self.keys -= Counter([key])
        if not self.keys:
            self.awaited.clear()

    def look(self, hook: PartneroHook) -> Look:
        """Ask key by key while that takes fewer requests than reading the list; blocks, so call it in a thread."""
        keys = frozenset(self.keys.copy())
        try:
            with hook.get_conn() as client:
                if len(keys) <= (self.pages or 1):
                    return _by_key(client, keys)
                webhooks = {webhook.key: webhook for webhook in client.iter_webhooks(page_size=_PAGE)}
        except (PartneroError, ValueError) as error:
            if not is_passing(error):
                return Look(failure=str(error))
            log.warning("No answer from Partnero, which does not end the wait: %s", error)
            return Look(pause=getattr(error, "retry_after", None) or 0.0)
        self.pages = max(1, ceil(len(webhooks) / _PAGE))
        return Look(webhooks=webhooks, asked=None)


def all_webhooks(hook: PartneroHook) -> list[Webhook] | None:
    """All webhooks as they stood together; None, and a warning, when they cannot be read now. Blocks."""
    try:
        with hook.get_conn() as client:
            return list(client.iter_webhooks(page_size=_PAGE, consistent=True))
    except (PartneroError, ValueError) as error:
        log.warning("The webhooks cannot be read, to be tried again at the next poll: %s", error)
        return None


def _by_key(client: PartneroClient, keys: frozenset[str]) -> Look:
    found: dict[str, Webhook] = {}
    refused: dict[str, str] = {}
    for key in keys:
        try:
            found[key] = client.get_webhook(key)
        except PartneroNotFoundError:
            continue
        except (PartneroError, ValueError) as error:
            # A refused token, like an outage, is everybody's; a key that cannot be asked for is the concern of one.
            if is_passing(error) or isinstance(error, PartneroAuthenticationError):
                raise
            refused[key] = str(error)
    return Look(webhooks=found, asked=keys, refused=refused)
