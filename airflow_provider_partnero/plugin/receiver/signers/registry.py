"""Who may sign the deliveries to each Airflow connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.fresh import Fresh, Freshness, LoadError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection, read_connection
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads
from airflow_provider_partnero.plugin.receiver.signers.receiver_webhooks import (
    ReceiverWebhooks,
    read_webhooks,
)
from airflow_provider_partnero.webhooks.texts import quoted, visible_start

log = logging.getLogger(__name__)

CONNECTIONS = Freshness(
    known_for=60.0,
    stale_for=3_600.0,  # for when the secrets backend is out
    refresh_every=10.0,
    retry_every=2.0,
)
WEBHOOKS = Freshness(
    known_for=600.0,
    stale_for=86_400.0,  # an outage of Partnero's API does not stop its deliveries
    refresh_every=10.0,
    retry_every=10.0,
)
_CONNECTION_SECONDS = 10.0
_WEBHOOKS_SECONDS = 20.0  # with the wait for a thread


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign the deliveries to one connection."""

    connection: SigningConnection
    _connections: Fresh[SigningConnection]
    _webhooks: Fresh[ReceiverWebhooks]

    async def candidates(self, webhook_key: str | None) -> Sequence[tuple[str | None, Secret]]:
        """(webhook key, secret) of those that may have signed; a key is None if the connection does not name it.

        :param webhook_key: the webhook that the delivery names; None: not known yet, so all of the connection's.
        :returns: none if this webhook is not admitted, as far as is known.
        :raises RefusedError: Partnero could not be asked.
        """
        if self.connection.signing_secrets:
            return self.connection.secrets_of(webhook_key)
        with _refusing("the secrets cannot be read from Partnero"):
            return (await self._webhooks.get()).secrets_of(webhook_key)

    async def refreshed(self, webhook_key: str | None) -> Sequence[tuple[str | None, Secret]] | None:
        """The candidates as they are now: for a webhook that is not admitted, or when no secret verifies.

        :returns: None if nobody may be asked now, since somebody was in the last 10 seconds: a webhook that is not
            admitted may be a new one, whose delivery must come again.
        :raises RefusedError: Partnero, or whoever keeps the connection, could not be asked.
        """
        if self.connection.signing_secrets:
            with _refusing(f"connection {quoted(self.connection.conn_id)} cannot be used"):
                connection = await self._connections.refreshed()
            return None if connection is None else connection.secrets_of(webhook_key)
        with _refusing("the secrets cannot be read from Partnero"):
            webhooks = await self._webhooks.refreshed()
        return None if webhooks is None else webhooks.secrets_of(webhook_key)

    def why_not(self, webhook_key: str) -> str:
        """Why a webhook is not admitted, in words for the log, as far as is known; nobody is asked."""
        conn_id = self.connection.conn_id
        if self.connection.signing_secrets:
            return f"connection {quoted(conn_id)} has no secret of webhook {quoted(webhook_key)} in signing_secrets"
        return (self._webhooks.known() or ReceiverWebhooks(conn_id, {})).why_not(webhook_key)


class SignerRegistry:
    """Signers by connection. Belongs to one event loop.

    :param connections: those that are looked for, spelt as in the URL; no other name ever leaves this class.
    :param read: reads a connection; runs in a thread.
    :param read_list: reads its programme's webhooks; runs in a thread.
    :param clock: seconds; never goes back.
    """

    def __init__(
        self,
        connections: frozenset[str],
        read: Callable[[str], SigningConnection] = read_connection,
        read_list: Callable[[SigningConnection], ReceiverWebhooks] = read_webhooks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for_connections = DaemonThreads(4, "partnero-connection")
        for_lists = DaemonThreads(16, "partnero-signers")
        self._known = {
            conn_id: _Known(conn_id, read, read_list, (for_connections, for_lists), clock) for conn_id in connections
        }

    async def signers(self, conn_id: str) -> Signers | None:
        """Those of a connection; None if deliveries are not taken for it.

        :raises RefusedError: the connection is not there, or cannot be used.
        """
        known = self._known.get(conn_id)
        return await known.signers() if known else None


class _Known:
    """What is known about one connection and its webhooks."""

    def __init__(
        self,
        conn_id: str,
        read: Callable[[str], SigningConnection],
        read_list: Callable[[SigningConnection], ReceiverWebhooks],
        threads: tuple[DaemonThreads, DaemonThreads],
        clock: Callable[[], float],
    ) -> None:
        self._conn_id = conn_id
        self._read = read
        self._read_list = read_list
        self._for_connections, self._for_lists = threads
        self._clock = clock
        unread = _Told().keeps_old(f"Connection {quoted(conn_id)} cannot be used")
        self._connections = Fresh(self._load, CONNECTIONS, clock, unread)
        self._signers: Signers | None = None
        self._webhooks: Fresh[ReceiverWebhooks] | None = None

    async def signers(self) -> Signers:
        with _refusing(f"connection {quoted(self._conn_id)} cannot be used"):
            connection = await self._connections.get()
        signers = self._signers
        if signers is None or signers.connection != connection:
            if self._webhooks is None or signers is None or signers.connection.programme != connection.programme:
                self._webhooks = self._new_webhooks(connection)
            signers = self._signers = Signers(connection, self._connections, self._webhooks)
        return signers

    def _new_webhooks(self, connection: SigningConnection) -> Fresh[ReceiverWebhooks]:
        async def load() -> ReceiverWebhooks:
            webhooks = await self._for_lists.run(lambda: self._read_list(connection), _WEBHOOKS_SECONDS)
            told.tell(webhooks.remarks)
            return webhooks

        told = _Told()
        failure = f"The secrets of connection {quoted(self._conn_id)} cannot be read from Partnero"
        return Fresh(load, WEBHOOKS, self._clock, told.keeps_old(failure))

    async def _load(self) -> SigningConnection:
        return await self._for_connections.run(lambda: self._read(self._conn_id), _CONNECTION_SECONDS)


class _Told:
    """What the log was told last, so that it is told once."""

    def __init__(self) -> None:
        self._last: Sequence[str] = ()

    def tell(self, remarks: Sequence[str]) -> None:
        for remark in remarks:
            if remark not in self._last:
                log.warning("%s", remark)
        self._last = remarks

    def keeps_old(self, failure: str) -> Callable[[Exception], None]:
        """What to call when a load fails and nobody notices, since the old value is used."""
        return lambda error: self.tell([f"{failure}; what was read before is used: {visible_start(str(error), 500)}"])


@contextmanager
def _refusing(failure: str) -> Iterator[None]:
    try:
        yield
    except LoadError as error:
        raise RefusedError(UNAVAILABLE, f"{failure}: {error}", "secrets") from error
