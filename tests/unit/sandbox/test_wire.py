"""What may happen to the bytes of an answer, as a socket sees it."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from airflow_provider_partnero.sandbox import Fault, Sandbox, Wire

from .conftest import DEMO, FOREVER, PATIENCE, Api, fetch, wait_for

HINT = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@contextmanager
def asked(sandbox: Sandbox, path: str = "/webhooks") -> Iterator[socket.socket]:
    """A connection on which a GET was sent."""
    head = f"GET /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.token}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        yield connection


def everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def some(connection: socket.socket, count: int) -> bytes:
    """At least so many bytes."""
    received = bytearray()
    while len(received) < count:
        received += connection.recv(65_536)
    return bytes(received)


def tasks_of(sandbox: Sandbox) -> int:
    """How many tasks run in a sandbox."""
    server = sandbox._server
    assert server is not None
    assert server._loop is not None
    return len(asyncio.all_tasks(server._loop))


def is_silent(connection: socket.socket, seconds: float = 0.2) -> bool:
    """Whether nothing comes for so long, neither bytes nor the end."""
    connection.settimeout(seconds)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    return False


def test_interim_answers_come_before_the_final_one_and_the_connection_stays(sandbox: Sandbox) -> None:
    sandbox.fault(wire=Wire(interim=3))
    with asked(sandbox, "/test") as connection:
        answer = b""
        while not answer.endswith(b'{"status":1}'):
            answer += some(connection, 1)
        assert answer.startswith(3 * HINT + b"HTTP/1.1 200 OK\r\n")
        connection.sendall(b"GET /v1/test HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(("status", "line"), [(100, b"100 Continue"), (102, b"102 Processing"), (199, b"199 Interim")])
def test_interim_answers_may_have_any_status_below_200(sandbox: Sandbox, status: int, line: bytes) -> None:
    sandbox.fault(wire={"interim": 1, "interim_status": status}, status=503)
    with asked(sandbox) as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 " + line + b"\r\n\r\n")


def test_interim_answers_may_be_all_there_is_after_the_change(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(drop="after", wire=Wire(interim=2))
    with asked(sandbox) as connection:
        assert everything(connection) == 2 * HINT
    sandbox.fault(method="POST", drop="after", wire=Wire(interim=1, interim_status=100))
    with pytest.raises(requests.ConnectionError):
        api.create()
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize("interval", [0, 0.001])
def test_interim_answers_without_end_hold_up_nobody_else(sandbox: Sandbox, interval: float) -> None:
    sandbox.fault(wire=Wire(interim="endless", interim_status=100, interval=interval))
    with asked(sandbox) as connection:
        line = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert some(connection, 50 * len(line))[: 50 * len(line)] == 50 * line
        assert fetch(sandbox, "/test").status_code == 200


def test_chunks_without_end_stop_at_a_client_that_does_not_read(sandbox: Sandbox) -> None:
    sandbox.fault(wire=Wire(content="endless"))
    with asked(sandbox) as connection:
        assert some(connection, 1_000_000).startswith(b"HTTP/1.1 200 OK\r\n")
        for _ in range(20):
            assert fetch(sandbox, "/test").status_code == 200


@pytest.mark.parametrize("drip", ["headers", "body", "all"])
def test_a_dripped_answer_is_whole_in_the_end(api: Api, sandbox: Sandbox, drip: Any) -> None:
    sandbox.seed(3)
    sandbox.fault(wire=Wire(drip=drip, interval=0.0001))
    answer = api.get("/webhooks")
    assert answer.json()["data"] == sandbox.webhooks()
    assert answer.headers["Connection"] == "close"
    assert api.get("/webhooks").json()["data"] == sandbox.webhooks()


@pytest.mark.parametrize(("drip", "at_once"), [("headers", b"H"), ("all", b"H"), ("body", b"\r\n\r\n{")])
def test_a_drip_gives_one_byte_of_its_part_and_then_waits(sandbox: Sandbox, drip: Any, at_once: bytes) -> None:
    sandbox.fault(wire=Wire(drip=drip, interval=FOREVER))
    with asked(sandbox) as connection:
        received = connection.recv(65_536)
        if drip == "body":
            assert received.startswith(b"HTTP/1.1 200 OK\r\n")
            assert is_silent(connection)  # the interval comes after the headers, too
        else:
            assert received == at_once
            assert is_silent(connection)


def test_an_answer_may_be_compressed(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(10)
    sandbox.fault(wire=Wire(content="gzip"), times=2)
    assert api.get("/webhooks").json()["data"] == sandbox.webhooks()
    with asked(sandbox) as connection:
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert gzip.decompress(body).startswith(b'{"data":[')


def test_a_bomb_is_small_on_the_wire_and_json_of_the_given_size(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(wire=Wire(content="gzip-bomb", bomb_size=5_000_000), times=2)
    with asked(sandbox) as connection:
        assert len(everything(connection)) < 20_000
    answer = api.get("/webhooks")
    assert (len(answer.content), list(answer.json())) == (5_000_000, ["data", "padding"])


def test_a_bomb_of_a_gigabyte_comes_piece_by_piece_and_holds_up_nobody_else(sandbox: Sandbox) -> None:
    sandbox.fault(wire=Wire(content="gzip-bomb"))
    with asked(sandbox) as connection:
        received = some(connection, 20_000)
        assert fetch(sandbox, "/test").status_code == 200
        received += some(connection, 20_000)
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head
        assert zlib.decompressobj(31).decompress(chunks(body)).startswith(b'{"data":[],"padding":"000')


def chunks(body: bytes) -> bytes:
    """What is in a chunked body, as far as it goes."""
    content = b""
    while size := re.match(rb"([0-9a-f]+)\r\n", body):
        end = size.end() + int(size[1], 16)
        content, body = content + body[size.end() : end], body[end + 2 :]
    return content


@pytest.mark.parametrize("stop_after", ["nothing", "headers", "half"])
def test_a_server_falls_silent_after_a_part_of_its_answer(sandbox: Sandbox, stop_after: Any) -> None:
    sandbox.fault(wire=Wire(stop_after=stop_after))
    with asked(sandbox, "/test") as connection:
        if stop_after != "nothing":
            head, _, body = some(connection, 90).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert b"Content-Length: 12" in head
            assert body in {"headers": [b""], "half": [b"", b'{"stat']}[stop_after]
            if stop_after == "half" and not body:
                assert connection.recv(100) == b'{"stat'
        assert is_silent(connection)
    assert [request.status for request in sandbox.requests()] == [200]


def test_what_the_request_asked_for_is_done_before_the_wire_goes_wrong(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(wire=Wire(stop_after="nothing"))
    with pytest.raises(requests.ReadTimeout):
        api.call("POST", "/webhooks", json=DEMO, timeout=0.2)
    assert len(sandbox.webhooks()) == 1
    sandbox.fault(wire=Wire(drip="all"), status=504, late_requests=1)
    assert (api.create().status_code, len(sandbox.webhooks())) == (504, 1)
    api.get("/test")
    assert len(sandbox.webhooks()) == 2


HOSTILE = [
    Wire(interim="endless"),
    Wire(interim="endless", interval=0.01),
    Wire(drip="all", interval=FOREVER),
    Wire(content="endless"),
    Wire(content="gzip-bomb", bomb_size=1 << 35),
    Wire(stop_after="nothing"),
    Wire(stop_after="half"),
]


@pytest.mark.parametrize("wire", [*HOSTILE, None], ids=str)
def test_it_ends_when_the_client_goes_and_leaves_no_task(wire: Wire | None) -> None:
    with Sandbox() as own:
        own.fault(wire=wire, delay=0 if wire else FOREVER)
        with asked(own):
            wait_for(own.requests)
            assert tasks_of(own) > 1
        wait_for(lambda: tasks_of(own) == 1)  # the server's own


@pytest.mark.parametrize("wire", HOSTILE, ids=str)
def test_a_sandbox_stops_whatever_is_on_the_wire(caplog: pytest.LogCaptureFixture, wire: Wire) -> None:
    with Sandbox() as sandbox, asked(sandbox), asked(sandbox):
        sandbox.fault(wire=wire, times=2)
        with asked(sandbox), asked(sandbox):
            wait_for(lambda: len(sandbox.requests()) == 4)
            thread = sandbox._thread
            sandbox.stop()
    assert thread is not None
    assert not thread.is_alive()
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "asyncio"))] == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"interim": -1}, "interim is -1; allowed: 0 to"),
        ({"interim": "many"}, "interim is 'many'; allowed: 0 to"),
        ({"interim_status": 200}, "interim_status is 200; allowed: 100 to 199"),
        ({"drip": "some"}, "drip is 'some'; allowed: 'headers', 'body', 'all'"),
        ({"interval": -1}, "interval is -1; allowed: 0 to"),
        ({"content": "br"}, "content is 'br'; allowed: 'gzip', 'gzip-bomb', 'endless'"),
        ({"bomb_size": 1}, "bomb_size is 1; allowed: 100 to"),
        ({"stop_after": "it"}, "stop_after is 'it'; allowed: 'nothing', 'headers', 'half'"),
        ({"stop_after": "half", "content": "endless"}, "stop_after='half' contradicts content='endless'"),
        ({"drips": 1}, "wire holds the fields of a Wire"),
    ],
)
def test_a_wire_that_makes_no_sense_is_refused(sandbox: Sandbox, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        sandbox.fault(wire=fields)
    answer = requests.post(f"{sandbox.root_url}/_sandbox/faults", json={"wire": fields}, timeout=PATIENCE)
    assert answer.status_code == 422


@pytest.mark.parametrize("fields", [{"body": "truncated"}, {"drop": "after"}])
def test_a_wire_contradicts_other_ways_of_cutting_an_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wire"):
        Fault(wire=Wire(drip="all"), **fields)


def test_a_pending_fault_shows_its_wire(sandbox: Sandbox) -> None:
    fault = Fault(wire=Wire(interim="endless", drip="body", interval=0.5))
    sandbox.fault(fault)
    assert sandbox.faults() == [fault]
