"""Why no answer came: a table over the errors of ``requests``.

No row quotes the text of an error as it is: a malformed proxy URL in it may hold a password.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

import requests
from urllib3 import exceptions as urllib3_errors

from airflow_provider_partnero.api.exchanges import Exchange

# OpenSSL's reasons when the other side does not speak TLS.
_PLAIN_HTTP = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})


@dataclass(frozen=True, slots=True)
class _Outage:
    """A row of the table.

    :param error: class of the error, or of the cause within it.
    :param words: what happened; :func:`explain` fills the names in braces.
    :param before: what happened, if the request was not sent yet; empty: the same.
    """

    error: type[Exception] | tuple[type[Exception], ...]
    words: str
    before: str = ""


_SETTINGS = "no request can be sent to {where}: the proxy settings of this machine or the base URL are malformed"
_BROKE_OFF = "the connection to {where} broke off before the answer was complete ({name})"
_NO_HANDSHAKE = "the connection to {where} ended in the TLS handshake or at a proxy, before anything was sent ({name})"

# The first row whose class fits counts. urllib3's errors come first, since requests wraps several in one of its own.
_TABLE = (
    _Outage(urllib3_errors.NameResolutionError, "the host name {where} is unknown"),
    _Outage(urllib3_errors.NewConnectionError, "nothing answers at {where}: {end}"),
    _Outage(urllib3_errors.ConnectTimeoutError, "could not connect to {where} within {connect:g} s"),
    _Outage(urllib3_errors.ProxyError, "the proxy on the way to {where} does not let us through{proxy}"),
    _Outage(
        urllib3_errors.ReadTimeoutError,
        "{where} was silent for {read:g} s",
        before="no TLS handshake with {where} within {connect:g} s",
    ),
    _Outage(urllib3_errors.SSLError, "no trusted TLS connection to {where}: {tls}"),
    _Outage(urllib3_errors.LocationValueError, _SETTINGS),
    _Outage(urllib3_errors.HTTPError, _BROKE_OFF, before=_NO_HANDSHAKE),
    _Outage(requests.exceptions.InvalidProxyURL, _SETTINGS),
    _Outage(requests.exceptions.InvalidURL, _SETTINGS),
    _Outage(
        requests.exceptions.InvalidSchema,
        "no request can be sent to {where}: the proxy needs SOCKS, which takes the package PySocks",
    ),
    _Outage(requests.RequestException, _BROKE_OFF, before=_NO_HANDSHAKE),
    _Outage((ValueError, TypeError), _BROKE_OFF, before=_SETTINGS),
    _Outage(OSError, "no request can be sent to {where}: {end}"),  # such as a CA bundle that cannot be read
)


def explain(error: Exception, exchange: Exchange, where: str, timeout: tuple[float, float]) -> str:
    """What happened, in words.

    :param error: what ``requests`` raised: an ``OSError``, one of urllib3's errors, or one of Python's about a URL.
    :param exchange: the exchange that it ended.
    :param where: the host that the request was for.
    :param timeout: seconds to connect and seconds of silence.
    """
    if exchange.is_late and exchange.is_sent:
        return f"{where} did not complete its answer in the time that one request may take"
    if exchange.is_broken_off and not exchange.is_sent:
        return f"the client was closed before the request to {where} was sent"
    if exchange.is_late:
        return f"no time was left to send the request to {where}"
    cause = _cause_of(error)
    outage = next(row for row in _TABLE if isinstance(cause, row.error))
    words = outage.words if exchange.is_sent else outage.before or outage.words
    return words.format(
        where=where,
        connect=timeout[0],
        read=timeout[1],
        name=type(error).__name__,
        end=_end(cause),
        tls=_tls_problem(cause),
        proxy=_proxy_problem(cause),
    )


def _cause_of(error: Exception) -> Exception:
    """The urllib3 error inside an error of requests, which says more; else the error itself."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3_errors.MaxRetryError):
        cause = cause.reason
    return cause if isinstance(cause, urllib3_errors.HTTPError) else error


def _end(cause: Exception) -> str:
    """The operating system's words for the problem, such as "Connection refused"."""
    number = next((found.errno for found in _chain(cause) if isinstance(found, OSError) and found.errno), None)
    return os.strerror(number) if number else type(cause).__name__


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what caused it."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _tls_problem(cause: Exception) -> str:
    reason = cause.args[0] if cause.args else None
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {reason.verify_message}"
    if not isinstance(reason, ssl.SSLError) or not reason.reason:
        return "the CA bundle cannot be used, or TLS is not possible"
    if reason.reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return "the CA bundle holds no certificate"
    if reason.reason in _PLAIN_HTTP:
        return "it does not answer in TLS. If it speaks plain HTTP, the base URL starts with http://"
    return reason.reason.replace("_", " ").lower()


def _proxy_problem(cause: Exception) -> str:
    """The proxy's refusal, such as " (407 Proxy Authentication Required)"."""
    for error in _chain(cause):
        text = str(error)
        if isinstance(error, OSError) and text.startswith("Tunnel connection failed: "):
            return f" ({text.partition(': ')[2][:60]})"
    return ""
