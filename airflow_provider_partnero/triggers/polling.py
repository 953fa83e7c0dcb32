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
    PartneroResponseError,
    is_passing,
)
from airflow_provider_partnero.hooks.advice import advice_on
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.triggers.lanes import Lane, lane_of

_PAGE = 100
_ANSWERS = 10  # a poll may take as long as this many of the slowest answers, since a long list has many pages


@dataclass(frozen=True, slots=True)
class PollResult:
    """The result of one poll.

    :param webhooks: by key.
    :param missing: keys that no webhook has, for certain.
    :param refused: keys that Partnero or the client refuses, with the reason.
    :param failure: why no later poll can succeed for any key; None if one may.
    :param trouble: why this poll is incomplete; None if it is complete. A later poll may succeed.
    :param pause: seconds to wait by Partnero's ``Retry-After``.
    """

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    trouble: str | None = None
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls one connection, in threads of our own.

    :param partnero_conn_id: connection of type ``partnero``, read again for every poll.
    :param patience: seconds that Partnero may take for one answer, with all attempts. A poll of several answers may
        take ten times as long; if it takes longer, the waiting goes on without its result.
    :param lane: runs the polls.
    """

    partnero_conn_id: str
    patience: float
    lane: Lane

    @classmethod
    def of(cls, partnero_conn_id: str, poke_interval: float, *, kind: str) -> Poller:
        """The poller for an interval: the longer the interval, the more patient, from 10 to 60 seconds.

        :param kind: of poll; one waits for the connection's earlier polls of its kind.
        """
        return cls(partnero_conn_id, min(max(float(poke_interval), 10.0), 60.0), lane_of(partnero_conn_id, kind))

    async def poll(self, ask: Callable[[PartneroClient], PollResult], *, max_attempts: int | None = None) -> PollResult:
        """Read the connection, then ask. A cancellation takes effect at once.

        A poll that nobody waits for any more is broken off, so that the next one of its connection can start.

        :param max_attempts: attempts per request, instead of the connection's.
        """
        seconds = _ANSWERS * self.patience
        own = _PollClient()
        try:
            return await self.lane.run(lambda: self._poll(ask, max_attempts, own), seconds)
        except TimeoutError:
            where = f"connection {self.partnero_conn_id!r}"
            return PollResult(trouble=f"{where}: no result within {seconds:g} s, the wait for earlier polls included")
        finally:
            own.abandon()

    def _poll(
        self, ask: Callable[[PartneroClient], PollResult], max_attempts: int | None, own: _PollClient
    ) -> PollResult:
        hook = PartneroHook(
            self.partnero_conn_id, max_attempts=max_attempts, page_concurrency=1, deadline=self.patience
        )
        try:
            client = hook.get_conn()
        except ValueError as error:
            return PollResult(failure=str(error))
        except Exception as error:  # noqa: BLE001
            # Airflow reports "not defined" also when its database or a secrets backend is out.
            return PollResult(trouble=f"cannot read connection {self.partnero_conn_id!r}: {error}")
        try:
            with client:
                own.add(client)
                return ask(client)
        except PartneroAuthenticationError as error:
            return PollResult(failure=advice_on(error, self.partnero_conn_id))


@dataclass(slots=True)
class _PollClient:
    """The client of one poll, once its thread has made it; abandoned when nobody waits for the poll any more."""

    client: PartneroClient | None = None
    is_abandoned: bool = False

    def add(self, client: PartneroClient) -> None:
        self.client = client
        if self.is_abandoned:
            client.abandon()

    def abandon(self) -> None:
        self.is_abandoned = True
        if self.client:
            self.client.abandon()


@dataclass(slots=True, weakref_slot=True)
class AwaitedKeys:
    """The keys that the triggers of one connection and interval wait for, in this triggerer.

    :param keys: how many triggers wait for each key.
    :param needed: how many of them fail if no webhook has the key.
    :param present: set while there are any.
    :param pages: how many pages the list is known to have at least.
    """

    keys: Counter[str] = field(default_factory=Counter)
    needed: Counter[str] = field(default_factory=Counter)
    present: asyncio.Event = field(default_factory=asyncio.Event)
    pages: int = 1

    def add(self, key: str, *, is_needed: bool) -> None:
        """Count one more trigger for the key."""
        self.keys[key] += 1
        if is_needed:
            self.needed[key] += 1
        self.present.set()

    def remove(self, key: str, *, is_needed: bool) -> None:
        """Count one trigger fewer for the key."""
        _decrement(self.keys, key)
        if is_needed:
            _decrement(self.needed, key)
        if not self.keys:
            self.present.clear()

    @property
    def is_asked_by_key(self) -> bool:
        """Whether asking key by key takes no more requests than reading the list."""
        return len(self.keys) <= self.pages

    def poll(self, client: PartneroClient) -> PollResult:
        """Ask key by key or for the list, whichever takes fewer requests; blocks, so call it in a thread.

        More requests are needed in two cases: to find out that the list has more pages than there are keys, and to look
        again for needed keys that are not in the list, one by one or by reading the whole list twice.
        """
        keys, needed = frozenset(self.keys), frozenset(self.needed)
        return _to_result(lambda: self._ask(client, keys, needed))

    def _ask(self, client: PartneroClient, keys: frozenset[str], needed: frozenset[str]) -> PollResult:
        if len(keys) <= self.pages:
            return _get_each(client, keys)
        listed = _read_list(client, most_pages=len(keys))
        if listed is None:
            self.pages = len(keys) + 1
            return _get_each(client, keys)
        self.pages = max(1, ceil(len(listed) / _PAGE))
        absent = needed - listed.keys()
        # Pages may shift while they are read, so a key that is not in the list may still exist.
        again = _to_result(lambda: _look_up(client, absent, self.pages)) if absent else PollResult()
        return replace(again, webhooks=listed | again.webhooks)


def poll_list(client: PartneroClient) -> PollResult:
    """All webhooks as of one moment. Blocks, so call it in a thread."""
    return _to_result(lambda: PollResult(webhooks=_read_consistently(client)))


def _to_result(ask: Callable[[], PollResult]) -> PollResult:
    try:
        return ask()
    except PartneroAuthenticationError:
        raise  # it ends the whole poll
    except (PartneroError, ValueError) as error:
        if not is_passing(error):
            return PollResult(failure=str(error))
        return PollResult(trouble=str(error), pause=getattr(error, "retry_after", None) or 0.0)


def _read_list(client: PartneroClient, most_pages: int) -> dict[str, Webhook] | None:
    """The whole list; None if it has more than ``most_pages`` pages."""
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
        return _get_each(client, keys)
    webhooks = _read_consistently(client)
    return PollResult(webhooks=webhooks, missing=keys - webhooks.keys())


def _get_each(client: PartneroClient, keys: frozenset[str]) -> PollResult:
    found: dict[str, Webhook] = {}
    missing: set[str] = set()
    refused: dict[str, str] = {}
    trouble: str | None = None
    for key in keys:
        try:
            found[key] = client.get_webhook(key)
        except PartneroNotFoundError:
            missing.add(key)
        except PartneroResponseError as error:  # the other webhooks may well be readable
            trouble = str(error)
        except (PartneroError, ValueError) as error:
            # A refused token or an outage concerns all keys; any other error concerns this key only.
            if is_passing(error) or isinstance(error, PartneroAuthenticationError):
                raise
            refused[key] = str(error)
    return PollResult(webhooks=found, missing=frozenset(missing), refused=refused, trouble=trouble)


def _decrement(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
