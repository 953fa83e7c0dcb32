"""Servers at the end of a probe's way: one that answers as the receiver does, and what may stand in front of it.

The signature is verified here by code of its own, so that a mistake in the package's cannot hide.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

SECRET = "sgn-never-to-be-seen-7Kq2"


@dataclass(frozen=True)
class Arrived:
    """A request as the receiver gets it."""

    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = tuple[int, Mapping[str, str], bytes]
Manner = Callable[["Arriving"], None]


class Arriving(BaseHTTPRequestHandler):
    """One request."""

    server: Any

    def do_POST(self) -> None:
        self.server.manner(self)

    def read(self) -> Arrived:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        arrived = Arrived(self.path, dict(self.headers.items()), body)
        self.server.arrived.append(arrived)
        return arrived

    def give(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class ReceivingEnd(ThreadingHTTPServer):
    """A context manager.

    :param manner: what it does with a request.
    :param tls: certificate and key; None: plain HTTP.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, manner: Manner, tls: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Arriving)
        self.manner = manner
        self.arrived: list[Arrived] = []
        self.scheme = "https" if tls else "http"
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._context:
            request = self._context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_: object) -> None:
        """A client that goes away is expected."""

    def base_url(self, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def received(arrived: Arrived, secret: str = SECRET, tables: str = "ok") -> Answer:
    """The receiver's answer to a probe."""
    expected = hmac.new(secret.encode(), arrived.body, hashlib.sha256).hexdigest()
    if arrived.headers.get("Signature") != expected:
        return told(401, "unauthorized")
    content = {"status": "probe", "body_sha256": hashlib.sha256(arrived.body).hexdigest(), "tables": tables}
    return 200, {}, json.dumps(content).encode()


def told(status: int, words: str) -> Answer:
    """Another answer of the receiver."""
    return status, {}, json.dumps({"status": words}).encode()


def page(status: int, text: str = "<html>Hello</html>", **headers: str) -> Answer:
    """What a proxy answers."""
    return status, headers, text.encode()


def receiver(arriving: Arriving) -> None:
    """The receiver, reached without anything in between."""
    arriving.give(*received(arriving.read()))


def always(answer: Answer) -> Manner:
    """Something that answers all requests alike."""

    def manner(arriving: Arriving) -> None:
        arriving.read()
        arriving.give(*answer)

    return manner


def rewriting(change: Callable[[bytes], bytes]) -> Manner:
    """A proxy that changes bodies on their way to the receiver."""

    def manner(arriving: Arriving) -> None:
        arrived = arriving.read()
        arriving.give(*received(Arrived(arrived.path, arrived.headers, change(arrived.body))))

    return manner


def without_header(name: str) -> Manner:
    """A proxy that drops a header."""

    def manner(arriving: Arriving) -> None:
        arrived = arriving.read()
        kept = {header: value for header, value in arrived.headers.items() if header != name}
        arriving.give(*received(Arrived(arrived.path, kept, arrived.body)))

    return manner


def limited(most: int, refusal: Callable[[Arriving], None]) -> Manner:
    """Something on the way that refuses bodies beyond a size without reading them."""

    def manner(arriving: Arriving) -> None:
        if int(arriving.headers["Content-Length"]) > most:
            arriving.close_connection = True
            refusal(arriving)
        else:
            receiver(arriving)

    return manner
