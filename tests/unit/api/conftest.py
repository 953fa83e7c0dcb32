"""Shared by the client's tests: clients of the sandbox, summaries of its request log, servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_partnero.api import PartneroClient
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.sandbox import Sandbox

MakeClient = Callable[..., PartneroClient]
RawAnswer = bytes | Callable[[bytes], bytes]
RawServer = Callable[[RawAnswer], str]

DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}


@pytest.fixture
def sandbox(partnero_sandbox: Sandbox) -> Sandbox:
    return partnero_sandbox


@pytest.fixture
def waits() -> list[float]:
    """The waits between attempts of the clients that ``make_client`` makes."""
    return []


@pytest.fixture
def make_client(sandbox: Sandbox, waits: list[float]) -> Iterator[MakeClient]:
    """Make clients of the sandbox. They record their waits and do not wait, unless they get another clock.

    Their jitter is always at its upper end.
    """
    made: list[PartneroClient] = []
    clock = Clock(wait=lambda seconds, _stopped: waits.append(seconds), uniform=lambda _low, high: high)

    def make(token: str = sandbox.token, base_url: str = "", **options: Any) -> PartneroClient:
        options = {"timeout": 5, "max_wait": 0, "clock": clock, **options}
        made.append(PartneroClient(token, base_url or sandbox.base_url, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> PartneroClient:
    return make_client()


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """Start servers that send fixed bytes, or what a function returns for the request; returns the base URL."""
    listeners: list[socket.socket] = []

    def serve(answer: RawAnswer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_answer_all, args=(listener, answer), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    yield serve
    for listener in listeners:
        listener.close()


def _answer_all(listener: socket.socket, answer: RawAnswer) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                request = connection.recv(1 << 20)
                connection.sendall(answer if isinstance(answer, bytes) else answer(request))
            except OSError:
                continue


def sent(sandbox: Sandbox) -> list[str]:
    """The requests that arrived, in order: ``["POST /webhooks", ...]``."""
    return [f"{request.method} {request.path}" for request in sandbox.requests()]


def requested_pages(sandbox: Sandbox) -> list[int]:
    """The numbers of the pages that were requested."""
    return [int(request.query.get("page", "1")) for request in sandbox.requests() if request.path == "/webhooks"]


def closed_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
