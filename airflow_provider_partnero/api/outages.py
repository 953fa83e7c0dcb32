"""Why no answer came, and whether the request may have reached Partnero: a table over the errors of ``requests``."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import requests
from urllib3 import exceptions as urllib3_errors

# OpenSSL's reasons for a failed handshake, which comes before the request is sent.
_HANDSHAKE_FAILURES = frozenset(
    {
        "CERTIFICATE_VERIFY_FAILED",
        "HTTP_REQUEST",
        "NO_PROTOCOLS_AVAILABLE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_UNRECOGNIZED_NAME",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


@dataclass(frozen=True, slots=True)
class _Outage:
    """A row of the table.

    :param error: class of the error, or of the cause within it.
    :param sent: whether the request may have reached Partnero.
    :param words: what happened; :func:`explain` fills the names in braces.
    """

    error: type[Exception]
    sent: bool
    words: str


_NOT_ASKED = "no request can be sent to {where}: {detail}"
_BROKE_OFF = "the connection to {where} broke off before the answer was complete ({name})"

# The first row whose class fits counts. urllib3's errors come first, since requests wraps several in one of its own.
_TABLE = (
    _Outage(urllib3_errors.NameResolutionError, sent=False, words="the host name {where} is unknown"),
    _Outage(urllib3_errors.NewConnectionError, sent=False, words="nothing answers at {where}: {end}"),
    _Outage(urllib3_errors.ConnectTimeoutError, sent=False, words="could not connect to {where} within {connect:g} s"),
    _Outage(urllib3_errors.ProxyError, sent=False, words="the proxy on the way to {where} does not answer"),
    _Outage(urllib3_errors.ReadTimeoutError, sent=True, words="{where} was silent for {read:g} s"),
    _Outage(urllib3_errors.SSLError, sent=True, words="no trusted TLS connection to {where}: {detail}"),
    _Outage(urllib3_errors.LocationValueError, sent=False, words=_NOT_ASKED),
    _Outage(urllib3_errors.HTTPError, sent=True, words=_BROKE_OFF),
    _Outage(requests.exceptions.InvalidURL, sent=False, words=_NOT_ASKED),
    _Outage(requests.RequestException, sent=True, words=_BROKE_OFF),
    _Outage(OSError, sent=False, words=_NOT_ASKED),  # such as a CA bundle that cannot be read
)


def explain(error: Exception, where: str, timeout: tuple[float, float]) -> tuple[str, bool]:
    """A description of what happened, and whether the request may have reached Partnero.

    :param error: what ``requests`` raised: an ``OSError`` or one of urllib3's errors.
    :param where: the host that the request was for.
    :param timeout: seconds to connect and seconds of silence.
    """
    cause = _cause_of(error)
    outage = next(row for row in _TABLE if isinstance(cause, row.error))
    words = outage.words.format(
        where=where,
        connect=timeout[0],
        read=timeout[1],
        name=type(error).__name__,
        detail=cause,
        end=str(cause).rpartition(": ")[2],
    )
    return words, outage.sent and not _ended_in_handshake(cause)


def _cause_of(error: Exception) -> Exception:
    """The urllib3 error inside an error of requests, which says more; else the error itself."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, urllib3_errors.MaxRetryError):
        cause = cause.reason
    return cause if isinstance(cause, urllib3_errors.HTTPError) else error


def _ended_in_handshake(cause: Exception) -> bool:
    reason = cause.args[0] if isinstance(cause, urllib3_errors.SSLError) and cause.args else None
    return isinstance(reason, ssl.SSLError) and reason.reason in _HANDSHAKE_FAILURES
