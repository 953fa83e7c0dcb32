"""Waiting in the triggerer."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.hooks.partnero import PartneroHook
    from airflow_provider_partnero.triggers.polling import Look, Watch

log = logging.getLogger(__name__)

_LEAST_PAUSE = 0.1  # seconds; without, a poke_interval of 0 would be a flood
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

    _watches: ClassVar[dict[Hashable, Watch]] = {}

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
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Look]:
        """Poll for ever, for all keys that wait; a poll that an outage swallowed yields an empty look."""
        watch = cls._watch(_stream_key(kwargs["partnero_conn_id"], kwargs["poke_interval"]))
        await watch.awaited.wait()  # the group opens before its first subscriber has said what it waits for
        while True:
            look = await _looked(kwargs["partnero_conn_id"], watch)
            yield look
            await asyncio.sleep(max(kwargs["poke_interval"], look.pause, _LEAST_PAUSE))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Look]) -> AsyncIterator[TriggerEvent]:
        """Fire on the first poll that settles this trigger's own webhook."""
        watch = self._watch(self.shared_stream_key())
        watch.add(self.webhook_key)
        try:
            async for look in shared_stream:
                event = _event_for(look, self.webhook_key, self.if_missing)
                if event is None and look.asked is None and self.if_missing == "fail":
                    # Pages shift while they are read, so a gap in the list proves nothing.
                    event = await self._event_if_missing(look)
                if event is not None:
                    yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                    return
        finally:
            watch.remove(self.webhook_key)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Alone, as before Airflow 3.3: the same poll, for one key."""
        watch = _new_watch(self.webhook_key)
        while True:
            look = await _looked(self.partnero_conn_id, watch)
            event = _event_for(look, self.webhook_key, self.if_missing)
            if event is not None:
                yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(max(self.poke_interval, look.pause, _LEAST_PAUSE))

    async def _event_if_missing(self, look: Look) -> dict[str, Any] | None:
        if self.webhook_key in look.webhooks:
            return None
        confirmed = await _looked(self.partnero_conn_id, _new_watch(self.webhook_key))
        return _event_for(confirmed, self.webhook_key, self.if_missing)

    @classmethod
    def _watch(cls, stream_key: Hashable) -> Watch:
        from airflow_provider_partnero.triggers.polling import Watch

        return cls._watches.setdefault(stream_key, Watch())


class PartneroWebhooksChangedTrigger(BaseEventTrigger):
    """For an ``AssetWatcher``: fires when the programme's webhooks differ from those it saw last.

    The first reading is the standard and fires nothing. Where Airflow has an asset state store (3.3), what was seen
    last is kept there, so that a restarted triggerer reports what changed meanwhile, and nothing twice; a triggerer
    killed in the second between firing and Airflow's storing of the event may lose it. Before 3.3 a restart sets a new
    standard.

    Its event: ``{"counts": {"added", "removed", "changed"}, "added": [{"key", "name"}], "removed": [{"key"}],
    "changed": [{"key", "name"}]}``, at most 100 of each; it never holds a signing secret. A refused token or an outage
    is logged and tried again at the next poll.

    :param partnero_conn_id: connection of type ``partnero``, read anew for every poll.
    :param poke_interval: seconds between two readings of the list.
    """

    def __init__(self, partnero_conn_id: str = "partnero_default", poke_interval: float = 300.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
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
        from airflow_provider_partnero.triggers.polling import all_webhooks
        from airflow_provider_partnero.webhooks.changes import changes, digests

        seen: dict[str, str] | None = await self._remembered()
        while True:
            webhooks = await self._read(all_webhooks)
            if webhooks is not None:
                difference = None if seen is None else changes(seen, webhooks)
                if difference is not None:
                    yield TriggerEvent(difference)  # type: ignore[no-untyped-call]
                is_news = seen is None or difference is not None
                seen = digests(webhooks)  # whole from now on, even where only a compact memory was left
                if is_news:
                    await self._remember(seen)
            await asyncio.sleep(max(self.poke_interval, _LEAST_PAUSE))

    async def _read(self, all_webhooks: Callable[[PartneroHook], list[Webhook] | None]) -> list[Webhook] | None:
        try:
            hook = await _connected_hook(self.partnero_conn_id)
        except Exception as error:  # noqa: BLE001
            # Connections are edited, and backends of secrets have outages: no reason to stop watching.
            self.log.warning("Connection %r cannot be used now: %s", self.partnero_conn_id, error)
            return None
        return await asyncio.to_thread(all_webhooks, hook)

    async def _remembered(self) -> dict[str, str] | None:
        for store in self._stores():
            seen = await store.aget(self._memory)
            if seen is not None:
                return dict(seen)
        return None

    async def _remember(self, seen: dict[str, str]) -> None:
        from airflow_provider_partnero.webhooks.changes import compact

        for store in self._stores():
            await store.aset(self._memory, compact(seen, _STORED_BYTES))

    @property
    def _memory(self) -> str:
        """Its name in the store, which watchers of other programmes may share."""
        return f"{_SEEN}:{self.partnero_conn_id}"

    def _stores(self) -> list[Any]:
        """One for each asset that this trigger watches for; without a subscript Airflow gives a single asset's only."""
        stores = getattr(self, "asset_state_store", None)
        return list(getattr(stores, "_by_name", {}).values()) or ([stores] if stores else [])


def _stream_key(partnero_conn_id: str, poke_interval: float) -> Hashable:
    return ("partnero-webhooks", partnero_conn_id, float(poke_interval))


def _new_watch(webhook_key: str) -> Watch:
    from airflow_provider_partnero.triggers.polling import Watch

    return Watch(keys=Counter([webhook_key]))


async def _looked(partnero_conn_id: str, watch: Watch) -> Look:
    from airflow_provider_partnero.triggers.polling import Look

    try:
        hook = await _connected_hook(partnero_conn_id)
    except ValueError as error:
        return Look(failure=str(error))
    except Exception as error:  # noqa: BLE001
        # Airflow says "not defined" of an outage of its database or of a backend of secrets, too.
        log.warning("Connection %r cannot be read now, which does not end the wait: %s", partnero_conn_id, error)
        return Look()
    return await asyncio.to_thread(watch.look, hook)


async def _connected_hook(partnero_conn_id: str) -> PartneroHook:
    """A hook whose connection is read already, so that polling threads need nothing of Airflow.

    asgiref's ``sync_to_async`` is what Airflow's triggerer expects around a connection look-up, in every 3.x.
    """
    from asgiref.sync import sync_to_async

    from airflow_provider_partnero.hooks.partnero import PartneroHook

    hook = PartneroHook(partnero_conn_id, max_attempts=1, page_concurrency=1)
    await sync_to_async(hook.get_conn)()
    return hook


def _event_for(look: Look, webhook_key: str, if_missing: str) -> dict[str, Any] | None:
    if words := look.failure or look.refused.get(webhook_key):
        return {"failure": words}
    webhook = look.webhooks.get(webhook_key)
    if webhook is not None:
        return {"webhook": webhook.to_dict()} if webhook.is_active else None
    if look.asked is not None and webhook_key in look.asked and if_missing == "fail":
        return {"failure": f"GET /webhooks/{webhook_key}: 404 no webhook has this key"}
    return None
