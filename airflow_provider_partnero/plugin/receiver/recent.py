"""What this process has recorded lately, so that a delivery that comes again costs neither a parser nor a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNAVAILABLE, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.memory import Memory

_FOR_GOOD = {ACCEPTED, DUPLICATE}  # answers that mean: the ledger has it
_MAX_AGE = 86_400.0  # seconds, less than the ledger remembers


class RecentDeliveries:
    """Records each delivery once at a time, and remembers those whose recording was committed.

    :param remembered: connection and digest of the body.
    """

    def __init__(self, remembered: Memory[tuple[str, str], bool]) -> None:
        self._remembered = remembered
        self._under_way: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    async def record_once(self, entry: tuple[str, str], record: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to a proven delivery: that of ``record``, or ``duplicate`` without it.

        Copies that arrive while the first is being recorded wait for it, and take no place in any queue.

        :param entry: connection and digest of the body.
        :raises RefusedError: it could not be recorded, or the copy that this one waited for was not.
        """
        if self._remembered.get(entry, _MAX_AGE):
            return DUPLICATE
        first = self._under_way.get(entry)
        if first is not None:
            return await _answer_of_copy(first)
        self._under_way[entry] = ended = asyncio.get_running_loop().create_future()
        try:
            answer = await record()
            ended.set_result(answer)
        finally:
            del self._under_way[entry]
            ended.cancel()  # unless it has a result
        if answer in _FOR_GOOD:
            self._remembered.put(entry, True)
        return answer


async def _answer_of_copy(first: asyncio.Future[Answer]) -> Answer:
    await asyncio.wait({first})
    if first.cancelled():
        raise RefusedError(UNAVAILABLE, "a copy of it was being recorded, in vain")
    answer = first.result()
    return DUPLICATE if answer in _FOR_GOOD else answer
