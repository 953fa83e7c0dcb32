"""Deliveries of events to webhooks: the envelope, its signature, and the attempts.

The signer stands here a second time, apart from ``api.signature``, so that a mistake there cannot hide.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from airflow_provider_partnero.sandbox.json_bytes import compact_json, php_json
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.records import Delivery

TIMEOUT = 3.0
ATTEMPTS = 3
BACKOFF_FACTOR = 10
AT_ONCE = 100
DEFAULT_BACKOFF = 1.0


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is sent, the same at every attempt: where to, the body's bytes, and the header that signs them."""

    webhook_key: str
    url: str
    event: str
    body: bytes
    headers: Mapping[str, str]


def seal(event: str, data: Any, webhook: Mapping[str, Any], profile: Profile, now: datetime) -> Envelope:
    """The delivery of an event to a webhook.

    Documented: the new envelope and its ``Signature`` over the raw body. Seen: PHP's bytes. Assumed: the type of the
    old envelope's ``timestamp``, seconds since the epoch.
    """
    write = php_json if profile.delivery_bytes == "php" else compact_json
    secret = str(webhook["signature"])
    content: dict[str, Any]
    if profile.envelope == "old":
        content = {"event": event, "data": data, "timestamp": int(now.timestamp())}
        signature = {"X-Partnero-Signature": _hmac_sha256(secret, compact_json(content))}
    else:
        content = {
            "event": event,
            "url": webhook["url"],
            "webhook_key": webhook["key"],
            "created_at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": data,
        }
        signature = {"Signature": _hmac_sha256(secret, write(content))}
    return Envelope(
        webhook_key=webhook["key"],
        url=str(webhook["url"]),
        event=event,
        body=write(content),
        headers={"Content-Type": "application/json", "User-Agent": "partnero-sandbox", **signature},
    )


def is_subscribed(webhook: Mapping[str, Any], event: str) -> bool:
    """Whether a webhook is to get an event: it is active, and the event is one of its."""
    events = webhook["events"]
    return webhook["is_active"] is True and isinstance(events, list) and event in events


class Postman:
    """Delivers events in the background of the running event loop, and keeps a log of every attempt.

    Seen in the package that Partnero's deliveries look like (spatie/laravel-webhook-server): a time-out of 3 seconds,
    3 attempts, 10 and 100 seconds apart. Here the first wait is ``backoff`` seconds, the second ten times as long.
    """

    def __init__(self) -> None:
        self.backoff = DEFAULT_BACKOFF
        self._log: list[Delivery] = []
        self._tasks: set[asyncio.Task[list[Delivery]]] = set()
        self._client: httpx.AsyncClient | None = None
        self._hands = asyncio.Semaphore(AT_ONCE)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Every attempt so far, in order of its end."""
        return tuple(self._log)

    async def send(self, envelopes: Sequence[Envelope], *, wait: bool) -> list[Delivery]:
        """Deliver; returns the attempts once all are over, or nothing at once when ``wait`` is false."""
        tasks = [asyncio.create_task(self._deliver(envelope)) for envelope in envelopes]
        self._tasks.update(tasks)
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        if not wait or not tasks:
            return []
        await asyncio.wait(tasks)
        return [attempt for task in tasks if not task.cancelled() for attempt in task.result()]

    def reset(self) -> None:
        """Give up what is under way, empty the log, and go back to the default backoff."""
        for task in self._tasks:
            task.cancel()
        self._log = []
        self.backoff = DEFAULT_BACKOFF

    async def close(self) -> None:
        """Give up what is under way and close the connections."""
        self.reset()
        if self._client is not None:
            await self._client.aclose()

    async def _deliver(self, envelope: Envelope) -> list[Delivery]:
        attempts: list[Delivery] = []
        pause = self.backoff
        for number in range(1, ATTEMPTS + 1):
            if attempts:
                await asyncio.sleep(pause)
                pause *= BACKOFF_FACTOR
            async with self._hands:  # the time-out is the receiver's, not that of the queue before it
                at = time.time()
                status, error = await self._post(envelope)
            attempt = Delivery(envelope.webhook_key, envelope.url, envelope.event, number, status, error, at)
            attempts.append(attempt)
            self._log.append(attempt)
            if status is not None and 200 <= status < 300:
                break
        return attempts

    async def _post(self, envelope: Envelope) -> tuple[int | None, str | None]:
        try:
            if _leads_nowhere(envelope.url):
                return None, "nobody lives at .example and .invalid"
        except ValueError as error:
            return None, f"no address: {error}"
        if self._client is None:
            # Never through a proxy: most receivers are on this machine.
            limits = httpx.Limits(max_keepalive_connections=AT_ONCE)
            self._client = httpx.AsyncClient(timeout=None, limits=limits, trust_env=False)  # noqa: S113 - timeout() below covers it all
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.post(envelope.url, content=envelope.body, headers=dict(envelope.headers))
        except TimeoutError:
            return None, f"no answer within {TIMEOUT:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"
        return answer.status_code, None


def sealed(
    event: str, data: Any, webhooks: Sequence[Mapping[str, Any]], profile: Profile, now: datetime | None = None
) -> list[Envelope]:
    """The deliveries of one event to those webhooks that are to get it."""
    moment = now or datetime.now(UTC)
    return [seal(event, data, webhook, profile, moment) for webhook in webhooks if is_subscribed(webhook, event)]


def _leads_nowhere(url: str) -> bool:
    """Whether RFC 2606 reserves the host's name: without a look-up the made-up webhooks cost nothing, on any network.

    :raises ValueError: it is no URL, or its port is none.
    """
    parts = urlsplit(url)
    if parts.port == 0:
        raise ValueError("port 0")
    return (parts.hostname or "").endswith((".example", ".invalid"))


def _hmac_sha256(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(errors="surrogatepass"), body, hashlib.sha256).hex()
