"""Which of a programme's webhooks may sign deliveries to one receiver, and with what secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.api.models import Secret, Webhook
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH
from airflow_provider_partnero.webhooks.protection import is_receiver
from airflow_provider_partnero.webhooks.texts import counted, quoted

MOST_SIGNERS = 64
"""Webhooks of one receiver whose secrets are kept."""

_MOST_OTHERS = 2_000  # keys that are remembered of webhooks that deliver elsewhere


@dataclass(frozen=True, slots=True)
class ReceiverWebhooks:
    """The webhooks that deliver to one receiver, as one reading of the list says.

    :param secrets: by webhook key.
    :param others: keys of webhooks that deliver elsewhere; the first 2,000 of them.
    :param remarks: what the owner should know, in sentences for the log.
    """

    secrets: dict[str, Secret] = field(repr=False)
    others: frozenset[str] = field(repr=False)
    remarks: tuple[str, ...] = ()

    @classmethod
    def among(cls, webhooks: Iterable[Webhook], conn_id: str) -> ReceiverWebhooks:
        """Those whose URL is that of the connection's receiver. One without a key or a secret cannot sign."""
        secrets: dict[str, Secret] = {}
        others: set[str] = set()
        without_secret = left_out = 0
        for webhook in webhooks:
            if "key" in webhook.unreadable:
                continue
            if not is_receiver(webhook.url, conn_id):
                if len(others) < _MOST_OTHERS:
                    others.add(webhook.key)
            elif not webhook.signature:
                without_secret += 1
            elif len(secrets) >= MOST_SIGNERS:
                left_out += 1
            else:
                secrets[webhook.key] = Secret(webhook.signature)
        return cls(secrets, frozenset(others), tuple(_remarks(conn_id, len(secrets), without_secret, left_out)))

    def secrets_of(self, webhook_key: str | None) -> Sequence[tuple[str | None, Secret]]:
        """(webhook key, secret) of those that may have signed.

        :param webhook_key: the webhook that a delivery names; None: not known yet, so all of them.
        """
        if webhook_key is None:
            return tuple(self.secrets.items())
        secret = self.secrets.get(webhook_key)
        return () if secret is None else ((webhook_key, secret),)


def why_not(webhooks: ReceiverWebhooks | None, webhook_key: str, conn_id: str) -> str:
    """Why a webhook is not admitted, in words for the log."""
    if webhooks is not None and webhook_key in webhooks.others:
        return (
            f"webhook {quoted(webhook_key)} delivers to another URL, so it is not admitted: the path of its URL must "
            f"end in {RECEIVER_PATH}{conn_id}, or the connection's signing_secrets must have its secret"
        )
    return f"no webhook {quoted(webhook_key)} of this programme delivers to this receiver"


def read_webhooks(connection: SigningConnection, seconds: float = 15.0) -> ReceiverWebhooks:
    """Read the list of webhooks from Partnero.

    :param seconds: how long it may take; then it is broken off.
    :raises PartneroError: there was no usable answer in time.
    :raises ValueError: the connection has no token.
    """
    if not connection.token:
        raise ValueError("it has neither an API token nor signing_secrets")
    with PartneroClient(
        connection.token,
        connection.base_url,
        timeout=connection.timeout,
        max_attempts=2,
        max_wait=1.0,
        deadline=seconds,
        verify=connection.verify,
    ) as client:
        ending = threading.Timer(seconds, client.abandon)
        ending.daemon = True
        ending.start()
        try:
            return ReceiverWebhooks.among(client.iter_webhooks(), connection.conn_id)
        finally:
            ending.cancel()


def _remarks(conn_id: str, signing: int, without_secret: int, left_out: int) -> Iterator[str]:
    receiver = f"the receiver of connection {quoted(conn_id)}"
    if left_out:
        yield f"{counted(signing + left_out, 'webhook')} deliver to {receiver}: only the first {signing} are admitted"
    if without_secret:
        yield f"{counted(without_secret, 'webhook')} of {receiver} cannot sign: Partnero tells no secret of theirs"
    if not signing:
        yield (
            f"No webhook of the programme delivers to {receiver}: the path of its URL must end in "
            f"{RECEIVER_PATH}{conn_id}, or the connection's signing_secrets must have its secret"
        )
