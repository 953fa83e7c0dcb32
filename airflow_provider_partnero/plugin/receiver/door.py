"""The receiver as a bare ASGI app: what a stranger sends meets no router, no parameters and no validation."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Self

from airflow_provider_partnero.plugin.receiver.answers import MALFORMED, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.request import Body, Headers
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Receive, Scope, Send

    Answering = Callable[[str, Headers, Body], Awaitable[Answer]]

_HEADERS = frozenset({b"signature", b"x-partnero-signature", b"content-type", b"content-encoding", b"content-length"})
# A sender that drips wakes this up at most a hundred times a second; the web server collects what comes meanwhile.
_SMALL_CHUNK = 4_096  # bytes
_PAUSE = 0.01  # seconds
_DELIVERIES = "/webhooks/"
_MOUNTED_AT = RECEIVER_PATH.removesuffix(_DELIVERIES)


def delivered_to(scope: Scope) -> str | None:
    """The connection that a request delivers to, as its URL names it; None: the request is no delivery.

    The path may begin with that of the mount, or not, as with a proxy that takes a prefix off.
    """
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        path = path[len(root) :]
    path = path.removeprefix(_MOUNTED_AT)
    return path.removeprefix(_DELIVERIES) if path.startswith(_DELIVERIES) else None


class Door:
    """Takes one request from the web server, and gives the answer.

    A connection whose request was not read to its end is closed: the rest is not waited for.

    :param answering: answers a delivery, whatever happens.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def take(self, conn_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that delivers to a connection."""
        chunks = _Chunks(receive)
        answer = await self._answering(conn_id, _headers(scope), lambda: chunks)
        body = json.dumps({"status": answer.words, **dict(answer.more)}, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        if answer.retry_after:
            headers.append((b"retry-after", b"%d" % answer.retry_after))
        if not chunks.is_complete:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> Headers:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        if (lower := name.lower()) in _HEADERS:
            found[lower.decode("latin-1")].append(value.decode("latin-1"))
    return found


class _Chunks(AsyncIterator[bytes]):
    """The body as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_small = False
        self.is_complete = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.is_complete:
            raise StopAsyncIteration
        if self._is_small:
            await asyncio.sleep(_PAUSE)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(MALFORMED, "the sender hung up before the body had arrived")
        chunk: bytes = message.get("body", b"")
        self.is_complete = not message.get("more_body", False)
        self._is_small = len(chunk) < _SMALL_CHUNK
        return chunk
