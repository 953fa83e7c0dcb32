"""Connections of ``requests`` that keep the bounds of an exchange: in time, in size, and in what was sent.

The time-outs of ``requests`` are about one read at a time, so a server that drips holds a request for ever. Here every
read, write, connect and look-up of a name gets the time that the exchange has left.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import exceptions as urllib3_errors
from urllib3.connectionpool import HTTPConnectionPool

from airflow_provider_partnero.api.exchanges import Exchange
from airflow_provider_partnero.api.host_lookup import addresses_of
from airflow_provider_partnero.api.tls import tls_context

if TYPE_CHECKING:
    from urllib3.poolmanager import PoolManager

_MOST_INTERIM_ANSWERS = 100  # 1xx, before the answer proper
_PIECE = 16 * 1024  # bytes that are written at a time
_READ_AT_ONCE = 64 * 1024  # bytes; a page of 100 webhooks has some 25,000, and each read gives other threads a turn
_CONNECTIONS = 64  # kept open at most; with fewer, threads that share a client would wait for each other

_here = threading.local()


@contextmanager
def carrying(exchange: Exchange) -> Iterator[None]:
    """The connections that this thread uses meanwhile keep the bounds of the exchange."""
    _here.exchange = exchange
    try:
        yield
    finally:
        del _here.exchange


def _exchange() -> Exchange:
    exchange: Exchange = _here.exchange
    return exchange


class BoundedAdapter(HTTPAdapter):
    """A transport adapter whose connections keep the bounds of the exchange that their thread is :func:`carrying`."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=_CONNECTIONS)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """What connections have in common; with TLS, all of the process share what was read from the CA bundle."""
        host, kind = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https" and verify:
            bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify
            return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": tls_context(bundle)}
        return host, kind

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Check what there is to check; the bundle has been read into the shared context.

        A proxy that is spoken to in TLS has a context of its own, into which the bundle is still to be read.
        """
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if conn.proxy is None or conn.proxy.scheme != "https":
            conn.ca_certs = conn.ca_cert_dir = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools of connections to a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        _bound(manager)
        return manager


def _bound(manager: PoolManager) -> None:
    pools: Any = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _bounded(pool) for scheme, pool in pools.items()}


@lru_cache
def _bounded(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """The pool's class with bounded connections; whether to Partnero, to a proxy or through SOCKS."""
    kind: Any = pool.ConnectionCls
    if issubclass(kind, _Bounded):
        return pool
    has_own_way_to_connect = "socks" in kind.__name__.lower()
    mixins = (_Bounded,) if has_own_way_to_connect else (_Dialling, _Bounded)
    bounded = type(f"Bounded{kind.__name__}", (*mixins, kind), {})
    return type(f"Bounded{pool.__name__}", (pool,), {"ConnectionCls": bounded})


class _Incoming(io.RawIOBase):
    """The bytes that come in on a socket, within the bounds of an exchange."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: Exchange) -> None:
        self._raw = raw
        self._sock = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._exchange.before_read(self._sock)
        try:
            size: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            self._exchange.note_timeout()
            raise
        self._exchange.after_read(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read within bounds, and that follows interim answers such as 103 as well as 100.

    ``http.client`` takes ``103 Early Hints`` for the answer itself, and the proper one for that of the next request.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        exchange = _exchange()
        exchange.use(sock)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_Incoming(raw, sock, exchange), _READ_AT_ONCE)
        self._interim_answers = 0

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            is_interim = 100 <= status < 200 and status != http.client.SWITCHING_PROTOCOLS
            if is_interim:
                self._interim_answers += 1
            if self._interim_answers > _MOST_INTERIM_ANSWERS:
                raise http.client.HTTPException(f"more than {_MOST_INTERIM_ANSWERS} interim answers")
            if not is_interim or status == http.client.CONTINUE:  # begin() itself goes on after 100
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Bounded:
    """For a connection of urllib3: what it reads and writes keeps the bounds of the exchange."""

    response_class = _Answer
    sock: Any
    timeout: float | None
    _is_connecting = False

    def connect(self) -> None:
        """Connect, with a tunnel through a proxy and TLS where they are needed: nothing of the request is sent yet."""
        self._is_connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._is_connecting = False

    def send(self, data: bytes) -> None:
        """Write the bytes in pieces, each with the time that is left."""
        exchange = _exchange()
        if self.sock is None:
            self.connect()
        exchange.use(self.sock)
        if not self._is_connecting:
            exchange.begin_sending()
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(exchange.time_left(self.timeout))
            super().send(data[start : start + _PIECE])  # type: ignore[misc]


class _Dialling:
    """For a connection of urllib3: looking up the name and connecting take no longer than the time-out, together."""

    _dns_host: str
    host: str
    port: int
    timeout: float
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        exchange = _exchange()
        ends_at = time.monotonic() + exchange.time_left(self.timeout)
        connection: Any = self
        try:
            addresses = addresses_of(self._dns_host, self.port, ends_at - time.monotonic())
            sock = _dial(addresses, ends_at, self.socket_options)
        except socket.gaierror as error:
            raise urllib3_errors.NameResolutionError(self.host, connection, error) from error
        except TimeoutError as error:
            raise urllib3_errors.ConnectTimeoutError(connection, f"no connection to {self.host}") from error
        except OSError as error:
            raise urllib3_errors.NewConnectionError(connection, f"no connection: {error}") from error
        sock.settimeout(exchange.time_left(self.timeout))  # for the TLS handshake, which it bounds as a whole
        exchange.use(sock)
        return sock


def _dial(addresses: list[Any], ends_at: float, options: Any) -> socket.socket:
    """A connection to the first address that answers; each gets its share of the time."""
    failure: OSError = TimeoutError("no time left")
    for left, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        seconds = (ends_at - time.monotonic()) / left
        if seconds <= 0:
            break
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            for option in options or ():
                sock.setsockopt(*option)
            sock.settimeout(seconds)
            sock.connect(address)
        except OSError as error:
            failure = error
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure
