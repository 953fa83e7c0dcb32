"""How answers reach their client: by ASGI, or as bytes on its connection, for what ASGI has no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.sandbox.answers import RawAnswer
from airflow_provider_partnero.sandbox.pieces import answer_pieces, interim_pieces
from airflow_provider_partnero.sandbox.wire import Wire

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TRANSPORT = "partnero_sandbox_transport"
"""The key in the scope's ``state`` under which the server puts the connection's transport, so that it can be cut."""

_MOST_UNSENT = 65_536  # bytes; a client that does not read must not fill the sandbox's memory
_LOOK_AGAIN = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One request, and the channels to its client."""

    scope: MutableMapping[str, Any]
    body: bytes
    receive: Receive
    send: Send


async def is_gone_within(opened: OpenRequest, seconds: float) -> bool:
    """Wait so long; returns early, and true, if the client disconnects."""
    try:
        async with asyncio.timeout(seconds):
            await _until_gone(opened)
    except TimeoutError:
        return False
    return True


async def send_answer(opened: OpenRequest, answer: RawAnswer, *, is_truncated: bool) -> None:
    """Send an answer; a truncated one announces its whole length, and the connection closes after half of the body."""
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    if answer.status == 204:
        headers = list(answer.headers)
    await opened.send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if is_truncated and answer.body:
        half = answer.body[: len(answer.body) // 2]
        await opened.send({"type": "http.response.body", "body": half, "more_body": True})
        await close(opened)
    else:
        await opened.send({"type": "http.response.body", "body": answer.body})


async def send_unusually(opened: OpenRequest, answer: RawAnswer, wire: Wire) -> None:
    """Send an answer in the way of a fault; returns when it is sent or the client is gone."""
    if await _write(opened, interim_pieces(wire), wire.interval):
        return
    if not wire.changes_answer:
        await send_answer(opened, answer, is_truncated=False)
        return
    if await _write(opened, answer_pieces(answer, wire), wire.interval):
        return
    if wire.stop_after:
        await _until_gone(opened)
    else:
        await close(opened)


async def close_after_interim(opened: OpenRequest, wire: Wire) -> None:
    """Send interim answers and no final one."""
    if not await _write(opened, interim_pieces(wire), wire.interval):
        await close(opened)


async def close(opened: OpenRequest) -> None:
    """Close the connection once everything is sent."""
    _transport(opened).close()
    await _until_gone(opened)


async def abort(opened: OpenRequest) -> None:
    """Cut the connection at once."""
    _transport(opened).abort()
    await _until_gone(opened)


async def _write(opened: OpenRequest, pieces: Iterator[bytes], interval: float) -> bool:
    """Write pieces with pauses between them; returns whether the client went before the end."""
    transport = _transport(opened)
    for piece in pieces:
        transport.write(piece)
        if await is_gone_within(opened, interval) if interval else await _is_gone_now(opened):
            return True
        while transport.get_write_buffer_size() > _MOST_UNSENT:
            if await is_gone_within(opened, _LOOK_AGAIN):
                return True
    return False


async def _is_gone_now(opened: OpenRequest) -> bool:
    await asyncio.sleep(0)  # other requests get their turn
    if not _transport(opened).is_closing():
        return False
    await _until_gone(opened)
    return True


async def _until_gone(opened: OpenRequest) -> None:
    # If a handler returned before its connection is gone, uvicorn would log that the answer is missing.
    while (await opened.receive())["type"] != "http.disconnect":
        pass


def _transport(opened: OpenRequest) -> asyncio.Transport:
    transport = opened.scope.get("state", {}).get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("only the sandbox's own server can cut connections; start it with Sandbox")
    return transport
