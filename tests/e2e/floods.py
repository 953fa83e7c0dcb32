"""Senders that prove nothing, or have caught a genuine body: over raw sockets, each a process of its own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .cluster import Cluster

FLOODS = (
    "forged 1 MiB", "forged 200 KiB", "forged small", "half-sent", "made-up connections", "made-up keys", "repeated",
)  # fmt: skip
SENDERS = 8
_PATH = "/partnero/webhooks/"
_CONN_ID = "partnero_default"
_MOST_OPEN = 60  # half-sent requests of one sender
_DIGITS = b"0" * 64


@contextmanager
def flooding(
    name: str, address: str, genuine: Path, rate: float, senders: int = SENDERS, path: str | None = None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Senders at work; each prints its answers, by status, when its input is closed.

    :param name: one of :data:`FLOODS`.
    :param genuine: a file with the signature and the body of a genuine delivery, which ``repeated`` sends.
    :param rate: requests a second of each sender, at most.
    :param path: instead of the receiver's.
    """
    command = [sys.executable, "-m", "tests.e2e.floods", name, address, str(genuine), str(rate), path or ""]
    processes = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(senders)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def counts_of(processes: list[subprocess.Popen[bytes]]) -> dict[str, int]:
    """End senders, and add up what each was answered."""
    total: dict[str, int] = {}
    for process in processes:
        output, _ = process.communicate(timeout=60)
        for answer, number in json.loads(output).items():
            total[answer] = total.get(answer, 0) + number
    return total


def memory_of(cluster: Cluster, part: str) -> tuple[float, float]:
    """Resident set of a part of Airflow, and its peak since the last call, in MiB."""
    resident = peak = 0.0
    session = str(cluster.pid(part))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[3] != session:
                continue
            status = (stat.parent / "status").read_text()
            resident += int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024
            peak += int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
            (stat.parent / "clear_refs").write_text("5")  # the peak starts anew
        except (OSError, IndexError):
            continue
    assert resident, f"{part} is not running"
    return resident, peak


def request(path: str, body: bytes, signature: bytes, length: int | None = None) -> bytes:
    """A request as Partnero would send it; ``length`` is what it says of its body."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body) if length is None else length}\r\n"
    return head.encode() + b"Signature: " + signature + b"\r\n\r\n" + body


def forged_body(key: str, size: int = 0) -> bytes:
    """A body that costs a parser as much as can be, for its size."""
    start = json.dumps({"event": "transaction.created", "webhook_key": key}).encode()[:-1] + b',"data":['
    return start + b"[]," * max(0, (size - len(start) - 4) // 3) + b"[]]}"


def requests_of(name: str, path: str, genuine: bytes, number: int) -> Iterator[bytes]:
    """What one sender sends, without end."""
    signature, _, caught = genuine.partition(b"\n")
    turn = 0
    while True:
        turn += 1
        made_up = f"made-up-{number}-{turn}"
        match name:
            case "forged 1 MiB":
                yield request(path, forged_body("loadKey", 1024 * 1024), _DIGITS)
            case "forged 200 KiB":
                yield request(path, forged_body("loadKey", 200 * 1024), _DIGITS)
            case "forged small":
                yield request(path, forged_body("loadKey"), _DIGITS)
            case "half-sent":
                yield request(path, forged_body("loadKey", 1_000), _DIGITS, length=200 * 1024)
            case "made-up connections":
                yield request(f"{path}-{made_up}", forged_body("loadKey"), _DIGITS)
            case "made-up keys":
                yield request(path, forged_body(made_up), _DIGITS)
            case "repeated":
                yield request(path, caught, signature)
            case _:
                raise ValueError(name)


class Sender:
    """Sends over one connection, and over a new one when the server has closed it."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._peer = (parts.hostname or "", parts.port or 80)
        self._socket: socket.socket | None = None
        self.answers: dict[str, int] = {}

    def send(self, data: bytes) -> None:
        """Send one request and wait for its answer."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._peer, timeout=30)
            self._socket.sendall(data)
            answer = _answer(self._socket)
        except OSError:
            answer = b""  # closed while it was sent: the answer is lost with it
        status = answer[9:12].decode("latin-1") or "closed"
        self.answers[status] = self.answers.get(status, 0) + 1
        if b"connection: close" in answer.lower() or not answer:
            self.close()

    def close(self) -> None:
        """Hang up."""
        if self._socket:
            self._socket.close()
            self._socket = None


def _answer(link: socket.socket) -> bytes:
    """A whole answer; nothing when the server hangs up before."""
    answer = b""
    while not (head := re.search(rb"(?is)content-length: (\d+).*?\r\n\r\n", answer)) or (
        len(answer) < head.end() + int(head[1])
    ):
        chunk = link.recv(65_536)
        if not chunk:
            return b""
        answer += chunk
    return answer


class HalfSender:
    """Holds many requests open, of which it sends the beginning and then drips."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._peer = (parts.hostname or "", parts.port or 80)
        self._open: list[socket.socket] = []
        self.answers: dict[str, int] = {}

    def send(self, data: bytes) -> None:
        """Begin one more request, and see how the older ones stand."""
        try:
            begun = socket.create_connection(self._peer, timeout=30)
            begun.sendall(data)
            begun.setblocking(False)
            self._open.append(begun)
        except OSError:
            self._count(b"")
        for one in list(self._open):
            try:
                answer = one.recv(4_096)
            except BlockingIOError:
                if len(self._open) <= _MOST_OPEN:
                    continue
                answer = b"given up"
            except OSError:
                answer = b""
            self._count(answer)
            one.close()
            self._open.remove(one)

    def _count(self, answer: bytes) -> None:
        status = answer[9:12].decode("latin-1") if answer.startswith(b"HTTP") else answer.decode("latin-1") or "closed"
        self.answers[status] = self.answers.get(status, 0) + 1


def main() -> None:
    """One sender, until its input is closed."""
    import select

    name, address, genuine, rate, path, number = sys.argv[1:]
    sender: Sender | HalfSender = HalfSender(address) if name == "half-sent" else Sender(address)
    due = time.monotonic()
    for data in requests_of(name, path or f"{_PATH}{_CONN_ID}", Path(genuine).read_bytes(), int(number)):
        sender.send(data)
        due = max(due + 1 / float(rate), time.monotonic() - 1)
        if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            break
    print(json.dumps(sender.answers))


if __name__ == "__main__":
    main()
