"""Deliveries of events to webhooks: which webhooks get one, its envelope and its signature.

The signer is written here a second time, apart from ``api.signature``, so that a mistake in one cannot hide.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_provider_partnero.sandbox.json_bytes import compact_json, php_json
from airflow_provider_partnero.sandbox.profiles import Profile


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event to a webhook.

    :param webhook_key: key of the webhook.
    :param url: address that the event was sent to.
    :param event: such as ``partner.created``.
    :param attempt: 1 for the first.
    :param status: HTTP status of the receiver's answer; None without an answer.
    :param error: why there was no answer; None with one.
    :param at: when it was sent, in seconds since the epoch.
    """

    webhook_key: str
    url: str
    event: str
    attempt: int
    status: int | None
    error: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every attempt sends: the address, the body's bytes, and the headers, which include the signature."""

    webhook_key: str
    url: str
    event: str
    body: bytes
    headers: Mapping[str, str]


def sealed(
    event: str, data: Any, webhooks: Sequence[Mapping[str, Any]], profile: Profile, now: datetime | None = None
) -> list[Envelope]:
    """One envelope for each webhook that is active and subscribes to the event.

    :param webhooks: as the API shows them, with their signatures.
    :param now: when the event happened; None for this moment.
    """
    moment = now or datetime.now(UTC)
    return [_envelope(event, data, webhook, profile, moment) for webhook in webhooks if _is_subscribed(webhook, event)]


def _is_subscribed(webhook: Mapping[str, Any], event: str) -> bool:
    return webhook.get("is_active") in (True, 1, "1") and event in _events(webhook.get("events"))


def _events(events: object) -> Iterable[object]:
    """The events of a row, which may hold them as an object keyed by numbers."""
    if isinstance(events, Mapping):
        return events.values()
    return events if isinstance(events, list) else ()


def _envelope(event: str, data: Any, webhook: Mapping[str, Any], profile: Profile, now: datetime) -> Envelope:
    # Documented: the new envelope, and its Signature over the raw body. Seen: PHP's bytes.
    # Assumed: the type of the old envelope's timestamp, seconds since the epoch.
    write = php_json if profile.delivery_bytes == "php" else compact_json
    secret = str(webhook.get("signature") or "")
    content: dict[str, Any]
    if profile.envelope == "old":
        content = {"event": event, "data": data, "timestamp": int(now.timestamp())}
        signature = {"X-Partnero-Signature": _hmac_sha256(secret, compact_json(content))}
    else:
        content = {
            "event": event,
            "url": webhook.get("url"),
            "webhook_key": webhook.get("key"),
            "created_at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": data,
        }
        signature = {"Signature": _hmac_sha256(secret, write(content))}
    return Envelope(
        webhook_key=str(webhook.get("key")),
        url=str(webhook.get("url")),
        event=event,
        body=write(content),
        headers={"Content-Type": "application/json", "User-Agent": "partnero-sandbox", **signature},
    )


def _hmac_sha256(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(errors="surrogatepass"), body, hashlib.sha256).hex()
