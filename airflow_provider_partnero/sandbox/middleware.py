"""The ASGI layer around the API: it logs every request, adds the latency, and applies faults."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_partnero.sandbox.answers import RawAnswer, faulty_answer
from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.json_bytes import read_json
from airflow_provider_partnero.sandbox.pagination import list_parameters
from airflow_provider_partnero.sandbox.partnero_api import BASE_PATH
from airflow_provider_partnero.sandbox.request_log import LoggedRequest
from airflow_provider_partnero.sandbox.state import SandboxState
from airflow_provider_partnero.sandbox.transmission import (
    Message,
    OpenRequest,
    Receive,
    Send,
    abort,
    close_after_interim,
    is_gone_within,
    send_answer,
    send_unusually,
)

ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_OWN_PATHS = ("/_sandbox", "/docs", "/openapi.json")


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
        await self._handle(OpenRequest(routed, body, receive, send), path)

    async def _handle(self, opened: OpenRequest, path: str) -> None:
        state = self._state
        request = _logged_request(opened, path, state)
        number = state.log.add(request)
        fault = self._refusal(request) or state.next_fault(request.method, request.path, _page(request))
        if state.latency:
            await asyncio.sleep(state.latency)
        answer = await self._answer(opened, fault)
        await state.late_changes.count_request()
        if fault is not None and fault.is_late:
            self._carry_out_late(opened, fault)
        is_gone = fault is not None and bool(fault.delay) and await is_gone_within(opened, fault.delay)
        if answer is not None:
            state.log.set_status(number, answer.status)
        if not is_gone:
            await _transmit(opened, answer, fault)

    def _refusal(self, request: LoggedRequest) -> Fault | None:
        """The 429 beyond the rate limit. Laravel checks the token first, so a wrong one is not counted."""
        limit = self._state.rate_limit
        wait = limit.refuse(time.monotonic()) if limit is not None and request.authorized else None
        return None if wait is None else Fault(status=429, retry_after=wait)

    def _carry_out_late(self, opened: OpenRequest, fault: Fault) -> None:
        async def change() -> None:
            await self._run(opened)

        if fault.late is not None:
            self._state.late_changes.after_seconds(fault.late, change)
        if fault.late_requests is not None:
            self._state.late_changes.after_requests(fault.late_requests, change)

    async def _answer(self, opened: OpenRequest, fault: Fault | None) -> RawAnswer | None:
        if fault is None:
            return await self._run(opened)
        for mutation in fault.mutate:
            if mutation.insert is not None:
                self._state.store.put(mutation.insert, front=mutation.at == "front")
            if mutation.delete is not None:
                self._state.store.delete(mutation.delete)
        real = await self._run(opened) if fault.makes_change else None
        if fault.drop:
            return None
        return faulty_answer(fault, real, self._state.profile.retry_after, time.time())

    async def _run(self, opened: OpenRequest) -> RawAnswer:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": opened.body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(opened.scope, receive, send)
        start, *parts = sent
        body = b"".join(part.get("body", b"") for part in parts)
        return RawAnswer(start["status"], tuple(start["headers"]), body)


def _raw_path(scope: MutableMapping[str, Any]) -> str:
    return bytes(scope.get("raw_path") or b"").decode("latin-1")


def _page(request: LoggedRequest) -> int:
    page = str(list_parameters(request.query, request.headers.get("content-type", ""), request.body).get("page", ""))
    return int(page) if re.fullmatch(r"[0-9]{1,15}", page) else 1


def _logged_request(opened: OpenRequest, path: str, state: SandboxState) -> LoggedRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in opened.scope["headers"]}
    authorization = headers.pop("authorization", None)
    try:
        body = read_json(opened.body)
    except ValueError:
        body = None
    return LoggedRequest(
        method=opened.scope["method"],
        path=path[len(BASE_PATH) :] if path.startswith(BASE_PATH + "/") else path,
        query=dict(parse_qsl(opened.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
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


async def _transmit(opened: OpenRequest, answer: RawAnswer | None, fault: Fault | None) -> None:
    wire = fault.wire if fault is not None else None
    if answer is None and wire is None:
        await abort(opened)
    elif answer is None and wire is not None:
        await close_after_interim(opened, wire)
    elif answer is not None and wire is not None:
        await send_unusually(opened, answer, wire)
    elif answer is not None:
        await send_answer(opened, answer, is_truncated=fault is not None and fault.body == "truncated")
