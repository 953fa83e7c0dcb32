"""What may happen to a request, from its connection to the bytes of its answer."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from ..http_answers import http_answer
from .server import Meeting, Strike
from .store import Request, Store

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HTML = "<!doctype html><title>Down for maintenance</title>"


def answers(answer: bytes, *, carried_out: bool = False) -> Strike:
    """These bytes instead of the proper answer."""

    def strike(meeting: Meeting) -> None:
        if carried_out:
            meeting.carry_out()
        meeting.say(answer)

    return strike


def refuses(status: str, payload: object = None, *headers: str, carried_out: bool = False) -> Strike:
    """A status, with Laravel's body unless another is given."""
    body = {"message": "no"} if payload is None else payload
    return answers(http_answer(body, *headers, status=status), carried_out=carried_out)


def late(status: str, seconds: float) -> Strike:
    """A gateway that gives up, while the server behind it carries the request out."""

    def strike(meeting: Meeting) -> None:
        meeting.carry_out_later(seconds)
        meeting.say(http_answer(HTML, status=status))

    return strike


def silent(start: Callable[[bytes], bytes], *, carried_out: bool, drip: bytes = b"") -> Strike:
    """The start of an answer, and then nothing but drips.

    :param start: what is sent of the proper answer.
    """

    def strike(meeting: Meeting) -> None:
        meeting.say(start(meeting.carry_out() if carried_out else b""))
        meeting.stay_silent(drip)

    return strike


def changes(change: Callable[[bytes], bytes]) -> Strike:
    """The request is carried out, and its proper answer is changed."""
    return lambda meeting: meeting.say(change(meeting.carry_out()))


def cut(answer: bytes) -> bytes:
    """An answer whose body ends after half of it, and says so."""
    body = answer.partition(b"\r\n\r\n")[2]
    return http_answer(body[: len(body) // 2])


def truncated(answer: bytes) -> bytes:
    """An answer whose body ends early."""
    return answer[: len(answer) - answer.count(b"}") - 1]


def about_another(answer: bytes) -> bytes:
    """An answer about a webhook that nobody asked for."""
    payload = json.loads(answer.partition(b"\r\n\r\n")[2])
    if isinstance(payload.get("data"), dict) and "key" in payload["data"]:
        payload["data"]["key"] = "another"
    return http_answer(payload)


def floods(start: bytes, piece: bytes) -> Strike:
    """A start, and then one piece after the other without an end."""

    def strike(meeting: Meeting) -> None:
        meeting.say(start)
        while True:
            meeting.say(piece)

    return strike


def reset(*, carried_out: bool) -> Strike:
    """The connection is aborted."""

    def strike(meeting: Meeting) -> None:
        if carried_out:
            meeting.carry_out()
        meeting.reset()

    return strike


@cache
def bomb() -> bytes:
    """An answer of some 64 kB that unpacks to 64 MiB."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    return HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


def json_body(body: bytes) -> Strike:
    """A JSON text as the whole answer."""
    return answers(http_answer(body))


def lists(page: Callable[[Store, Request], dict[str, Any]]) -> Strike:
    """A list of another shape."""
    return lambda meeting: meeting.say(http_answer(page(meeting.server.store, meeting.request)))


def another_order(store: Store, request: Request) -> dict[str, Any]:
    """The webhooks, of which the first becomes the last with every request."""
    first = next(iter(store.webhooks))
    store.webhooks[first] = store.webhooks.pop(first)
    return store.page(request)


def clamped(store: Store, request: Request) -> dict[str, Any]:
    """A page of 25, whatever was asked for."""
    return store.page(Request("GET", request.path, request.page, min(25, request.limit), {}))


def bare(store: Store, request: Request) -> dict[str, Any]:
    """A page that says nothing of the next."""
    return {"data": store.page(request)["data"]}


def first_again(store: Store, request: Request) -> dict[str, Any]:
    """The first page, whichever was asked for, and always more to come."""
    return store.page(Request("GET", request.path, 1, request.limit, {})) | {"links": {"next": "next"}}


def empty_for_ever(store: Store, request: Request) -> dict[str, Any]:
    """The first page, then empty ones, and always more to come."""
    return (store.page(request) if request.page == 1 else {"data": []}) | {"links": {"next": "next"}}


def keyed_by_number(store: Store, request: Request) -> dict[str, Any]:
    """A page as PHP writes a list with gaps."""
    page = store.page(request)
    return page | {"data": {str(2 * number): row for number, row in enumerate(page["data"])}}


def total_too_high(store: Store, request: Request) -> dict[str, Any]:
    """A page that claims one webhook more than there are."""
    return store.page(request) | {"meta": {"total": len(store.webhooks) + 1}}


def odd_row(store: Store, request: Request) -> dict[str, Any]:
    """A page with one row more that is no webhook, and one whose name is null."""
    page = store.page(request)
    return page | {"data": [None, *page["data"][:-1], {**page["data"][-1], "name": None}]}


def far_more(store: Store, request: Request) -> dict[str, Any]:
    """Eleven times as many rows as were asked for."""
    rows = [{"key": f"n{number}"} for number in range(11 * request.limit)]
    return {"data": rows, "links": {"next": None}}


def deletes_one_before(store: Store, request: Request) -> dict[str, Any]:
    """Somebody deletes the first webhook just before a later page is read, so that one is skipped."""
    if request.page > 1:
        with suppress(StopIteration):
            del store.webhooks[next(iter(store.webhooks))]
    return store.page(request)
