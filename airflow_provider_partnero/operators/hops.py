"""Goes the way of a delivery hop by hop: name, connection, certificate, request. Each hop takes a bounded time."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from airflow_provider_partnero.api.clock import Clock, Deadline
from airflow_provider_partnero.webhooks.probe import Hop, ProbeAnswer, certificate_problem
from airflow_provider_partnero.webhooks.texts import quoted

_MOST_ADDRESSES = 4
_MOST_READ = 64 * 1024  # bytes of an answer
_IN_A_PATH = "/%:@!$&'()*+,;=~-._"


class BrokenHopError(Exception):
    """The way ends at a hop."""

    def __init__(self, hop: Hop) -> None:
        super().__init__(hop.problem)
        self.hop = hop


@dataclass(frozen=True, slots=True)
class WayLimits:
    """Seconds that the hops may take.

    :param hop: the name, the connection to one address, or the certificate.
    :param exchange: sending a body and reading the answer.
    :param whole: all of it together.
    """

    hop: float = 10.0
    exchange: float = 20.0
    whole: float = 120.0


@dataclass(frozen=True, slots=True)
class Way:
    """The way to an address.

    :param scheme: ``http`` or ``https``.
    :param host: in normal form, without brackets.
    :param resource: path and query.
    """

    scheme: str
    host: str
    port: int
    authority: str
    resource: str
    limits: WayLimits
    deadline: Deadline

    @classmethod
    def to(cls, url: str, host: str, limits: WayLimits, clock: Clock) -> Way:
        """The way to a URL that can be delivered to, which starts now.

        :param host: the URL's, in normal form and without brackets.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        shown = f"[{host}]" if ":" in host else host
        resource = quote(parts.path or "/", safe=_IN_A_PATH)
        query = f"?{quote(parts.query, safe=_IN_A_PATH + '?')}" if parts.query else ""
        authority = f"{shown}:{parts.port}" if parts.port else shown
        return cls(parts.scheme, host, port, authority, resource + query, limits, Deadline.after(limits.whole, clock))

    def now(self) -> float:
        """Seconds on the clock of the deadline."""
        return self.deadline.clock.now()

    def _seconds(self, most: float) -> float:
        """How long a hop may take; what is late is tried for a moment, so that it is named."""
        return max(0.05, min(most, self.deadline.left()))

    def look_up(self) -> list[Any]:
        """The host's addresses, as ``socket.getaddrinfo`` returns them; at least one.

        :raises BrokenHopError: there are none.
        """
        from airflow_provider_partnero.api.host_lookup import addresses_of

        remedy = "Look at the DNS entry of the host."
        try:
            found = addresses_of(self.host, self.port, self._seconds(self.limits.hop))[:_MOST_ADDRESSES]
        except TimeoutError:
            raise _broken("dns", f"no address for {self.host} within {self.limits.hop:g} s", remedy) from None
        except (OSError, UnicodeError):
            raise _broken("dns", f"the name {self.host} has no address", remedy) from None
        if not found:
            raise _broken("dns", f"the name {self.host} has no address", remedy)
        return found

    def connect(self, addresses: list[Any]) -> tuple[socket.socket, list[str]]:
        """A connection to the first of the addresses that answers, and the addresses that did not.

        :raises BrokenHopError: none does.
        """
        silent = []
        for family, kind, protocol, _, address in addresses:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(self._seconds(self.limits.hop))
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                silent.append(f"{address[0]} ({_reason(error)})")
            else:
                return connection, silent
        problem = f"no connection to port {self.port} of {', '.join(silent)}"
        raise _broken("tcp", problem, "Look at firewall, load balancer and proxy.")

    def secure(self, connection: socket.socket, context: ssl.SSLContext) -> tuple[ssl.SSLSocket, datetime | None]:
        """The connection within TLS, and when its certificate expires.

        :raises BrokenHopError: TLS cannot be established, or the certificate is refused.
        """
        try:
            with _ending(connection, self._seconds(self.limits.hop)):
                secured = context.wrap_socket(connection, server_hostname=self.host)
        except ssl.SSLCertVerificationError as error:
            problem = certificate_problem(error.verify_code, error.verify_message)
            remedy = f"Give {self.host} a certificate of its own from a public authority, with all in between."
            raise _broken("tls", problem, remedy, is_passing=False) from None
        except (OSError, ValueError) as error:
            problem = f"no TLS connection ({_reason(error)})"
            raise _broken("tls", problem, "Look at the proxy's certificate and TLS settings.") from None
        return secured, _expiry(secured)

    def post(self, connection: socket.socket, body: bytes, headers: Mapping[str, str]) -> ProbeAnswer:
        """Send a body, read the beginning of the answer, and close the connection. Redirects are not followed."""
        exchange = http.client.HTTPConnection(self.host)
        exchange.sock = connection
        started = self.now()
        seconds = self._seconds(self.limits.exchange)
        connection.settimeout(seconds)
        try:
            with _ending(connection, seconds):
                answer, content = _answer(exchange, self.resource, body, {"Host": self.authority, **headers})
        except (OSError, http.client.HTTPException, ValueError) as error:
            return ProbeAnswer(None, _reason(error), seconds=self.now() - started)
        finally:
            exchange.close()
            connection.close()
        location = answer.headers.get("Location") or ""
        return ProbeAnswer(answer.status, "", content, location, self.now() - started)


def trust() -> ssl.SSLContext:
    """What certificates are verified with: the public authorities, as Partnero has them.

    ``REQUESTS_CA_BUNDLE`` names others, for a worker whose way to the internet is opened by a proxy of its own.

    :raises ValueError: that file cannot be read.
    """
    import certifi

    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    try:
        context = ssl.create_default_context(cafile=bundle)
    except OSError:
        raise ValueError(f"REQUESTS_CA_BUNDLE={quoted(bundle, 200)}: must be a file of certificates") from None
    # Python 3.13 alone refuses certificates for their form, such as one without a key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _answer(
    exchange: http.client.HTTPConnection, resource: str, body: bytes, headers: Mapping[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    # Who refuses a body by its size may answer and hang up before all of it is sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        exchange.request("POST", resource, body, dict(headers))
    answer = exchange.getresponse()
    return answer, answer.read(_MOST_READ)


@contextmanager
def _ending(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Break the connection off after some time, however little is read or sent meanwhile.

    :raises TimeoutError: it was.
    """
    is_over = threading.Event()
    # TLS takes the socket itself over, and its methods are not for two threads.
    handle = socket.socket(fileno=os.dup(connection.fileno()))

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError):
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
        handle.close()
    if is_over.is_set():  # also if what was read looks whole: the end may be that of the connection
        raise TimeoutError


def _expiry(secured: ssl.SSLSocket) -> datetime | None:
    expires: Any = (secured.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(expires), UTC) if isinstance(expires, str) else None


def _broken(name: str, problem: str, remedy: str, *, is_passing: bool = True) -> BrokenHopError:
    return BrokenHopError(Hop(name, problem, remedy, is_passing))


def _reason(error: Exception) -> str:
    """Why it failed, in few words of ours or the system's. What a server has written is not repeated."""
    match error:
        case TimeoutError():
            return "it takes too long"
        case ConnectionRefusedError():
            return "refused"
        case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError() | ssl.SSLEOFError():
            return "hung up"
        case ssl.SSLError():
            return f"TLS: {(error.reason or 'broken').replace('_', ' ').lower()}"
        case http.client.HTTPException():
            return "the answer is not HTTP"
        case OSError() if error.strerror:
            return error.strerror.lower()
    return type(error).__name__
