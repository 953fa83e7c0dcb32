"""An HTTP client that costs next to nothing, so that the servers are measured: sockets and ready-made bytes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

_PATIENCE = 120.0  # seconds


def request_bytes(address: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST request, as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(address).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawConnection:
    """One connection that is kept open, and made anew after an error."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._target = (parts.hostname or "", parts.port or 80)
        self._socket: socket.socket | None = None

    def status_of(self, request: bytes) -> int:
        """Send a request and read the answer to its end; its status.

        :raises OSError: the server has gone.
        """
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._target, _PATIENCE)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._read(self._socket)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _read(self, link: socket.socket) -> int:
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more(link)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        [length] = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
        missing = length - len(body)
        while missing > 0:
            missing -= len(self._more(link))
        if b"connection: close" in lines:
            self.close()
        return int(lines[0].split()[1])

    def _more(self, link: socket.socket) -> bytes:
        chunk = link.recv(65_536)
        if not chunk:
            raise ConnectionResetError("the server has closed the connection")
        return chunk


@dataclass(frozen=True, slots=True)
class Timing:
    """How one request went.

    :param seconds: from when it was to be sent to its answer, waiting for a free connection included.
    """

    status: int
    seconds: float


def send_all(
    requests: Sequence[tuple[str, bytes]], clients: int, per_second: float | None = None
) -> tuple[float, list[Timing]]:
    """Send requests to their addresses; how long it took altogether, and how each went.

    :param clients: how many send at once, each with one connection to every address.
    :param per_second: how many are offered; None: each client sends as soon as it has an answer.
    """
    start = time.perf_counter() + 0.1

    def work(client: int) -> list[Timing]:
        connections: dict[str, RawConnection] = {}
        timings = []
        for number in range(client, len(requests), clients):
            address, request = requests[number]
            due = start + number / per_second if per_second else max(start, time.perf_counter())
            time.sleep(max(0.0, due - time.perf_counter()))
            connection = connections.setdefault(address, RawConnection(address))
            timings.append(Timing(connection.status_of(request), time.perf_counter() - due))
        for connection in connections.values():
            connection.close()
        return timings

    timings = _in_threads(work, clients)
    return time.perf_counter() - start, timings


def _in_threads(work: Callable[[int], list[Timing]], clients: int) -> list[Timing]:
    with ThreadPoolExecutor(clients) as pool:
        return [timing for timings in pool.map(work, range(clients)) for timing in timings]
