"""The ASGI layer around the API: it logs every request, adds the latency, and applies faults."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_partnero.sandbox.answers import RawAnswer, faulty_answer
from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.json_bytes import read_json
from airflow_provider_partnero.sandbox.pagination import list_parameters
from airflow_provider_partnero.sandbox.partnero_api import BASE_PATH
from airflow_provider_partnero.sandbox.request_log import LoggedRequest
from airflow_provider_partnero.sandbox.state import SandboxState

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

TRANSPORT = "partnero_sandbox_transport"
"""The key in the scope's ``state`` under which the server puts the connection's transport, so that it can be cut."""

_OWN_PATHS = ("/_sandbox", "/docs", "/openapi.json")


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request, and the channels to its client."""

    scope: MutableMapping[str, Any]
    body: bytes
    receive: Receive
    send: Send


class FaultMiddleware:
    """Wraps the API; requests to the control API and the documentation pass through unchanged."""

    def __init__(self, app: ASGIApp, state: SandboxState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        # A cancellation means that the server is stopping and has cut the connection, so there is no one to answer.
        with suppress(asyncio.CancelledError):
            await self._pass(scope, receive, send)

    async def _pass(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path = _raw_path(scope)
        if scope["type"] != "http" or any(path == own or path.startswith(own + "/") for own in _OWN_PATHS):
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            return
        # Routing by the raw path keeps a key's encoded slashes. Laravel ignores a trailing slash, too (seen).
        routed = {**scope, "path": path.rstrip("/") or "/"}
        await self._handle(_Exchange(routed, body, receive, send), path)

    async def _handle(self, exchange: _Exchange, path: str) -> None:
        state = self._state
        request = _logged_request(exchange, path, state)
        number = state.log.add(request)
        fault = self._refusal(request) or state.next_fault(request.method, request.path, _page(request))
        if state.latency:
            await asyncio.sleep(state.latency)
        answer = await self._answer(exchange, fault)
        await state.late_changes.count_request()
        if fault is not None and fault.is_late:
            self._carry_out_late(exchange, fault)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if answer is None:
            await _abort(exchange)
            return
        state.log.set_status(number, answer.status)
        await _send(exchange, answer, is_truncated=fault is not None and fault.body == "truncated")

    def _refusal(self, request: LoggedRequest) -> Fault | None:
        """The 429 beyond the rate limit. Laravel checks the token first, so a wrong one is not counted."""
        limit = self._state.rate_limit
        wait = limit.refuse(time.monotonic()) if limit is not None and request.authorized else None
        return None if wait is None else Fault(status=429, retry_after=wait)

    def _carry_out_late(self, exchange: _Exchange, fault: Fault) -> None:
        async def change() -> None:
            await self._run(exchange)

        if fault.late is not None:
            self._state.late_changes.after_seconds(fault.late, change)
        if fault.late_requests is not None:
            self._state.late_changes.after_requests(fault.late_requests, change)

    async def _answer(self, exchange: _Exchange, fault: Fault | None) -> RawAnswer | None:
        if fault is None:
            return await self._run(exchange)
        for mutation in fault.mutate:
            if mutation.insert is not None:
                self._state.store.put(mutation.insert, front=mutation.at == "front")
            if mutation.delete is not None:
                self._state.store.delete(mutation.delete)
        real = await self._run(exchange) if fault.makes_change else None
        if fault.drop:
            return None
        return faulty_answer(fault, real, self._state.profile.retry_after, time.time())

    async def _run(self, exchange: _Exchange) -> RawAnswer:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": exchange.body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(exchange.scope, receive, send)
        start, *parts = sent
        body = b"".join(part.get("body", b"") for part in parts)
        return RawAnswer(start["status"], tuple(start["headers"]), body)


def _raw_path(scope: MutableMapping[str, Any]) -> str:
    return bytes(scope.get("raw_path") or b"").decode("latin-1")


def _page(request: LoggedRequest) -> int:
    page = str(list_parameters(request.query, request.headers.get("content-type", ""), request.body).get("page", ""))
    return int(page) if re.fullmatch(r"[0-9]{1,15}", page) else 1


def _logged_request(exchange: _Exchange, path: str, state: SandboxState) -> LoggedRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]}
    authorization = headers.pop("authorization", None)
    try:
        body = read_json(exchange.body)
    except ValueError:
        body = None
    return LoggedRequest(
        method=exchange.scope["method"],
        path=path[len(BASE_PATH) :] if path.startswith(BASE_PATH + "/") else path,
        query=dict(parse_qsl(exchange.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        status=None,
        authorized=state.admits(authorization),
        has_authorization=authorization is not None,
        body=body,
        at=time.time(),
        headers=headers,
    )


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client disconnected before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _send(exchange: _Exchange, answer: RawAnswer, *, is_truncated: bool) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    if answer.status == 204:
        headers = list(answer.headers)
    await exchange.send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if is_truncated and answer.body:
        half = answer.body[: len(answer.body) // 2]
        await exchange.send({"type": "http.response.body", "body": half, "more_body": True})
        _transport(exchange).close()
        await _until_gone(exchange)
    else:
        await exchange.send({"type": "http.response.body", "body": answer.body})


async def _abort(exchange: _Exchange) -> None:
    _transport(exchange).abort()
    await _until_gone(exchange)


async def _until_gone(exchange: _Exchange) -> None:
    # If a handler returned before its connection is gone, uvicorn would log that the answer is missing.
    while (await exchange.receive())["type"] != "http.disconnect":
        pass


def _transport(exchange: _Exchange) -> asyncio.Transport:
    transport = exchange.scope.get("state", {}).get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("only the sandbox's own server can cut connections; start it with Sandbox")
    return transport
