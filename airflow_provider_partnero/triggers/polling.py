"""One poll for the webhooks that triggers wait for, with as few requests as possible."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil

from airflow_provider_partnero.api import PartneroClient, Webhook
from airflow_provider_partnero.api.errors import (
    PartneroAuthenticationError,
    PartneroError,
    PartneroNotFoundError,
    is_passing,
)
from airflow_provider_partnero.hooks.partnero import PartneroHook

_PAGE = 100


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll saw.

    :param webhooks: by key.
    :param missing: keys that certainly no webhook has.
    :param refused: keys that cannot be asked for, with the reason in words.
    :param failure: why no later poll can succeed for any key, in words; None while one may.
    :param trouble: why this poll did not see everything, in words; a later one may.
    :param pause: seconds that Partnero asked to stay away.
    """

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    trouble: str | None = None
    pause: float = 0.0


@dataclass(slots=True, weakref_slot=True)
class AwaitedKeys:
    """The keys that the triggers of one connection and interval wait for, in this triggerer.

    :param keys: how many triggers wait for each.
    :param needed: how many of them give up when no webhook has the key.
    :param present: set while there are any.
    :param pages: how many pages the whole list has at least, as far as is known.
    """

    keys: Counter[str] = field(default_factory=Counter)
    needed: Counter[str] = field(default_factory=Counter)
    present: asyncio.Event = field(default_factory=asyncio.Event)
    pages: int = 1

    def add(self, key: str, *, is_needed: bool) -> None:
        """One trigger more waits for the key."""
        self.keys[key] += 1
        if is_needed:
            self.needed[key] += 1
        self.present.set()

    def remove(self, key: str, *, is_needed: bool) -> None:
        """One trigger less waits for the key."""
        _take_one(self.keys, key)
        if is_needed:
            _take_one(self.needed, key)
        if not self.keys:
            self.present.clear()

    @property
    def is_asked_by_key(self) -> bool:
        """Whether asking key by key takes no more requests than reading the list."""
        return len(self.keys) <= self.pages

    def poll(self, hook: PartneroHook) -> PollResult:
        """Ask key by key or for the list, whichever takes fewer requests; blocks, so call it in a thread.

        Two things cost more requests: finding out that the list has more pages than there are keys, and looking again
        for keys that are needed and not in the list, once each or by reading the whole list twice.
        """
        keys, needed = frozenset(self.keys), frozenset(self.needed)
        with hook.get_conn() as client:
            return _result_of(lambda: self._ask(client, keys, needed))

    def _ask(self, client: PartneroClient, keys: frozenset[str], needed: frozenset[str]) -> PollResult:
        if len(keys) <= self.pages:
            return _by_key(client, keys)
        listed = _read_list(client, most_pages=len(keys))
        if listed is None:
            self.pages = len(keys) + 1
            return _by_key(client, keys)
        self.pages = max(1, ceil(len(listed) / _PAGE))
        absent = needed - listed.keys()
        # Pages shift while they are read, so a gap in the list proves nothing.
        again = _result_of(lambda: _look_up(client, absent, self.pages)) if absent else PollResult()
        return replace(again, webhooks=listed | again.webhooks)


def poll_list(hook: PartneroHook) -> PollResult:
    """All webhooks as they stood together. Blocks, so call it in a thread."""
    with hook.get_conn() as client:
        return _result_of(lambda: PollResult(webhooks=_read_consistently(client)))


def _result_of(ask: Callable[[], PollResult]) -> PollResult:
    try:
        return ask()
    except (PartneroError, ValueError) as error:
        if not is_passing(error):
            return PollResult(failure=str(error))
        return PollResult(trouble=str(error), pause=getattr(error, "retry_after", None) or 0.0)


def _read_list(client: PartneroClient, most_pages: int) -> dict[str, Webhook] | None:
    """The whole list; None as soon as it proves to have more pages than that."""
    webhooks: dict[str, Webhook] = {}
    for webhook in client.iter_webhooks(page_size=_PAGE):
        if len(webhooks) == most_pages * _PAGE:
            return None
        webhooks[webhook.key] = webhook
    return webhooks


def _read_consistently(client: PartneroClient) -> dict[str, Webhook]:
    return {webhook.key: webhook for webhook in client.iter_webhooks(page_size=_PAGE, consistent=True)}


def _look_up(client: PartneroClient, keys: frozenset[str], pages: int) -> PollResult:
    if len(keys) <= pages:
        return _by_key(client, keys)
    webhooks = _read_consistently(client)
    return PollResult(webhooks=webhooks, missing=keys - webhooks.keys())


def _by_key(client: PartneroClient, keys: frozenset[str]) -> PollResult:
    found: dict[str, Webhook] = {}
    missing: set[str] = set()
    refused: dict[str, str] = {}
    for key in keys:
        try:
            found[key] = client.get_webhook(key)
        except PartneroNotFoundError:
            missing.add(key)
        except (PartneroError, ValueError) as error:
            # A refused token, like an outage, is everybody's; a key that cannot be asked for is the concern of one.
            if is_passing(error) or isinstance(error, PartneroAuthenticationError):
                raise
            refused[key] = str(error)
    return PollResult(webhooks=found, missing=frozenset(missing), refused=refused)


def _take_one(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
