"""Who may sign the deliveries to each Airflow connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness
from airflow_provider_partnero.plugin.receiver.memory import Memory
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection, read_connection
from airflow_provider_partnero.plugin.receiver.signers.refusals import refusing
from airflow_provider_partnero.plugin.receiver.signers.webhook_secrets import WebhookSecrets

CONNECTIONS = Freshness(
    known_for=60.0,
    unknown_for=15.0,
    stale_for=3_600.0,  # for when the secrets backend is out
    most=256,
    loads_per_minute=120,
)
_LONGEST_NAME = 250  # of a connection, in Airflow's database


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign the deliveries to one connection.

    :param secrets: asked when the connection lists none itself.
    """

    connection: SigningConnection
    secrets: WebhookSecrets


class SignerRegistry:
    """Signers by connection. Belongs to one event loop.

    One connection may have many names, such as one from the environment in upper and lower case: all that say the
    same share one set of secrets.

    :param read: reads a connection, in a thread; None: there is none of type ``partnero`` by this name.
    :param freshness: how often connections are read.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        read: Callable[[str], SigningConnection | None] = read_connection,
        freshness: Freshness = CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._stale_for = freshness.stale_for
        self._signers: Fresh[str, Signers] = Fresh(self._load, freshness, clock)
        self._secrets: Memory[SigningConnection, WebhookSecrets] = Memory(freshness.most, clock)

    async def signers(self, conn_id: str) -> Signers | None:
        """Those of a connection; None when there is no connection of type ``partnero`` by this name.

        :raises RefusedError: the connection could not be read.
        """
        if not _can_be_a_name(conn_id):
            return None
        with refusing(loads="connections to be read", failure=f"connection {conn_id!r} cannot be used"):
            return await self._signers.get(conn_id)

    async def _load(self, conn_id: str) -> Signers | None:
        connection = await asyncio.to_thread(self._read, conn_id)
        return Signers(connection, self._secrets_of(connection)) if connection else None

    def _secrets_of(self, connection: SigningConnection) -> WebhookSecrets:
        secrets = self._secrets.get(connection, self._stale_for) or self._new_secrets(connection)
        self._secrets.put(connection, secrets)
        return secrets

    def _new_secrets(self, connection: SigningConnection) -> WebhookSecrets:
        async def look_up(webhook_key: str) -> Secret | None:
            return await asyncio.to_thread(connection.secret_of, webhook_key)

        return WebhookSecrets(look_up, clock=self._clock)


def _can_be_a_name(conn_id: str) -> bool:
    return 0 < len(conn_id) <= _LONGEST_NAME and conn_id.isprintable()
