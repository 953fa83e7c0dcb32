"""The postman sends deliveries, repeats those that fail, and keeps a log of every attempt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from airflow_provider_partnero.sandbox.deliveries import Delivery, Envelope

ATTEMPTS = 3
DEFAULT_BACKOFF = 1.0  # seconds

_BACKOFF_FACTOR = 10
_MOST_AT_ONCE = 100
_MOST_REDIRECTS = 5
_RECEIVER_TIMEOUT = 3.0  # seconds


class Postman:
    """Delivers events in the background of the running event loop.

    It behaves like spatie/laravel-webhook-server, the package that Partnero's deliveries look like (seen): 3 attempts
    with a time-out of 3 seconds each, 10 and 100 seconds apart. It follows up to 5 redirects, a 301 or 302 as a GET
    without the body, a 307 or 308 as the same POST. Here the waits are shorter by default: ``backoff``
    seconds before the second attempt, ten times as long before the third.

    :param timeout: how long a receiver may take to answer, in seconds.
    """

    def __init__(self, *, timeout: float = _RECEIVER_TIMEOUT) -> None:
        self.backoff = DEFAULT_BACKOFF
        self._timeout = timeout
        self._log: list[Delivery] = []
        self._tasks: set[asyncio.Task[list[Delivery]]] = set()
        self._client: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Every attempt so far, in the order in which they ended."""
        return tuple(self._log)

    async def send(self, envelopes: Sequence[Envelope], *, wait: bool) -> list[Delivery]:
        """Deliver the envelopes side by side.

        :param wait: return all attempts after the last one has ended; otherwise return nothing, at once.
        """
        tasks = [asyncio.create_task(self._deliver(envelope)) for envelope in envelopes]
        self._tasks.update(tasks)
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        if not wait or not tasks:
            return []
        await asyncio.wait(tasks)
        return [attempt for task in tasks if not task.cancelled() for attempt in task.result()]

    def reset(self) -> None:
        """Give up the deliveries under way, empty the log, and go back to the default backoff."""
        for task in self._tasks:
            task.cancel()
        self._log = []
        self.backoff = DEFAULT_BACKOFF

    async def close(self) -> None:
        """Give up the deliveries under way and close the connections."""
        self.reset()
        if self._client is not None:
            await self._client.aclose()

    async def _deliver(self, envelope: Envelope) -> list[Delivery]:
        attempts: list[Delivery] = []
        pause = self.backoff
        for number in range(1, ATTEMPTS + 1):
            if attempts:
                await asyncio.sleep(pause)
                pause *= _BACKOFF_FACTOR
            async with self._slots:  # the time-out starts when a slot is free
                at = time.time()
                status, error = await self._post(envelope)
            attempt = Delivery(envelope.webhook_key, envelope.url, envelope.event, number, status, error, at)
            attempts.append(attempt)
            self._log.append(attempt)
            if status is not None and 200 <= status < 300:
                break
        return attempts

    async def _post(self, envelope: Envelope) -> tuple[int | None, str | None]:
        """The status of the receiver's answer, or why there was none."""
        try:
            if _is_reserved(envelope.url):
                return None, "names under .example and .invalid are reserved; nobody answers there"
        except ValueError as error:
            return None, f"not a URL: {error}"
        if self._client is None:
            # Without a proxy, because most receivers are on this machine.
            limits = httpx.Limits(max_keepalive_connections=_MOST_AT_ONCE)
            self._client = httpx.AsyncClient(
                timeout=None,  # noqa: S113 - asyncio.timeout bounds it  # nosec B113
                limits=limits,
                trust_env=False,
                follow_redirects=True,
                max_redirects=_MOST_REDIRECTS,
            )
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._client.post(envelope.url, content=envelope.body, headers=dict(envelope.headers))
        except TimeoutError:
            return None, f"no answer within {self._timeout:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"
        return answer.status_code, None


def _is_reserved(url: str) -> bool:
    """Whether RFC 2606 reserves the host's name. Such addresses need no look-up, so seeded webhooks cost nothing.

    :raises ValueError: the text is not a URL, or its port is out of range.
    """
    parts = urlsplit(url)
    if parts.port == 0:
        raise ValueError("port 0")
    return (parts.hostname or "").endswith((".example", ".invalid"))
