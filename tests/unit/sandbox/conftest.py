"""What the sandbox's tests share: a plain HTTP client, a receiver of deliveries, and a way to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeVar

import pytest
import requests

from airflow_provider_partnero.sandbox import Sandbox

T = TypeVar("T")

DEMO = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
PATIENCE = 60.0
"""Seconds after which a test takes something for hung."""
FOREVER = 3600.0
"""Seconds of a delay that no test waits for: whatever waits for it is cut off."""


def wait_for(look: Callable[[], T]) -> T:
    """What ``look`` returns, as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} seconds in vain"
        time.sleep(0.01)
    return found


class Api:
    """``requests`` with the base URL and the token filled in, and nothing else."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.base_url = sandbox.base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {sandbox.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.base_url + path, **{"timeout": PATIENCE, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def create(self, **fields: Any) -> requests.Response:
        return self.call("POST", "/webhooks", json={**DEMO, **fields})


def fetch(sandbox: Sandbox, path: str) -> requests.Response:
    """The answer to a single GET, over its own connection."""
    with Api(sandbox) as api:
        return api.get(path)


@dataclass(frozen=True)
class Received:
    """One delivery as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """An HTTP server that keeps what it gets and answers the scripted statuses, then 200.

    For the status None it says nothing until ``released`` is set, and then answers 200.
    """

    url: str
    received: list[Received] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    unanswered: int = 0
    most_unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, delivery: Received) -> int:
        """Keep a delivery; returns the status to answer, when it is time to answer."""
        with self._lock:
            status = self.statuses.pop(0) if self.statuses else 200
            self.unanswered += 1
            self.most_unanswered = max(self.most_unanswered, self.unanswered)
            self.received.append(delivery)
        if status is None:
            self.released.wait()
        with self._lock:
            self.unanswered -= 1
        return status or 200


@pytest.fixture
def sandbox(partnero_sandbox: Sandbox) -> Sandbox:
    return partnero_sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with Api(sandbox) as api:
        yield api


@pytest.fixture(name="receiver")
def started_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(Received(self.path, dict(self.headers.items()), body, at))
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    receiver.released.set()
    server.shutdown()
    thread.join()
    server.server_close()
