"""The bytes of HTTP answers, for servers of the tests that are no more than a socket."""

from __future__ import annotations

import json


def http_answer(payload: object = None, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer, after which the server closes.

    :param payload: bytes and text are the body as they stand; anything else is written as JSON.
    """
    match payload:
        case bytes():
            body = payload
        case str():
            body = payload.encode()
        case _:
            body = json.dumps({} if payload is None else payload).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
