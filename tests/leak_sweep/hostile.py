"""A server in Partnero's place that fails in many ways, and quotes back whatever secret it can think of."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote

from .markers import Marks

HTML = "text/html"
JSON = "application/json"


@dataclass(frozen=True)
class Failure:
    """An answer.

    :param reason: the words behind the status.
    :param cut: so many bytes are promised beyond those that come before the connection ends.
    :param drips: a byte each tenth of a second, without an end.
    """

    status: int
    body: bytes
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    cut: int = 0
    drips: bool = False


def _refused(marks: Marks) -> Failure:
    words = f"The header 'Authorization: Bearer {marks.token}' is not known, nor is {quote(marks.token, safe='')}"
    return Failure(401, json.dumps({"message": words}).encode())


def _invalid(marks: Marks) -> Failure:
    errors = {
        "signature": [f"{marks.unread} is too short"],
        "token": [marks.token, f"Bearer {marks.token}", f"token={quote(marks.token)}"],
        "url": [f"https://a.example/?token={marks.token}&signature={marks.unread}"],
        "name": [
            f'the webhook {{"signature":"{marks.unread}"}} of {marks.echoed} has it',
            f"Signature: {marks.unread}",
        ],
    }
    message = f"{marks.echoed} may not: signature={marks.unread}; " + f"token {marks.token} " * 3
    return Failure(422, json.dumps({"message": message, "errors": errors}).encode())


def _repeated(marks: Marks) -> Failure:
    return Failure(400, json.dumps({"message": f"{marks.token} " * 200}).encode())


def _paced(marks: Marks) -> Failure:
    body = json.dumps({"message": f"slow down, {marks.token}, signature: {marks.unread}"}).encode()
    return Failure(429, body, headers=(("Retry-After", "1"), ("X-RateLimit-Token", marks.token)))


def _broken(marks: Marks) -> Failure:
    rows = f"<td>signature</td><td>{marks.unread}</td><td>Authorization</td><td>Bearer {marks.token}</td>"
    body = f"<h1>Whoops</h1><p>{marks.echoed}</p><table>{rows}</table>"
    return Failure(500, body.encode(), HTML, reason=f"Bearer {marks.token} signature={marks.unread}")


def _garbage(marks: Marks) -> Failure:
    return Failure(200, f"{marks.token} signature={marks.unread} {marks.echoed}".encode(), HTML)


def _cut(marks: Marks) -> Failure:
    webhook = f'{{"data": [{{"key": "a", "token": "{marks.token}", "name": "{marks.echoed}", "signature": "'
    return Failure(200, (webhook + marks.unread[:-3]).encode(), cut=200)


def _half_json(marks: Marks) -> Failure:
    return Failure(200, f'{{"data": [{{"signature": "{marks.unread}", "token": "{marks.token[:-4]}'.encode())


def _half_error(marks: Marks) -> Failure:
    return Failure(400, json.dumps({"message": f"{marks.echoed} has the token {marks.token[:-4]}"}).encode())


def _moved(marks: Marks) -> Failure:
    query = f"token={quote(marks.token)}&signature={marks.unread}&email={quote(marks.echoed)}"
    return Failure(302, b"", headers=(("Location", f"https://u:{marks.token}@elsewhere.example/x?{query}"),))


def _unwilling(marks: Marks) -> Failure:
    body = {"status": 0, "message": f"no: Bearer {marks.token}", "data": {"key": "a", "signature": marks.unread}}
    return Failure(200, json.dumps(body).encode())


def _dripping(marks: Marks) -> Failure:
    return Failure(200, f'{{"data": [{{"signature": "{marks.unread}", "token": "{marks.token}"'.encode(), drips=True)


FAILURES: dict[str, Callable[[Marks], Failure]] = {
    "refused": _refused,
    "invalid": _invalid,
    "repeated": _repeated,
    "paced": _paced,
    "broken": _broken,
    "garbage": _garbage,
    "cut": _cut,
    "half_json": _half_json,
    "half_error": _half_error,
    "moved": _moved,
    "unwilling": _unwilling,
    "dripping": _dripping,
}
# Lists its webhooks, and quotes their secrets when anything else is asked of it.
TELLS_LATER = "tells_later"


def _told_later(marks: Marks, method: str, path: str) -> Failure:
    webhook = {"key": "a", "name": "A", "url": "https://a.example/", "is_active": False, "events": ["partner.created"]}
    webhook |= {"signature": marks.secret}
    if method == "GET" and path.endswith("/webhooks"):
        return Failure(200, json.dumps({"data": [webhook], "links": {"next": None}}).encode())
    if method == "GET" and "/webhooks/" in path:
        return Failure(200, json.dumps({"data": webhook, "status": 1}).encode())
    if method == "GET":
        return Failure(200, json.dumps({"status": 1}).encode())
    words = f"the secret {marks.secret} is not known, nor {quote(marks.secret)}, nor {marks.secret[:-2]}"
    return Failure(422, json.dumps({"message": words, "errors": {"name": [words]}}).encode())


class HostileServer:
    """A context manager. Each failure has a path of its own: ``/<name>/v1``."""

    def __init__(self, marks: Marks) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(marks))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def base_url(self, name: str) -> str:
        """Where a failure is the answer to everything."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(marks: Marks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            name = path.split("/")[1]
            failure = _told_later(marks, self.command, path) if name == TELLS_LATER else FAILURES[name](marks)
            self.send_response(failure.status, failure.reason or None)
            self.send_header("Content-Type", failure.kind)
            self.send_header("X-Echo", f"Bearer {marks.token}, {b64encode(marks.token.encode()).decode()}")
            for header in failure.headers:
                self.send_header(*header)
            self.send_header("Content-Length", str(len(failure.body) + (1_000_000 if failure.drips else failure.cut)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(failure.body)
                while failure.drips:
                    time.sleep(0.1)
                    self.wfile.write(b" ")
            if failure.cut:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as the standard library calls them

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
