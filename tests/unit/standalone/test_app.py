"""Which requests reach the receiver, and what all others are told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from airflow_provider_partnero.standalone.app import StandaloneApp
from airflow_provider_partnero.standalone.readiness import NotReadyError, Readiness

PATH = "/partnero/webhooks/partnero_default"


async def receiver(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for what the API server mounts."""
    request = Request(scope, receive)
    body = await request.body()
    mounted_at = scope["root_path"]
    await JSONResponse({"status": "received", "body": body.decode(), "at": mounted_at}, 202)(scope, receive, send)


def ask(method: str, path: str, body: bytes = b"", check: Any = lambda: None) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "query_string": b""}

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(StandaloneApp(receiver, Readiness(check))(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


def test_a_delivery_reaches_the_receiver_as_the_api_server_would_hand_it_on() -> None:
    assert ask("POST", PATH, b"{}") == (202, {"status": "received", "body": "{}", "at": "/partnero"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_a_post_is_a_delivery(method: str) -> None:
    assert ask(method, PATH) == (405, {"status": "only POST"})


@pytest.mark.parametrize(
    "path", ["/", "/partnero/", "/partnero/status", "/partnero/webhooks", "/docs", "/api/v2/version", "/x" + PATH, "//"]
)
def test_there_is_nothing_else(path: str) -> None:
    for method in ("GET", "POST"):
        assert ask(method, path) == (404, {"status": "unknown"})


def test_it_is_alive_without_a_look_at_the_database() -> None:
    def look() -> None:
        raise AssertionError("nobody asked for it")

    assert ask("GET", "/healthz", check=look) == (200, {"status": "alive"})


def test_it_is_ready_or_says_in_a_word_what_is_wrong() -> None:
    assert ask("GET", "/readyz") == (200, {"status": "ready"})

    def look() -> None:
        raise NotReadyError("tables", "a detail that is none of a stranger's business")

    assert ask("GET", "/readyz", check=look) == (503, {"status": "not ready", "wrong": "tables"})
    assert ask("POST", "/readyz") == (404, {"status": "unknown"})
