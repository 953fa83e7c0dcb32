"""Which programmes the receiver knows: one for each Airflow connection it was asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.memory import Memory
from airflow_provider_partnero.plugin.receiver.signers.connection import Programme, load_programme
from airflow_provider_partnero.plugin.receiver.signers.webhook_secrets import PATIENCE, Keyring
from airflow_provider_partnero.plugin.receiver.single_flight import SingleFlight

_KNOWN_FOR = 60.0  # seconds
_UNKNOWN_FOR = 15.0  # seconds
_STALE_FOR = 3_600.0  # seconds; for when the secrets backend is out
_MOST = 256
_LOADS_PER_MINUTE = 120
_LONGEST_NAME = 250  # of a connection, in Airflow's database


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign the deliveries of one programme."""

    programme: Programme
    keyring: Keyring


class Programmes:
    """Reads connections, at most once a minute each, and 120 new and 120 known ones a minute in all.

    One connection may have many names, such as one from the environment in upper and lower case: all that say the
    same share one keyring. Belongs to one event loop.
    """

    def __init__(
        self,
        load: Callable[[str], Programme | None] = load_programme,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._clock = clock
        self._known: Memory[str, Signers] = Memory(_MOST, clock)
        self._unknown: Memory[str, None] = Memory(_MOST, clock)
        self._keyrings: Memory[Programme, Keyring] = Memory(_MOST, clock)
        self._for_new = Budget(_LOADS_PER_MINUTE, clock)
        self._for_known = Budget(_LOADS_PER_MINUTE, clock)
        self._readings: SingleFlight[str, Signers | None] = SingleFlight()

    async def signers(self, conn_id: str) -> Signers | None:
        """Those of a connection; None when there is no connection of type ``partnero`` by this name.

        :raises RefusedError: the connection could not be read.
        """
        known = self._known.get(conn_id, _KNOWN_FOR)
        if known:
            return known[0]
        if not _can_be_a_name(conn_id) or self._unknown.get(conn_id, _UNKNOWN_FOR):
            return None
        stale = self._known.get(conn_id, _STALE_FOR)
        try:
            async with asyncio.timeout(PATIENCE if stale else None):
                return await self._readings.do(conn_id, lambda: self._read(conn_id))
        except (RefusedError, TimeoutError):
            if stale is None:
                raise
            return stale[0]

    async def _read(self, conn_id: str) -> Signers | None:
        budget = self._for_known if self._known.get(conn_id, _STALE_FOR) else self._for_new
        if not budget.spend():
            raise RefusedError(FLOODED, f"more than {_LOADS_PER_MINUTE} connections to be read within a minute")
        try:
            programme = await asyncio.to_thread(self._load, conn_id)
        except Exception as error:
            raise RefusedError(UNAVAILABLE, f"connection {conn_id!r} cannot be used: {error}") from error
        if programme is None:
            self._known.forget(conn_id)
            self._unknown.put(conn_id, None)
            return None
        signers = Signers(programme, self._keyring(programme))
        self._known.put(conn_id, signers)
        return signers

    def _keyring(self, programme: Programme) -> Keyring:
        known = self._keyrings.get(programme, _STALE_FOR)
        keyring = known[0] if known else self._new_keyring(programme)
        self._keyrings.put(programme, keyring)
        return keyring

    def _new_keyring(self, programme: Programme) -> Keyring:
        async def look_up(webhook_key: str) -> Secret | None:
            return await asyncio.to_thread(programme.secret_of, webhook_key)

        return Keyring(look_up, self._clock)


def _can_be_a_name(conn_id: str) -> bool:
    return 0 < len(conn_id) <= _LONGEST_NAME and conn_id.isprintable()
