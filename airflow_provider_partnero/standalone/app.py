"""The ASGI app of ``partnero-receiver``: the API server's receiver, and two looks at its health."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Mount, Router

from airflow_provider_partnero.plugin import URL_PREFIX
from airflow_provider_partnero.standalone.readiness import Readiness, warm_up
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_STRANGERS_LINES = ("Invalid HTTP request", "Unsupported upgrade request", "No supported WebSocket library")


class StandaloneApp:
    """Deliveries, ``/healthz`` and ``/readyz``; everything else is 404, since there is no login here.

    :param receiver: what the API server mounts at ``/partnero``.
    :param readiness: answers ``/readyz``.
    """

    def __init__(self, receiver: ASGIApp, readiness: Readiness) -> None:
        self._receiver = Router([Mount(URL_PREFIX, app=receiver)])
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if not scope["path"].startswith(RECEIVER_PATH):
            answer = await self._look(scope["method"], scope["path"])
        elif scope["method"] != "POST":
            answer = JSONResponse({"status": "only POST"}, 405, {"Allow": "POST"})
        else:
            await self._receiver(scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _look(self, method: str, path: str) -> JSONResponse:
        if method not in {"GET", "HEAD"} or path not in {"/healthz", "/readyz"}:
            return JSONResponse({"status": "unknown"}, 404)
        if path == "/healthz":
            return JSONResponse({"status": "alive"})
        hop = await self._readiness.wrong_hop()
        if hop is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "wrong": hop}, 503, {"Retry-After": "1"})


def new_standalone_app() -> StandaloneApp:
    """The app of one worker process."""
    from airflow_provider_partnero.airflow_compat import read_as_server
    from airflow_provider_partnero.plugin.app import new_app

    read_as_server()
    logging.getLogger("uvicorn.error").addFilter(_is_no_strangers_line)
    receiver = new_app()
    warm_up()
    receiver.start()
    return StandaloneApp(receiver, Readiness())


def _is_no_strangers_line(record: logging.LogRecord) -> bool:
    """A line for each malformed request would let anybody fill the disk."""
    return not str(record.msg).startswith(_STRANGERS_LINES)
