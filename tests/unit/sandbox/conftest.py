"""What the sandbox's tests share: a plain HTTP client, and a receiver of deliveries."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from airflow_provider_partnero.sandbox import Sandbox

DEMO = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}


class Api:
    """``requests`` with the base URL and the token filled in, and nothing else."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.base_url = sandbox.base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {sandbox.token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.base_url + path, **{"timeout": 5, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def create(self, **fields: Any) -> requests.Response:
        return self.call("POST", "/webhooks", json={**DEMO, **fields})


@dataclass(frozen=True)
class Received:
    """One delivery as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """An HTTP server that keeps what it gets and answers the scripted statuses, then 200."""

    url: str
    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)


@pytest.fixture
def sandbox(partnero_sandbox: Sandbox) -> Sandbox:
    return partnero_sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    api = Api(sandbox)
    yield api
    api.session.close()


@pytest.fixture(name="receiver")
def started_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self.path, dict(self.headers.items()), body, time.monotonic()))
            time.sleep(receiver.delays.pop(0) if receiver.delays else 0)
            try:
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
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
    server.shutdown()
    thread.join()
    server.server_close()
