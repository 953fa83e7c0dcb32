"""A call ends in time and stays small, whatever the server does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import (
    PartneroClient,
    PartneroConnectionError,
    PartneroError,
    PartneroResponseError,
)
from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.api.exchanges import Exchange
from airflow_provider_partnero.api.masking import Mask
from airflow_provider_partnero.api.models import Secret
from tests.http_answers import http_answer

from .conftest import DEMO
from .hostile import ENDLESS, FLOODS, HEAD, Talk, packed, talking

# The machine may be busy: what is asserted is that the call ends at all, long before the server would let it.
FAR_BELOW_AN_HOUR = 60.0

WEBHOOK = {"key": "k1", **DEMO, "is_active": True, "signature": "s" * 16}
WHOLE = json.dumps({"data": WEBHOOK, "status": 1}).encode()


def _client(url: str, **options: Any) -> PartneroClient:
    return PartneroClient("token", url, **{"timeout": (2, 0.6), "max_attempts": 1, **options})


@pytest.mark.parametrize("case", ENDLESS)
def test_one_attempt_ends_at_the_connect_time_and_twice_the_read_time(case: str) -> None:
    with talking(ENDLESS[case]) as url, _client(url) as client:
        started = time.monotonic()
        with pytest.raises(PartneroConnectionError) as raised:
            client.get_webhook("k1")
        assert time.monotonic() - started < FAR_BELOW_AN_HOUR
    assert raised.value.sent
    assert "in the time that one request may take" in str(raised.value) or "silent for 0.6 s" in str(raised.value)


@pytest.mark.parametrize("case", ENDLESS)
def test_a_call_ends_at_its_deadline_however_many_attempts_are_left(case: str) -> None:
    with talking(ENDLESS[case]) as url, _client(url, timeout=600, max_attempts=1000, deadline=1) as client:
        started = time.monotonic()
        with pytest.raises(PartneroError):
            client.get_webhook("k1")
        assert 1 <= time.monotonic() - started < FAR_BELOW_AN_HOUR


@pytest.mark.parametrize("case", FLOODS)
def test_a_flood_ends_by_its_size_and_not_by_the_time(case: str) -> None:
    with talking(FLOODS[case]) as url, _client(url, timeout=600, deadline=3600) as client:
        started = time.monotonic()
        with pytest.raises(PartneroError):
            client.get_webhook("k1")
        assert time.monotonic() - started < 600


@pytest.mark.parametrize("call", ["get_webhook", "create_webhook", "list_webhooks", "ping", "delete_webhook"])
def test_every_call_has_a_deadline(call: str) -> None:
    calls: dict[str, Callable[[PartneroClient], Any]] = {
        "get_webhook": lambda client: client.get_webhook("k1"),
        "create_webhook": lambda client: client.create_webhook(**DEMO, key="k1"),
        "list_webhooks": lambda client: client.list_webhooks(),
        "ping": lambda client: client.ping(),
        "delete_webhook": lambda client: client.delete_webhook("k1"),
    }
    with talking(ENDLESS["dripped body"]) as url, _client(url, timeout=600, max_attempts=9, deadline=0.5) as client:
        started = time.monotonic()
        with pytest.raises(PartneroError):
            calls[call](client)
        assert time.monotonic() - started < FAR_BELOW_AN_HOUR


def test_an_answer_is_read_up_to_8_mib_and_refused_beyond() -> None:
    def webhook(size: int) -> bytes:
        return json.dumps({"data": {**WEBHOOK, "note": "x" * size}}).encode()

    size = 8 * 1024**2 - len(webhook(0))
    for pack in (http_answer, packed):
        with talking(_saying(pack(webhook(size)))) as url:
            assert _client(url, timeout=60).get_webhook("k1").key == "k1"
        with (
            talking(_saying(pack(webhook(size + 1)))) as url,
            pytest.raises(PartneroResponseError, match="more than 8 MiB"),
        ):
            _client(url, timeout=60).get_webhook("k1")


@pytest.mark.parametrize("character", ["é", "\U0001f600"])
@pytest.mark.parametrize("escaped", [True, False])
def test_text_that_takes_four_bytes_a_character_is_read_up_to_2_mib(character: str, escaped: bool) -> None:
    def answer(size: int) -> bytes:
        webhook = {**WEBHOOK, "note": character + "x" * size}
        return http_answer(json.dumps({"data": webhook}, ensure_ascii=escaped).encode())

    with talking(_saying(answer(2_000_000))) as url:
        assert _client(url, timeout=60).get_webhook("k1").key == "k1"
    with talking(_saying(answer(3_000_000))) as url, pytest.raises(PartneroResponseError, match="2 MiB"):
        _client(url, timeout=60).get_webhook("k1")


def _saying(answer: bytes) -> Talk:
    return lambda connection: connection.sendall(answer)


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
@pytest.mark.parametrize("times", [1, 3])
def test_interim_answers_are_followed_to_the_proper_one(interim: bytes, times: int) -> None:
    before = (b"HTTP/1.1 " + interim + b"\r\nLink: </style.css>\r\n\r\n") * times
    answer = before + HEAD + b"Content-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE

    def talk(connection: socket.socket) -> None:
        connection.sendall(answer)
        while connection.recv(1 << 16):
            connection.sendall(answer)

    with talking(talk) as url, _client(url) as client:
        for _ in range(3):  # on one connection: no answer is taken for that of the next request
            assert client.get_webhook("k1").key == "k1"


@pytest.mark.parametrize("interim", [b"103 Early Hints", b"100 Continue", b"101 Switching Protocols"])
def test_an_interim_answer_as_the_last_one_may_have_happened(interim: bytes) -> None:
    with (
        talking(_saying(b"HTTP/1.1 " + interim + b"\r\n\r\n")) as url,
        pytest.raises((PartneroConnectionError, PartneroResponseError)) as raised,
    ):
        _client(url).update_webhook("k1", name="x")
    assert getattr(raised.value, "sent", True)


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        packed(WHOLE)[:-8].replace(b"Content-Length: ", b"X: "),
        HEAD + b"Content-Encoding: br\r\nContent-Length: 9\r\n\r\nnot asked",
        HEAD + b"Content-Encoding: gzip, gzip\r\nContent-Length: 9\r\n\r\nnot asked",
    ],
)
def test_a_body_that_is_badly_packed_is_a_broken_answer(body: bytes) -> None:
    with talking(_saying(body)) as url, pytest.raises(PartneroConnectionError) as raised:
        _client(url).get_webhook("k1")
    assert raised.value.sent


def test_closing_the_client_breaks_off_what_other_threads_wait_for() -> None:
    ended: list[PartneroError] = []

    def wait(client: PartneroClient) -> None:
        try:
            client.get_webhook("k1")
        except PartneroError as error:
            ended.append(error)

    arrived = threading.Event()

    def talk(connection: socket.socket) -> None:
        arrived.set()
        ENDLESS["silence"](connection)

    with talking(talk) as url:
        client = _client(url, timeout=3600, deadline=3600)
        thread = threading.Thread(target=wait, args=(client,))
        thread.start()
        assert arrived.wait(60)
        client.close()
        thread.join(60)
        assert not thread.is_alive()
    assert [type(error) for error in ended] == [PartneroConnectionError]


def _closed_while_it_waits_for_its_turn(call: Callable[[PartneroClient], object]) -> PartneroError:
    """The error of a call whose client is closed while a 429 makes it wait; it must not wait again."""
    refusal = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 2\r\n\r\n{}"
    waits: list[float] = []
    is_waiting = threading.Event()
    failed: list[PartneroError] = []

    def wait(seconds: float, stopped: threading.Event) -> None:
        if waits:
            raise AssertionError(f"waits again, for {seconds} s")
        waits.append(seconds)
        is_waiting.set()
        assert stopped.wait(60)

    def run() -> None:
        try:
            call(client)
        except PartneroError as error:
            failed.append(error)

    with talking(_saying(refusal)) as url:
        client = _client(url, timeout=60, clock=Clock(wait=wait))
        with pytest.raises(PartneroError):
            client.get_webhook("k1")
        thread = threading.Thread(target=run)
        thread.start()
        assert is_waiting.wait(60)
        client.close()
        thread.join(60)
    [error] = failed
    return error


def test_a_create_that_waits_for_its_turn_when_the_client_is_closed_was_not_sent() -> None:
    error = _closed_while_it_waits_for_its_turn(lambda client: client.create_webhook(**DEMO))
    assert isinstance(error, PartneroConnectionError)
    assert not error.sent
    assert "the client was closed before the request" in str(error)


def test_a_page_that_waits_for_its_turn_when_the_client_is_closed_waits_no_longer() -> None:
    error = _closed_while_it_waits_for_its_turn(lambda client: list(client.iter_webhooks()))
    assert "the client was closed before the request" in str(error)


def test_a_slow_page_that_is_not_needed_any_more_is_broken_off(tmp_path: Path) -> None:
    """Page 2 is refused while page 3 drips: the error comes at once, and the process ends with it."""
    program = tmp_path / "read.py"
    program.write_text(_READ, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program], check=False, capture_output=True, text=True, timeout=FAR_BELOW_AN_HOUR
    )
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


_READ = """
import json, re, socket, threading, time
from airflow_provider_partnero.api import PartneroAuthenticationError, PartneroClient

def answer(connection):
    while request := connection.recv(65536):
        page = int(re.search(rb"page=([0-9]+)", request)[1])
        if page == 1:
            row = {"name": "n", "url": "https://x.example", "is_active": True, "events": ["a.b"]}
            rows = [{"key": f"k{n}", **row} for n in range(100)]
            body = json.dumps({"data": rows, "links": {"next": "x"}}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
        elif page == 2:
            third.wait(30)
            connection.sendall(b"HTTP/1.1 401 Unauthorized\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
        else:
            third.set()
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\n")
            while True:
                connection.sendall(b" ")
                time.sleep(0.05)

third = threading.Event()
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
client = PartneroClient("token", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeout=3600, deadline=3600)
try:
    list(client.iter_webhooks())
except PartneroAuthenticationError:
    print("refused")
"""


def test_looking_up_a_name_takes_no_longer_than_the_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    answered = threading.Event()

    def slow(*_args: Any) -> Any:
        asked.set()
        answered.wait(FAR_BELOW_AN_HOUR)
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with pytest.raises(
            PartneroConnectionError, match=r"could not connect to slow\.example within 0\.2 s"
        ) as raised:
            _client("http://slow.example/v1", timeout=(0.2, 5)).get_webhook("k1")
        assert asked.is_set()
        assert not raised.value.sent
    finally:
        answered.set()


def test_a_mistyped_address_is_asked_of_the_name_server_within_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def slow(*_args: Any) -> Any:
        answered.wait(FAR_BELOW_AN_HOUR)
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with pytest.raises(PartneroConnectionError, match=r"could not connect to 10\.0\.0\.256 within 0\.2 s"):
            _client("http://10.0.0.256/v1", timeout=(0.2, 5)).get_webhook("k1")
    finally:
        answered.set()


def test_signing_secrets_without_an_end_do_not_fill_the_memory() -> None:
    mask = Mask("token")
    for number in range(20):
        mask.learn({"data": {"signature": Secret(f"{number}" + "x" * 1_000_000)}})
    assert not mask._signatures


def test_a_forked_process_breaks_off_nothing_of_its_parent() -> None:
    mine, other = socket.socketpair()
    with mine, other:
        exchange = Exchange(seconds=50, silence=10)
        exchange.use(mine)
        child = os.fork()
        if not child:
            exchange.break_off()
            os._exit(0)
        os.waitpid(child, 0)
        other.sendall(b"x")
        assert mine.recv(1) == b"x"


def test_an_exchange_gives_no_more_time_than_it_has() -> None:
    exchange = Exchange(seconds=50, silence=10)
    assert exchange.time_left(None) <= 50
    assert exchange.time_left(3) == 3
    with pytest.raises(TimeoutError):
        Exchange(seconds=0, silence=10).time_left(None)


@given(st.floats(0.001, 1e6), st.lists(st.floats(0, 1e5), max_size=20))
def test_a_deadline_never_gives_more_than_is_left_and_never_less_than_nothing(
    seconds: float, steps: list[float]
) -> None:
    now = [0.0]
    deadline = Deadline.after(seconds, Clock(now=lambda: now[0]))
    for step in steps:
        now[0] += step
        assert deadline.left() == pytest.approx(max(0.0, seconds - now[0]))
