"""The door as ASGI: which requests are deliveries, what is read of them, and when the connection is closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_provider_partnero.plugin.receiver.answers import (
    ACCEPTED,
    PROBED,
    TOO_LARGE,
    UNAVAILABLE,
    Answer,
    RefusedError,
)
from airflow_provider_partnero.plugin.receiver.door import Door, delivered_to
from airflow_provider_partnero.plugin.receiver.request import Body, Headers, read_body

Answering = Callable[[str, Headers, Body], Awaitable[Answer]]


@pytest.mark.parametrize(
    ("root", "path", "conn_id"),
    [
        ("", "/webhooks/partnero_default", "partnero_default"),
        ("/partnero", "/partnero/webhooks/partnero_default", "partnero_default"),
        ("/air/flow/partnero", "/air/flow/partnero/webhooks/partnero_default", "partnero_default"),
        ("/air/flow/partnero", "/partnero/webhooks/partnero_default", "partnero_default"),  # a proxy took it off
        ("/partnero", "/partnero/webhooks/a/b c", "a/b c"),  # decoded by the web server
        ("/partnero", "/partnero/webhooks/", ""),
        ("/partnero", "/partnero/webhooks/partnero_default/", "partnero_default/"),
        ("/partnero", "/partnero/webhooks", None),
        ("/partnero", "/partnero/status", None),
        ("/partnero", "/partnero/", None),
        ("/partnero", "/partnero/x/webhooks/partnero_default", None),
        ("/webhooks", "/webhooks/webhooks/x", "x"),
    ],
)
def test_a_delivery_is_told_by_its_path_below_whatever_prefix(root: str, path: str, conn_id: str | None) -> None:
    assert delivered_to({"type": "http", "method": "POST", "root_path": root, "path": path}) == conn_id


@pytest.mark.parametrize("scope", [{"type": "http", "method": "GET"}, {"type": "websocket"}, {"type": "lifespan"}])
def test_anything_but_a_post_is_none(scope: dict[str, Any]) -> None:
    assert delivered_to(scope | {"path": "/webhooks/partnero_default"}) is None


def exchange(
    answering: Answering, *messages: dict[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> tuple[dict[str, Any], dict[bytes, bytes], Any, int]:
    """Start, headers and JSON of the answer, and how many messages were not read."""
    left, sent = list(messages), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/c", "headers": headers or []}
    asyncio.run(Door(answering).take("c", scope, receive, send))
    start, body = sent
    return start, dict(start["headers"]), json.loads(body["body"]), len(left)


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def reads_all(conn_id: str, headers: Headers, body: Body) -> Answer:
    await read_body(body(), 100_000, lambda size: None)
    return ACCEPTED


def test_a_body_that_was_read_leaves_the_connection_open() -> None:
    start, headers, body, unread = exchange(reads_all, part(b"ab", more=True), part(b"", more=False))
    assert (start["status"], body, unread) == (202, {"status": "accepted"}, 0)
    assert b"connection" not in headers
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize("messages", [[], [part(b"x" * 100, more=True), part(b"", more=False)]], ids=["none", "some"])
def test_a_body_that_was_not_read_to_its_end_closes_the_connection(messages: list[dict[str, Any]]) -> None:
    async def refuses(conn_id: str, headers: Headers, body: Body) -> Answer:
        if messages:
            with pytest.raises(RefusedError):
                await read_body(body(), 10, lambda size: None)
        return TOO_LARGE

    start, headers, _, unread = exchange(refuses, *messages)
    assert (start["status"], headers[b"connection"]) == (413, b"close")
    assert unread == len(messages[1:])


def test_a_sender_that_hangs_up_is_refused() -> None:
    refusals = list[str]()

    async def reads(conn_id: str, headers: Headers, body: Body) -> Answer:
        try:
            return await reads_all(conn_id, headers, body)
        except RefusedError as refusal:
            refusals.append(refusal.reason)
            return refusal.answer

    start, headers, _, _ = exchange(reads, part(b"{", more=True), {"type": "http.disconnect"})
    assert (start["status"], headers[b"connection"]) == (400, b"close")
    assert refusals == ["the sender hung up before the body had arrived"]


def test_when_to_come_again_and_what_a_probe_wants_to_know_are_in_the_answer() -> None:
    async def unavailable(conn_id: str, headers: Headers, body: Body) -> Answer:
        return UNAVAILABLE

    async def probed(conn_id: str, headers: Headers, body: Body) -> Answer:
        return Answer(PROBED.status, PROBED.words, more=(("tables", "ok"),))

    _, headers, body, _ = exchange(unavailable)
    assert (headers[b"retry-after"], body) == (b"10", {"status": "unavailable"})
    assert exchange(probed)[2] == {"status": "probe", "tables": "ok"}


def test_headers_are_told_apart_by_name_in_any_case_and_each_value_counts() -> None:
    told = dict[str, Any]()

    async def tells(conn_id: str, headers: Headers, body: Body) -> Answer:
        told.update(headers)
        return ACCEPTED

    sent = [(b"Signature", b"a"), (b"signature", b"b"), (b"CONTENT-TYPE", b"caf\xe9"), (b"cookie", b"private")]
    exchange(tells, headers=sent)
    assert told == {"signature": ["a", "b"], "content-type": ["caf\xe9"]}


def test_a_drip_wakes_the_receiver_up_seldom() -> None:
    """The web server collects what arrives during a pause, so each message is what has come since the last one."""

    async def main() -> float:
        start = asyncio.get_running_loop().time()
        drips = [part(b"x", more=True)] * 20 + [part(b"", more=False)]

        async def receive() -> dict[str, Any]:
            return drips.pop(0)

        async def send(message: Any) -> None:
            pass

        await Door(reads_all).take("c", {"type": "http", "headers": []}, receive, send)
        return asyncio.get_running_loop().time() - start

    assert asyncio.run(main()) >= 20 * 0.01
