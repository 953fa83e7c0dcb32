"""Waiting in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from weakref import WeakValueDictionary

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_partnero.airflow_compat import asset_state_stores

if TYPE_CHECKING:
    from airflow_provider_partnero.hooks.partnero import PartneroHook
    from airflow_provider_partnero.triggers.polling import AwaitedKeys, PollResult

_LEAST_PAUSE = 0.1  # seconds; without, a poke_interval of 0 would be a flood
_LONGEST_PAUSE = 3_600.0  # seconds that a Retry-After is obeyed, since those who wait would wait for ever
_UNTIL_STORED = 5.0  # seconds, in which Airflow has stored an event that a trigger fired
_SEEN = "partnero_webhooks_seen"
_STORED_BYTES = 60_000  # Airflow's asset state store takes 64 KiB a value by default


class PartneroWebhookActiveTrigger(BaseEventTrigger):
    """Fires once the webhook is active, or once it is certain that waiting is in vain.

    On Airflow 3.3 and later the triggers of one connection and interval share one poll: at most one reading of the list
    an interval, and less while few wait. Before 3.3 each trigger asks for its own key. Its event holds facts only:
    ``{"webhook": {"key", "name", "url", "is_active", "events"}}``, or ``{"failure": "words"}``.

    :param webhook_key: the webhook's key.
    :param partnero_conn_id: connection of type ``partnero``, read anew for every poll.
    :param poke_interval: seconds between two polls; a longer ``Retry-After`` prolongs it.
    :param if_missing: no webhook has the key: ``"fail"`` or ``"wait"``.
    """

    _awaited: ClassVar[WeakValueDictionary[Hashable, AwaitedKeys]] = WeakValueDictionary()  # of those who wait now

    def __init__(
        self,
        webhook_key: str,
        partnero_conn_id: str = "partnero_default",
        poke_interval: float = 60.0,
        if_missing: Literal["fail", "wait"] = "fail",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.webhook_key = webhook_key
        self.partnero_conn_id = partnero_conn_id
        self.poke_interval = poke_interval
        self.if_missing = if_missing

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What it takes to make this trigger again, after a restart or elsewhere."""
        return (
            "airflow_provider_partnero.triggers.partnero.PartneroWebhookActiveTrigger",
            {
                "webhook_key": self.webhook_key,
                "partnero_conn_id": self.partnero_conn_id,
                "poke_interval": self.poke_interval,
                "if_missing": self.if_missing,
            },
        )

    def shared_stream_key(self) -> Hashable:
        """Triggers of one connection and interval share one poll."""
        return _stream_key(self.partnero_conn_id, self.poke_interval)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[PollResult]:
        """Poll for ever, for all keys that are waited for; a poll that an outage swallowed yields an empty result."""
        awaited = cls._awaited_keys(_stream_key(kwargs["partnero_conn_id"], kwargs["poke_interval"]))
        await awaited.present.wait()  # the group opens before its first subscriber has said what it waits for
        async for result in _polls(kwargs["partnero_conn_id"], kwargs["poke_interval"], awaited):
            yield result

    async def filter_shared_stream(self, shared_stream: AsyncIterator[PollResult]) -> AsyncIterator[TriggerEvent]:
        """Fire on the first poll that settles this trigger's own webhook."""
        with self._waiting(self._awaited_keys(self.shared_stream_key())):
            async for result in shared_stream:
                if event := self._event_for(result):
                    yield event
                    return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Alone, as before Airflow 3.3: the same polls, for one key."""
        from airflow_provider_partnero.triggers.polling import AwaitedKeys

        awaited = AwaitedKeys()
        with self._waiting(awaited):
            async for result in _polls(self.partnero_conn_id, self.poke_interval, awaited):
                if event := self._event_for(result):
                    yield event
                    return

    @contextmanager
    def _waiting(self, awaited: AwaitedKeys) -> Iterator[None]:
        is_needed = self.if_missing == "fail"
        awaited.add(self.webhook_key, is_needed=is_needed)
        try:
            yield
        finally:
            awaited.remove(self.webhook_key, is_needed=is_needed)

    def _event_for(self, result: PollResult) -> TriggerEvent | None:
        webhook = result.webhooks.get(self.webhook_key)
        failure = result.failure or result.refused.get(self.webhook_key)
        if webhook is not None and webhook.is_active:
            return TriggerEvent({"webhook": webhook.to_dict()})  # type: ignore[no-untyped-call]
        if self.webhook_key in result.missing and self.if_missing == "fail":
            failure = f"GET /webhooks/{self.webhook_key}: 404 no webhook has this key"
        if failure:
            return TriggerEvent({"failure": failure})  # type: ignore[no-untyped-call]
        if result.trouble:  # logged by each who waits, since each task has a log of its own
            self.log.warning("No answer about webhook %r, the wait goes on: %s", self.webhook_key, result.trouble)
        return None

    @classmethod
    def _awaited_keys(cls, stream_key: Hashable) -> AwaitedKeys:
        from airflow_provider_partnero.triggers.polling import AwaitedKeys

        return cls._awaited.setdefault(stream_key, AwaitedKeys())


class PartneroWebhooksChangedTrigger(BaseEventTrigger):
    """For an ``AssetWatcher``: fires when the programme's webhooks differ from those it saw last.

    The first reading is the standard and fires nothing. Where Airflow has an asset state store (3.3), what was seen
    last is kept there, so that a restarted triggerer reports what changed meanwhile, and nothing twice; only one that
    is killed within five seconds of firing fires again. Before 3.3 a restart sets a new standard.

    Its event: ``{"counts": {"added", "removed", "changed"}, "added": [{"key", "name"}], "removed": [{"key"}],
    "changed": [{"key", "name"}]}``, at most 100 of each; it never holds a signing secret. The store has room for some
    1,900 webhooks one by one; beyond, what changed during a restart is an event with empty counts and lists. A refused
    token or an outage is logged and tried again at the next poll.

    :param partnero_conn_id: connection of type ``partnero``, read anew for every poll.
    :param poke_interval: seconds between two readings of the list; a longer ``Retry-After`` prolongs it.
    :raises TypeError: ``poke_interval`` is no number.
    """

    def __init__(self, partnero_conn_id: str = "partnero_default", poke_interval: float = 300.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if not isinstance(poke_interval, int | float):
            # Airflow starts a watcher that fails anew, at once: a mistake found there would be a flood at Partnero.
            raise TypeError(f"poke_interval={poke_interval!r}: must be a number of seconds")
        self.partnero_conn_id = partnero_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What it takes to make this trigger again, after a restart or elsewhere."""
        return (
            "airflow_provider_partnero.triggers.partnero.PartneroWebhooksChangedTrigger",
            {"partnero_conn_id": self.partnero_conn_id, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read, compare, fire, remember, for ever."""
        from airflow_provider_partnero.triggers.polling import poll_list
        from airflow_provider_partnero.webhooks.changes import changes, digests

        seen, is_news = await self._remembered()
        while True:
            result = await _poll(self.partnero_conn_id, poll_list)
            if words := result.failure or result.trouble:
                self.log.warning("The webhooks cannot be read, to be tried again at the next poll: %s", words)
            else:
                webhooks = result.webhooks.values()
                difference = None if seen is None else changes(seen, webhooks)
                if difference is not None:
                    yield TriggerEvent(difference)  # type: ignore[no-untyped-call]
                    # Rather fire again after a restart than never: what is remembered must be stored already.
                    await asyncio.sleep(min(self.poke_interval, _UNTIL_STORED))
                is_news = is_news or seen is None or difference is not None
                seen = digests(webhooks)  # whole from now on, even where only a compact memory was left
                is_news = is_news and not await self._remember(seen)
            await asyncio.sleep(_pause(self.poke_interval, result))

    async def _remembered(self) -> tuple[dict[str, str] | None, bool]:
        """What was seen last, and whether there is an asset whose store does not hold it."""
        memories = [await store.aget(self._memory) for store in asset_state_stores(self)]
        known = [memory for memory in memories if memory is not None]
        return (dict(known[0]) if known else None), len(known) < len(memories)

    async def _remember(self, seen: dict[str, str]) -> bool:
        """Whether every store took it; an outage of Airflow's own database is no reason to stop watching."""
        from airflow_provider_partnero.webhooks.changes import compact

        try:
            for store in asset_state_stores(self):
                await store.aset(self._memory, compact(seen, _STORED_BYTES))
        except Exception as error:  # noqa: BLE001
            self.log.warning("What was seen cannot be remembered now, to be tried again: %s", error)
            return False
        return True

    @property
    def _memory(self) -> str:
        """Its name in the store, which watchers of other programmes may share."""
        return f"{_SEEN}:{self.partnero_conn_id}"


def _stream_key(partnero_conn_id: str, poke_interval: float) -> Hashable:
    return ("partnero-webhooks", partnero_conn_id, float(poke_interval))


def _pause(poke_interval: float, result: PollResult) -> float:
    return max(float(poke_interval), min(result.pause, _LONGEST_PAUSE), _LEAST_PAUSE)


async def _polls(partnero_conn_id: str, poke_interval: float, awaited: AwaitedKeys) -> AsyncIterator[PollResult]:
    """What each poll saw, for ever."""
    while True:
        # The next poll is attempt enough for a key; but of a long list one page must not spoil the others.
        result = await _poll(partnero_conn_id, awaited.poll, max_attempts=1 if awaited.is_asked_by_key else None)
        yield result
        await asyncio.sleep(_pause(poke_interval, result))


async def _poll(
    partnero_conn_id: str, ask: Callable[[PartneroHook], PollResult], *, max_attempts: int | None = None
) -> PollResult:
    from airflow_provider_partnero.triggers.polling import PollResult

    try:
        hook = await _connected_hook(partnero_conn_id, max_attempts)
    except ValueError as error:
        return PollResult(failure=str(error))
    except Exception as error:  # noqa: BLE001
        # Airflow says "not defined" of an outage of its database or of a backend of secrets, too.
        return PollResult(trouble=f"connection {partnero_conn_id!r} cannot be read now: {error}")
    return await asyncio.to_thread(ask, hook)


async def _connected_hook(partnero_conn_id: str, max_attempts: int | None) -> PartneroHook:
    """A hook whose connection is read already, so that polling threads need nothing of Airflow.

    asgiref's ``sync_to_async`` is what Airflow's triggerer expects around a connection look-up, in every 3.x.
    """
    from asgiref.sync import sync_to_async

    from airflow_provider_partnero.hooks.partnero import PartneroHook

    hook = PartneroHook(partnero_conn_id, max_attempts=max_attempts, page_concurrency=1)
    await sync_to_async(hook.get_conn)()
    return hook
