"""The recipe for nginx, as it stands in the page: what it lets through, and what never reaches the receiver."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .apart import delivery, home_of, recorded, started
from .deliveries import PATH
from .nginx import HOST, HOW_TO_START, Nginx, binary, running
from .waiting import HTTP_PATIENCE, wait_for

pytestmark = pytest.mark.nginx

PROGRAM = binary()
if PROGRAM is None:
    pytest.skip(HOW_TO_START, allow_module_level=True)


class Upstream:
    """Stands for the receiver: answers 202, and remembers every request that reached it, byte for byte."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            with link:
                head, _, body = self._read_head(link)
                length = next(
                    int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                )
                while len(body) < length:
                    body += link.recv(65_536)
                self.requests.append(head + b"\r\n\r\n" + body)
                link.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    @staticmethod
    def _read_head(link: socket.socket) -> tuple[bytes, bytes, bytes]:
        got = b""
        while b"\r\n\r\n" not in got:
            got += link.recv(65_536)
        return got.partition(b"\r\n\r\n")

    def close(self) -> None:
        """End."""
        self._socket.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def nginx(tmp_path: Path, upstream: Upstream) -> Iterator[Nginx]:
    """nginx before something that only remembers."""
    assert PROGRAM is not None
    with running(PROGRAM, tmp_path, upstream.address) as server:
        yield server


def connected(nginx: Nginx) -> ssl.SSLSocket:
    """A connection that can be left half-way."""
    plain = socket.create_connection(("127.0.0.1", nginx.port), HTTP_PATIENCE)
    return nginx.context().wrap_socket(plain)


def test_every_byte_of_the_body_and_the_path_pass_unchanged(nginx: Nginx, upstream: Upstream) -> None:
    body = bytes(range(256)) + b'{"a":  "\xc3\xa9\\/"}\r\n\r\n'
    path = f"{PATH}%2Fx%20y"
    headers = {"Content-Type": "application/json", "Signature": "a" * 64}
    assert nginx.ask("POST", path, body, headers).status == 202
    [request] = upstream.requests
    assert request.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    assert request.endswith(b"\r\n\r\n" + body)
    assert f"Signature: {'a' * 64}".encode() in request


def test_nothing_but_deliveries_is_reachable(nginx: Nginx, upstream: Upstream) -> None:
    for path in (
        "/",
        "/partnero/status",
        "/api/v2/dags",
        "/partnero/webhooks/../status",
        "/partnero/webhooks/%2e%2e/x",
    ):
        assert nginx.ask("POST", path, b"{}").status == 404
    assert upstream.requests == []


def test_a_body_that_is_too_large_is_refused_before_it_is_read(nginx: Nginx, upstream: Upstream) -> None:
    with connected(nginx) as link:
        link.sendall(f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 262145\r\n\r\n".encode())
        assert b" 413 " in link.recv(4_096)
    assert nginx.ask("POST", PATH, b"x" * 262_144).status == 202
    assert len(upstream.requests) == 1


def test_bodies_that_are_half_sent_never_reach_the_receiver_and_are_cut_off(nginx: Nginx, upstream: Upstream) -> None:
    links = []
    for _ in range(20):
        links.append(connected(nginx))
        links[-1].sendall(f'POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 900\r\n\r\n{{"event":'.encode())
    assert nginx.ask("POST", PATH, b"{}").status == 202
    for link in links:
        with link, suppress(ConnectionResetError):
            assert link.recv(1) == b""
    assert len(upstream.requests) == 1


def test_one_address_that_floods_is_told_to_wait_and_another_one_passes(tmp_path: Path, upstream: Upstream) -> None:
    """With the page's numbers made small, so that a slow machine floods, too."""
    assert PROGRAM is not None
    small = {"rate=50r/s": "rate=1r/m", "burst=500": "burst=9"}
    with running(PROGRAM, tmp_path, upstream.address, **small) as nginx:
        flood = [nginx.ask("POST", PATH, b"{}", source="127.0.0.2") for _ in range(30)]
        assert [answer.status for answer in flood[:10]] == [202] * 10
        refused = [answer for answer in flood if answer.status == 429]
        assert len(refused) > 10
        assert {answer.headers.get("retry-after") for answer in refused} == {"10"}
        genuine = [nginx.ask("POST", PATH, b"{}", source="127.0.0.3").status for _ in range(10)]
        assert genuine == [202] * 10


def test_a_burst_of_a_hundred_at_once_passes(nginx: Nginx, upstream: Upstream) -> None:
    assert [nginx.ask("POST", PATH, b"{}").status for _ in range(100)] == [202] * 100


def test_while_the_receiver_is_down_senders_are_told_to_come_again(nginx: Nginx, upstream: Upstream) -> None:
    upstream.close()
    wait_for(lambda: nginx.ask("POST", PATH, b"{}").status == 503, "the end of the receiver")
    answer = nginx.ask("POST", PATH, b"{}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


@pytest.mark.airflow
def test_a_signed_delivery_is_recorded_through_nginx(tmp_path: Path, listening_database: Path) -> None:
    assert PROGRAM is not None
    home = home_of(tmp_path, listening_database)
    with started(home, tmp_path / "log") as receiver:
        receiver.wait_until_ready()
        receiver.post("warm")
        with running(PROGRAM, tmp_path, receiver.address.removeprefix("http://")) as nginx:
            body, headers = delivery("through nginx")
            wait_for(lambda: nginx.ask("POST", PATH, body, headers).status in {200, 202}, "the delivery to be taken")
            assert nginx.ask("POST", PATH, body + b" ", headers).status == 401
    assert recorded(home) == 2
