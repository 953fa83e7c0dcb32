"""Which of a programme's webhooks may sign deliveries to one receiver, and with what secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_partnero.api.models import Secret, Webhook
from airflow_provider_partnero.plugin.bounded_client import bounded_client
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH
from airflow_provider_partnero.webhooks.protection import is_receiver
from airflow_provider_partnero.webhooks.texts import counted, quoted

MOST_SIGNERS = 64
"""Webhooks of one receiver whose secrets are kept."""

MOST_OTHERS = 2_000
"""Other webhooks whose keys are kept, so that the log can say why they are not admitted."""

_Obstacle = Literal["elsewhere", "no secret", "too many"]


@dataclass(frozen=True, slots=True)
class ReceiverWebhooks:
    """The webhooks that deliver to one receiver, as one reading of the list says.

    :param secrets: by webhook key.
    :param others: why other webhooks of the programme are not admitted, by webhook key.
    :param remarks: what the owner should know, in sentences for the log.
    """

    conn_id: str
    secrets: Mapping[str, Secret] = field(repr=False)
    others: Mapping[str, _Obstacle] = field(default_factory=dict, repr=False)
    remarks: tuple[str, ...] = ()

    @classmethod
    def among(cls, webhooks: Iterable[Webhook], conn_id: str) -> ReceiverWebhooks:
        """Those whose URL is that of the connection's receiver, active or not; the first 64 that have a secret."""
        secrets: dict[str, Secret] = {}
        others: dict[str, _Obstacle] = {}
        counts: Counter[_Obstacle] = Counter()
        for webhook in webhooks:
            if "key" in webhook.unreadable:
                continue
            obstacle = _obstacle(webhook, conn_id, len(secrets))
            if obstacle is None:
                secrets[webhook.key] = Secret(webhook.signature or "")
                continue
            counts[obstacle] += 1
            if len(others) < MOST_OTHERS:
                others[webhook.key] = obstacle
        return cls(conn_id, secrets, others, tuple(_remarks(conn_id, len(secrets), counts)))

    def secrets_of(self, webhook_key: str | None) -> Sequence[tuple[str | None, Secret]]:
        """(webhook key, secret) of those that may have signed.

        :param webhook_key: the webhook that a delivery names; None: not known yet, so all of them.
        """
        if webhook_key is None:
            return tuple(self.secrets.items())
        secret = self.secrets.get(webhook_key)
        return () if secret is None else ((webhook_key, secret),)

    def why_not(self, webhook_key: str) -> str:
        """Why a webhook is not admitted, in words for the log."""
        subject = f"webhook {quoted(webhook_key)}"
        match self.others.get(webhook_key):
            case "elsewhere":
                return f"{subject} delivers to another URL, and so is not admitted: {_how(self.conn_id)}"
            case "no secret":
                return f"{subject} has no secret at Partnero that could verify its deliveries"
            case "too many":
                return f"{subject} is not admitted: only the first {MOST_SIGNERS} that deliver to this receiver are"
            case None:
                return f"no {subject} of this programme delivers to this receiver"


def _obstacle(webhook: Webhook, conn_id: str, admitted: int) -> _Obstacle | None:
    if not is_receiver(webhook.url, conn_id):
        return "elsewhere"
    if not webhook.signature:
        return "no secret"
    return "too many" if admitted >= MOST_SIGNERS else None


def _remarks(conn_id: str, admitted: int, counts: Counter[_Obstacle]) -> Iterator[str]:
    receiver = f"the receiver of connection {quoted(conn_id)}"
    if counts["too many"]:
        total = counted(admitted + counts["too many"], "webhook")
        yield f"{total} deliver to {receiver}: only the first {admitted} are admitted"
    if counts["no secret"]:
        yield f"{counted(counts['no secret'], 'webhook')} of {receiver} cannot sign: Partnero tells no secret"
    if not admitted:
        elsewhere = counted(counts["elsewhere"], "webhook")
        yield f"Nobody may deliver to {receiver}; {elsewhere} of its programme deliver elsewhere: {_how(conn_id)}"


def _how(conn_id: str) -> str:
    return (
        f"the path of its URL must end in {RECEIVER_PATH}{conn_id}, on whatever host, or the connection's "
        "signing_secrets must hold its secret"
    )


def read_webhooks(connection: SigningConnection, seconds: float = 15.0) -> ReceiverWebhooks:
    """Read the list of webhooks from Partnero.

    :param seconds: how long it may take; then it is broken off.
    :raises PartneroError: there was no usable answer in time.
    :raises ValueError: the connection has no token.
    """
    with bounded_client(connection, seconds) as client:
        return ReceiverWebhooks.among(client.iter_webhooks(), connection.conn_id)
