"""Answers of the sandbox: in JSON as Laravel gives them, and as a fault distorts them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Literal

from fastapi import Response

from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.json_bytes import php_json

Headers = tuple[tuple[bytes, bytes], ...]

_JSON: Headers = ((b"content-type", b"application/json"),)
_HTML: Headers = ((b"content-type", b"text/html; charset=UTF-8"),)

# Where Laravel has its own message for a status.
_MESSAGES = {
    401: "Unauthenticated.",
    403: "This action is unauthorized.",
    404: "Not Found.",
    422: "The given data was invalid.",
    429: "Too Many Attempts.",
    500: "Server Error",
}


class RefusalError(Exception):
    """A request is refused; holds the status and the JSON body of the answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def json_answer(content: Any, status: int = 200) -> Response:
    """An answer in JSON, with the bytes that PHP would write; 204 has no body."""
    if status == 204:
        return Response(status_code=204)
    return Response(php_json(content), status, media_type="application/json")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as a value: status, headers and the whole body. ``Content-Length`` is added when it is sent."""

    status: int
    headers: Headers
    body: bytes

    def __post_init__(self) -> None:
        kept = tuple((name, value) for name, value in self.headers if name.lower() != b"content-length")
        object.__setattr__(self, "headers", kept)


def faulty_answer(
    fault: Fault, real: RawAnswer | None, retry_after: Literal["seconds", "date", "none"], now: float
) -> RawAnswer:
    """The answer to a request that meets a fault other than a dropped connection.

    :param real: the proper answer; None if the request was not carried out.
    :param retry_after: the profile's form of ``Retry-After``.
    :param now: seconds since the epoch.
    """
    answer = _base_answer(fault, real)
    match fault.body:
        case "html":
            answer = RawAnswer(answer.status, _HTML, _page(answer.status))
        case "empty":
            answer = RawAnswer(answer.status, _JSON, b"")
        case "not-json":
            answer = RawAnswer(answer.status, _JSON, b"Something went wrong, please try again later.")
        case "status-0":
            answer = RawAnswer(answer.status, _JSON, b'{"status":0}')
        case "cut":
            answer = RawAnswer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
    if answer.status in (204, 304):
        answer = RawAnswer(answer.status, (), b"")
    if fault.retry_after is not None and retry_after != "none":
        value = _retry_after(fault.retry_after, retry_after, now)
        answer = RawAnswer(answer.status, (*answer.headers, (b"retry-after", value.encode())), answer.body)
    return answer


def _base_answer(fault: Fault, real: RawAnswer | None) -> RawAnswer:
    if fault.redirect is not None:
        location = (b"location", fault.redirect.encode())
        return RawAnswer(fault.status or 302, (*_HTML, location), _page(fault.status or 302))
    if real is not None and fault.body in (None, "truncated", "cut"):
        if fault.status is None:
            return real
        if fault.status < 300:
            return RawAnswer(fault.status, real.headers, real.body)
    status = fault.status or 200
    content: dict[str, Any] = {"message": _MESSAGES.get(status, _phrase(status))}
    if status == 422:
        content["errors"] = {"name": ["The name field is invalid."]}
    return RawAnswer(status, _JSON, php_json(content))


def _retry_after(seconds: float, form: Literal["seconds", "date"], now: float) -> str:
    if form == "seconds":
        return str(int(seconds) if seconds == int(seconds) else seconds)
    # A date has whole seconds. Rounding up never asks for a shorter wait, and a wait of 0 stays 0.
    return formatdate(math.ceil(now + seconds) if seconds else math.floor(now), usegmt=True)


def _page(status: int) -> bytes:
    title = f"{status} {_phrase(status)}".strip()
    return f"<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
