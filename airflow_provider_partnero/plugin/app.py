"""The FastAPI app behind ``/partnero``: the receiver, which needs no login, and everything else, which does."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from airflow_provider_partnero.plugin.receiver.answers import MALFORMED, UNKNOWN, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.metrics import count
from airflow_provider_partnero.plugin.receiver.receiver import Receiver
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import BatchQueue
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry

log = logging.getLogger(__name__)


def new_app() -> FastAPI:
    """The app, set up as Airflow's configuration says now: a change takes a restart."""
    settings = receiver_settings()
    queue = BatchQueue(DeliveryWriter(keep_days=settings.keep_days))
    receiver = Receiver(settings.store, queue.record, SignerRegistry(settings.connections))
    app = FastAPI(title="Partnero", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/webhooks/{conn_id:path}", status_code=202)
    async def receive(conn_id: str, request: Request) -> JSONResponse:
        """One delivery from Partnero."""
        if not settings.enabled:
            _say_once_that_it_is_off()
            return _as_json(UNKNOWN)
        headers: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in request.headers.items():
            headers[name.lower()].append(value)
        answer = await receiver.receive(conn_id, headers, lambda: _body(request))
        count(answer.words)
        return _as_json(answer)

    @app.get("/status", dependencies=_LOGIN)
    async def status() -> dict[str, Any]:
        """How the receiver is set up, and how often this process has answered what since its start."""
        return {
            "receiver_enabled": settings.enabled,
            "store": settings.store,
            "answered_by_this_process": dict(receiver.answered),
        }

    @app.api_route("/{path:path}", methods=_METHODS, dependencies=_LOGIN, include_in_schema=False)
    async def nothing_else(path: str) -> None:
        raise HTTPException(404, f"There is no {path!r} here.")

    return app


_LOGIN = [Depends(requires_access_view(AccessView.PLUGINS))]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise RefusedError(MALFORMED, "the sender hung up before the body had arrived") from None


def _as_json(answer: Answer) -> JSONResponse:
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else None
    return JSONResponse({"status": answer.words}, answer.status, headers)


@cache
def _say_once_that_it_is_off() -> None:
    log.warning("A delivery arrived, but the receiver is off: set [partnero] receiver_enabled = True to switch it on")
