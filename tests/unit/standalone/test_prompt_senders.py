"""Senders that wait, crumble, run ahead or never read: each is hung up on, and a prompt one is answered meanwhile."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import uvicorn

from airflow_provider_partnero.standalone import prompt_senders
from airflow_provider_partnero.standalone.prompt_senders import MOST_CRUMBS, PromptProtocol

PATIENCE = 30.0  # seconds
LARGEST_HEADERS = 16 * 1024
LONG_ANSWER = 16 * 1024 * 1024  # bytes; more than the system takes for a sender that does not read
BEGUN = b"POST /read HTTP/1.1\r\nHost: x\r\n"
PROMPT = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Server(uvicorn.Server):
    """Answers 202, to ``/read`` after it has read the whole body."""

    def __init__(self) -> None:
        self.long_parts = 0  # in which 16 MiB are answered
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
        settings: dict[str, Any] = {"http": PromptProtocol, "ws": "none", "lifespan": "off"}
        settings |= {"interface": "asgi3", "log_config": None, "proxy_headers": False}
        super().__init__(uvicorn.Config(self.answer_one, h11_max_incomplete_event_size=LARGEST_HEADERS, **settings))
        self.bodies: list[int] = []

    async def answer_one(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, scope["path"] == "/read"
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        self.bodies.append(size)
        parts = [b"ok"] if not self.long_parts else [b"a" * (LONG_ANSWER // self.long_parts)] * self.long_parts
        length = b"%d" % sum(map(len, parts))
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", length)]})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    def has_under_way(self, number: int) -> bool:
        return len(self.server_state.tasks) == number

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname(), timeout=PATIENCE)

    def answer(self, data: bytes) -> bytes:
        """All that it says until it hangs up, or has answered."""
        with self.connect() as sender:
            sender.sendall(data)
            return heard(sender)


def heard(sender: socket.socket) -> bytes:
    told = b""
    try:
        while not told.endswith(b"\r\n\r\nok") and (chunk := sender.recv(65_536)):
            told += chunk
    except ConnectionResetError:
        pass
    return told


def is_closed(sender: socket.socket) -> bool:
    """Whether the server hangs up; a time-out raises."""
    try:
        while sender.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(prompt_senders, "_unasked", {})
    server = Server()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([server.listener])))
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        server.listener.close()


def test_requests_under_way_do_not_make_the_newcomer_the_one_that_has_to_go(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_senders, "MOST_UNASKED", 5)
    with ExitStack() as stack:
        for number in range(10):
            half_sent = stack.enter_context(server.connect())
            half_sent.sendall(BEGUN + b"Content-Length: 9\r\n\r\n1234")
            wait_for(partial(server.has_under_way, number + 1))
        assert server.answer(PROMPT).startswith(b"HTTP/1.1 202 ")


def test_the_one_that_has_waited_longest_has_to_go_also_if_it_was_answered_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_senders, "MOST_UNASKED", 2)
    with server.connect() as answered, server.connect() as silent, server.connect() as other:
        wait_for(lambda: len(prompt_senders._unasked) == 2)  # `answered` is gone
        assert is_closed(answered)
        silent.sendall(PROMPT)
        assert heard(silent)
        with server.connect() as newcomer:
            assert is_closed(other)
            newcomer.sendall(PROMPT)
            silent.sendall(PROMPT)
            assert heard(newcomer)
            assert heard(silent)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_sender_that_reads_no_answer_is_hung_up_on(server: Server, parts: int) -> None:
    """Closing is not enough: that waits until the sender has read."""
    server.long_parts = parts
    with socket.socket() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        sender.connect(server.listener.getsockname())
        sender.sendall(PROMPT)
        wait_for(lambda: server.bodies and not server.server_state.connections)


def test_a_few_unread_answers_hold_a_connection_no_longer_than_a_request_may_take(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_senders, "HEADERS_WITHIN", 0.2)
    monkeypatch.setattr(PromptProtocol, "pause_writing", lambda _: None)  # so few that this is not called
    server.long_parts = 1
    with socket.socket() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        sender.connect(server.listener.getsockname())
        sender.sendall(PROMPT)
        wait_for(lambda: server.bodies and not server.server_state.connections)


def test_a_body_in_crumbs_is_not_read_to_its_end(server: Server) -> None:
    chunked = BEGUN + b"Transfer-Encoding: chunked\r\n\r\n"
    assert server.answer(chunked + b"1\r\na\r\n" * MOST_CRUMBS + b"0\r\n\r\n").startswith(b"HTTP/1.1 202 ")
    assert server.answer(chunked + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n") == b""
    assert server.answer(chunked + (b"2000\r\n" + b"a" * 8_192 + b"\r\n") * 32 + b"0\r\n\r\n")
    assert [size for size in server.bodies if size > MOST_CRUMBS] == [256 * 1024]


def test_headers_are_too_long_also_when_they_come_in_one_piece(server: Server) -> None:
    assert b" 400 " in server.answer(PROMPT[:-2] + b"a:\r\n" * 10_000 + b"\r\n")
    assert b" 202 " in server.answer(PROMPT[:-2] + b"a:\r\n" * 1_000 + b"\r\n")


def test_requests_that_do_not_wait_for_an_answer_get_one(server: Server) -> None:
    with server.connect() as sender:
        sender.sendall(PROMPT * 1_000)
        assert is_closed(sender)
    assert len(server.bodies) == 1


def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(server: Server) -> None:
    with server.connect() as sender:
        sender.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n")
        assert is_closed(sender)


def test_a_connection_is_used_again_by_who_waits_for_the_answer(server: Server) -> None:
    with server.connect() as sender:
        for _ in range(3):
            sender.sendall(BEGUN + b"Content-Length: 2\r\n\r\n{}")
            assert heard(sender).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("body", [b"1\r\na\r\nzz\r\n\r\n", b"zz\r\n\r\n"])
@pytest.mark.parametrize("path", [b"/", b"/read"])
def test_a_request_that_goes_on_as_none_leaves_no_traceback(
    server: Server, caplog: pytest.LogCaptureFixture, path: bytes, body: bytes
) -> None:
    with server.connect() as sender:
        sender.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert is_closed(sender)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_what_is_no_request_is_told_so(server: Server) -> None:
    assert b" 400 " in server.answer(b"nonsense\r\n\r\n")


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
