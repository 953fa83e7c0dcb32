"""Triggers that wait for a webhook or for a change of webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from weakref import WeakValueDictionary

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_partnero.airflow_compat import asset_state_stores
from airflow_provider_partnero.api.arguments import checked_key
from airflow_provider_partnero.api.quoting import short_repr

if TYPE_CHECKING:
    from airflow_provider_partnero.triggers.polling import AwaitedKeys, PollResult

_LEAST_PAUSE = 0.1  # seconds; without it, a poke_interval of 0 would flood Partnero with requests
_LONGEST_PAUSE = 3_600.0  # seconds up to which a Retry-After is honoured, so that no trigger waits for ever
_UNTIL_STORED = 5.0  # seconds that Airflow may take to store the event of a trigger
_SEEN = "partnero_webhooks_seen"
_STORED_BYTES = 60_000  # Airflow's asset state store takes 64 KiB per value by default


class RefusedTriggerArgument(ValueError, TypeError):  # noqa: N818 - it is both errors of its bases
    """An argument of a trigger that is not allowed.

    It is a ``TypeError`` too, because that is the only error of a constructor that fails no other trigger: any other
    ends Airflow's triggerer.
    """


class PartneroWebhookActiveTrigger(BaseEventTrigger):
    """Fires once the webhook is active, or once it is certain that it will not become active.

    On Airflow 3.3 and later, triggers with the same connection and interval share one poll in each triggerer. A poll
    reads the list at most once, or only the awaited keys if they are few. Before 3.3 each trigger polls for its own
    key. The event is
    ``{"webhook": {"key", "name", "url", "is_active", "events"}}`` or ``{"failure": "<reason>"}``.

    :param webhook_key: the webhook's key.
    :param partnero_conn_id: connection of type ``partnero``, read again for every poll.
    :param poke_interval: seconds between two polls; a longer ``Retry-After`` is honoured up to an hour.
    :param if_missing: if no webhook has the key, ``"fail"`` or ``"wait"`` until one is created.
    :raises RefusedTriggerArgument: an argument is not allowed; the message names it, its value and what is allowed.
    """

    _awaited: ClassVar[WeakValueDictionary[Hashable, AwaitedKeys]] = (
        WeakValueDictionary()
    )  # per shared stream, while triggers wait

    def __init__(
        self,
        webhook_key: str,
        partnero_conn_id: str = "partnero_default",
        poke_interval: float = 60.0,
        if_missing: Literal["fail", "wait"] = "fail",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        _check_arguments(webhook_key, poke_interval, if_missing)
        self.webhook_key = webhook_key
        self.partnero_conn_id = partnero_conn_id
        self.poke_interval = poke_interval
        self.if_missing = if_missing

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, from which Airflow creates this trigger again."""
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
        """Poll for ever, for all awaited keys. A poll that fails in an outage yields a result without webhooks."""
        awaited = cls._awaited_keys(_stream_key(kwargs["partnero_conn_id"], kwargs["poke_interval"]))
        await awaited.present.wait()  # the stream opens before its first subscriber has added its key
        async for result in _poll_for_ever(kwargs["partnero_conn_id"], kwargs["poke_interval"], awaited):
            yield result

    async def filter_shared_stream(self, shared_stream: AsyncIterator[PollResult]) -> AsyncIterator[TriggerEvent]:
        """Fire on the first poll that decides about this trigger's own webhook."""
        with self._waiting(self._awaited_keys(self.shared_stream_key())):
            async for result in shared_stream:
                if event := self._event_for(result):
                    yield event
                    return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll for this trigger's key alone, as before Airflow 3.3."""
        from airflow_provider_partnero.triggers.polling import AwaitedKeys

        awaited = AwaitedKeys()
        with self._waiting(awaited):
            async for result in _poll_for_ever(self.partnero_conn_id, self.poke_interval, awaited):
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
        if result.trouble and webhook is None:  # logged by each trigger, since each task has its own log
            self.log.warning("No answer about webhook %r, waiting goes on: %s", self.webhook_key, result.trouble)
        return None

    @classmethod
    def _awaited_keys(cls, stream_key: Hashable) -> AwaitedKeys:
        from airflow_provider_partnero.triggers.polling import AwaitedKeys

        return cls._awaited.setdefault(stream_key, AwaitedKeys())


class PartneroWebhooksChangedTrigger(BaseEventTrigger):
    """For an ``AssetWatcher``: fires when the programme's webhooks differ from those it saw last.

    The first reading is the baseline and fires nothing. From Airflow 3.3 on, the last reading is kept in the asset
    state store. So a restarted triggerer reports what changed meanwhile and repeats nothing, unless it was killed
    within five seconds of firing. Before 3.3 a restart takes a new baseline.

    Its event: ``{"counts": {"added", "removed", "changed"}, "added": [{"key", "name"}], "removed": [{"key"}],
    "changed": [{"key", "name"}]}``, at most 100 of each; it never holds a signing secret. The store has room for
    about 1,900 webhooks. With more, a change during a restart fires an event with empty counts and lists. If the token
    is refused or Partnero is out, the trigger logs that and tries again at the next poll.

    :param partnero_conn_id: connection of type ``partnero``, read again for every poll.
    :param poke_interval: seconds between two readings of the list; a longer ``Retry-After`` is honoured up to an hour.
    :raises RefusedTriggerArgument: ``poke_interval`` is not a number from 0.
    """

    def __init__(self, partnero_conn_id: str = "partnero_default", poke_interval: float = 300.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Airflow restarts a failing watcher at once: a mistake found only then would flood Partnero with requests.
        check_interval(poke_interval)
        self.partnero_conn_id = partnero_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, from which Airflow creates this trigger again."""
        return (
            "airflow_provider_partnero.triggers.partnero.PartneroWebhooksChangedTrigger",
            {"partnero_conn_id": self.partnero_conn_id, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read, compare, fire, remember, for ever."""
        from airflow_provider_partnero.triggers.polling import Poller, poll_list
        from airflow_provider_partnero.webhooks.changes import changes, digests

        poller = Poller.of(self.partnero_conn_id, self.poke_interval, kind="changes")
        seen, is_unstored = await self._recall()
        while True:
            result = await poller.poll(poll_list)
            if words := result.failure or result.trouble:
                self.log.warning("Cannot read the webhooks, will try again at the next poll: %s", words)
            else:
                webhooks = result.webhooks.values()
                difference = None if seen is None else changes(seen, webhooks)
                if difference is not None:
                    yield TriggerEvent(difference)  # type: ignore[no-untyped-call]
                    # After a restart, rather fire again than never: wait until Airflow has stored the event.
                    await asyncio.sleep(min(self.poke_interval, _UNTIL_STORED))
                is_unstored = is_unstored or seen is None or difference is not None
                seen = digests(webhooks)  # one digest per webhook from now on, even if only a compact memory was left
                is_unstored = is_unstored and not await self._remember(seen)
            await asyncio.sleep(_pause(self.poke_interval, result))

    async def _recall(self) -> tuple[dict[str, str] | None, bool]:
        """The last reading in the stores, and whether a store lacks it."""
        memories = [await store.aget(self._memory_name) for store in asset_state_stores(self)]
        known = [memory for memory in memories if memory is not None]
        return (dict(known[0]) if known else None), len(known) < len(memories)

    async def _remember(self, seen: dict[str, str]) -> bool:
        """Whether all stores took the reading. An outage of Airflow's database does not end the watch."""
        from airflow_provider_partnero.webhooks.changes import compact

        try:
            for store in asset_state_stores(self):
                await store.aset(self._memory_name, compact(seen, _STORED_BYTES))
        except Exception as error:  # noqa: BLE001
            self.log.warning("Cannot store what was read, will try again: %s", error)
            return False
        return True

    @property
    def _memory_name(self) -> str:
        """The name in the store; watchers of other programmes may use the same store."""
        return f"{_SEEN}:{self.partnero_conn_id}"


def _check_arguments(webhook_key: object, poke_interval: object, if_missing: object) -> None:
    try:
        checked_key(webhook_key, argument="webhook_key")
    except ValueError as error:
        raise RefusedTriggerArgument(str(error)) from None
    check_interval(poke_interval)
    if if_missing not in ("fail", "wait"):
        raise RefusedTriggerArgument(f"if_missing={short_repr(if_missing)}: must be 'fail' or 'wait'")


def check_interval(poke_interval: object) -> None:
    """Refuse what is not a number of seconds from 0.

    :raises RefusedTriggerArgument: the message names the value, and what is allowed.
    """
    is_number = isinstance(poke_interval, int | float) and not isinstance(poke_interval, bool)
    if not is_number or not 0 <= poke_interval < inf:  # type: ignore[operator]  # NaN would poll without a pause
        raise RefusedTriggerArgument(
            f"poke_interval={short_repr(poke_interval)}: must be a number of seconds, at least 0"
        )


def _stream_key(partnero_conn_id: str, poke_interval: float) -> Hashable:
    return ("partnero-webhooks", partnero_conn_id, float(poke_interval))


def _pause(poke_interval: float, result: PollResult) -> float:
    return max(float(poke_interval), min(result.pause, _LONGEST_PAUSE), _LEAST_PAUSE)


async def _poll_for_ever(
    partnero_conn_id: str, poke_interval: float, awaited: AwaitedKeys
) -> AsyncIterator[PollResult]:
    """Poll for ever and yield each result."""
    from airflow_provider_partnero.triggers.polling import Poller

    poller = Poller.of(partnero_conn_id, poke_interval, kind="active")
    while True:
        # A failed request for a key waits for the next poll. In a long list, one failed page must not spoil the rest.
        result = await poller.poll(awaited.poll, max_attempts=1 if awaited.is_asked_by_key else None)
        yield result
        await asyncio.sleep(_pause(poke_interval, result))
