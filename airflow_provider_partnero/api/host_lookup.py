"""Looking up host names within a time limit, which the operating system's own look-up does not have."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from typing import Any

from urllib3.util.connection import allowed_gai_family

_lock = threading.Lock()
_under_way: dict[tuple[str, int], _Lookup] = {}


def _forget() -> None:
    """After a fork: the child has none of the threads, and one of them may have held the lock."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _under_way.clear()


os.register_at_fork(after_in_child=_forget)


class _Lookup(threading.Thread):
    """One look-up. Its thread cannot be stopped, so all who ask for the same name meanwhile share it."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(name=f"partnero-lookup-{host[:40]}", daemon=True)
        self._asked = host, port
        self.found: list[Any] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            self.found = _ask(*self._asked)
        except Exception as error:  # noqa: BLE001 - it is raised in the threads that wait
            self.failure = error
        finally:
            with _lock:
                if _under_way.get(self._asked) is self:
                    del _under_way[self._asked]


def addresses_of(host: str, port: int, seconds: float) -> list[Any]:
    """The addresses of a host, as ``socket.getaddrinfo`` returns them.

    :param seconds: longest time to wait for them.
    :raises TimeoutError: there is no answer in that time.
    :raises OSError: the name is unknown or no name.
    """
    host = host.strip("[]")
    if _is_numeric(host):
        return _ask(host, port)
    lookup = _start(host, port)
    lookup.join(seconds)
    if lookup.is_alive():
        raise TimeoutError(f"no address for {host} yet")
    if lookup.failure:
        raise socket.gaierror(str(lookup.failure)) from None
    return lookup.found


def _start(host: str, port: int) -> _Lookup:
    with _lock:
        lookup = _under_way.get((host, port))
        if lookup is None or not lookup.is_alive():
            lookup = _under_way[host, port] = _Lookup(host, port)
            lookup.start()
        return lookup


def _ask(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)


def _is_numeric(host: str) -> bool:
    """Whether it is an address. ``10.0.0.256`` is a name: the system asks a name server for it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
