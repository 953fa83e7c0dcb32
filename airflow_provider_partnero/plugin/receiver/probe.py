"""The answer to a proven probe: what arrived, and whether the tables can be used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from airflow_provider_partnero.plugin.receiver.answers import PROBED, Answer

OLDEST = timedelta(minutes=5)  # a probe that somebody has caught is worth nothing then
_CHECKED_FOR = 2.0  # seconds


class ProbeAnswers:
    """Looks at the tables at most every two seconds, once at a time, for all probes that arrive meanwhile.

    :param check: looks at the receiver's tables: ``ok``, or what is wrong with them.
    :param clock: seconds; never goes back.
    """

    def __init__(self, check: Callable[[], Awaitable[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._checked: asyncio.Task[str] | None = None
        self._checked_at = 0.0

    async def answer(self, digest: str) -> Answer:
        """The answer to a probe.

        :param digest: SHA-256 of its body, as it arrived, in hex.
        """
        task = self._checked
        if task is None or (task.done() and self._clock() - self._checked_at > _CHECKED_FOR):
            self._checked = task = asyncio.create_task(self._look())
            self._checked_at = self._clock()
        await asyncio.wait({task})
        tables = "not looked at" if task.cancelled() else task.result()
        return replace(PROBED, more=(("body_sha256", digest), ("tables", tables)))

    async def _look(self) -> str:
        try:
            return await self._check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender of the probe wants to know
            return type(error).__name__
