"""A Partnero that takes every request and never finishes an answer."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from typing import Any, Literal, Self

Manner = Literal["silent", "dripping"]

MANNERS: tuple[Manner, ...] = ("silent", "dripping")
_TICK = 0.1  # seconds between two bytes


class SlowServer:
    """A context manager. ``silent`` never sends a byte; ``dripping`` sends a header that never ends, byte by byte."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._asked: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.requests = 0

    def connection(self, **extra: Any) -> str:
        """An Airflow connection to this server, as JSON."""
        return json.dumps({"conn_type": "partnero", "password": "token", "host": self.base_url, "extra": extra})

    @property
    def waiting(self) -> int:
        """How many clients wait for the end of an answer now."""
        return len(self._asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._close(key.fileobj)
        self._selector.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(_TICK):
                self._accept() if key.fileobj is self._listener else self._read(key.fileobj)
            if self.manner == "dripping":
                self._stopped.wait(_TICK)
                for client in list(self._asked):
                    self._send(client, b"x")

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self, client: Any) -> None:
        try:
            received = client.recv(65_536)
        except OSError:
            received = b""
        if not received:
            self._close(client)
        elif client not in self._asked:
            self.requests += 1
            self._asked.add(client)
            if self.manner == "dripping":
                self._send(client, b"HTTP/1.1 200 OK\r\nX-Endless: ")

    def _send(self, client: socket.socket, text: bytes) -> None:
        try:
            client.sendall(text)
        except OSError:
            self._close(client)

    def _close(self, client: Any) -> None:
        self._asked.discard(client)
        self._selector.unregister(client)
        client.close()
