"""Arguments are checked before any request.

Each function gives back what is allowed; for anything else it raises a ``ValueError`` that names the argument, its
value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

LIMIT_RANGE = range(10, 101)  # the specification, "Get a list of webhooks"
LONGEST = 86_400  # seconds that anything may take or wait
MOST_PAGES_AT_ONCE = 64
PARTNERO_URL = "https://api.partnero.com/v1"

# What Laravel trims from all texts it is sent: blanks, and characters that nobody sees.
_TRIMMED = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff\u200b\u200e"


def checked_limit(limit: object, *, argument: str = "limit") -> int:
    """A number of webhooks on a page, 10 to 100."""
    if not isinstance(limit, int) or isinstance(limit, bool) or limit not in LIMIT_RANGE:
        raise ValueError(f"{argument}={limit!r}: allowed are the whole numbers 10 to 100")
    return limit


def checked_count(value: object, *, argument: str, most: int | None = None) -> int:
    """A whole number from 1, up to ``most`` if there is such a bound."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        allowed = "whole numbers from 1" if most is None else f"the whole numbers 1 to {most}"
        raise ValueError(f"{argument}={value!r}: allowed are {allowed}")
    return value


def checked_seconds(value: object, *, argument: str, zero: bool = False) -> float:
    """A number of seconds above 0 (or from 0), up to a day."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST or (value == 0 and not zero):  # type: ignore[operator]
        allowed = f"numbers of seconds {'from' if zero else 'above'} 0 up to {LONGEST}"
        raise ValueError(f"{argument}={value!r}: allowed are {allowed}")
    return float(value)  # type: ignore[arg-type]


def checked_timeout(timeout: object) -> tuple[float, float]:
    """(connect, read) in seconds, from such a pair or from one number for both."""
    connect, read = timeout if isinstance(timeout, tuple | list) and len(timeout) == 2 else (timeout, timeout)
    return checked_seconds(connect, argument="timeout"), checked_seconds(read, argument="timeout")


def checked_token(token: object) -> str:
    """An API token; no message shows it."""
    if not isinstance(token, str) or not token:
        raise ValueError("token is empty: allowed is the programme's API token, as Partnero shows it")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("token holds a space, a line break or a character that no token has (not shown: it is secret)")
    return token


def checked_base_url(base_url: object) -> str:
    """An http(s) address without login, query and fragment; returned without a slash at its end."""
    if isinstance(base_url, str) and any(sign in base_url for sign in "?#@"):
        raise ValueError(
            "base_url has a query, a fragment or a login (not shown: it may be secret): "
            "allowed is http(s)://host[:port]/path"
        )
    base = _checked_http(base_url, argument="base_url").rstrip("/")
    host = urlsplit(base).hostname or ""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(
            f"base_url={base_url!r}: {host!r} is no host name, allowed is a host's name or address"
        ) from None
    return base


def checked_verify(verify: object) -> bool | str:
    """Whether to verify TLS certificates, or the path of a CA bundle."""
    if not isinstance(verify, bool) and (not isinstance(verify, str) or not verify):
        raise ValueError(f"verify={verify!r}: allowed are True, False and the path of a CA bundle")
    return verify


def checked_key(key: object, *, argument: str = "key") -> str:
    """A webhook's key, which may become a part of a path."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"{argument}={key!r}: allowed is a webhook's key, a text that is not empty")
    if "/" in key or key in {".", ".."}:
        raise ValueError(f"{argument}={key!r}: allowed is a key without '/', other than '.' and '..'")
    _checked_encodable(key, argument=argument)
    return key


def checked_name(name: object) -> str:
    """A webhook's name: not empty, also after :func:`trimmed`."""
    if not isinstance(name, str) or not trimmed(name):
        raise ValueError(f"name={name!r}: allowed is a text that is not empty")
    _checked_encodable(name, argument="name")
    return name


def trimmed(name: str) -> str:
    """The name as Partnero has it after a write."""
    return name.strip(_TRIMMED)


def checked_url(url: object) -> str:
    """An absolute http(s) URL."""
    return _checked_http(url, argument="url")


def checked_events(events: object) -> tuple[str, ...]:
    """The events without repetitions, in the order given."""
    if isinstance(events, str) or not isinstance(events, Iterable):
        raise ValueError(f"events={events!r}: allowed is a list of event names such as ['partner.created']")
    given = list(events)
    if not given:
        raise ValueError(f"events={events!r}: allowed is a list of at least one event name")
    for name in given:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f"events={given!r}: {name!r} is no event name, allowed are texts such as 'partner.created'"
            )
        _checked_encodable(name, argument="events")
    return tuple(dict.fromkeys(map(str, given)))


def checked_flag(value: object, *, argument: str) -> bool:
    """True or False, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise ValueError(f"{argument}={value!r}: allowed are True and False")
    return value


def _checked_http(url: object, *, argument: str) -> str:
    allowed = "allowed is an absolute http:// or https:// URL"
    if not isinstance(url, str):
        raise ValueError(f"{argument}={url!r}: {allowed}")
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as broken:
        raise ValueError(f"{argument}={url!r}: {broken}; {allowed}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise ValueError(f"{argument}={url!r}: {allowed}")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"{argument}={url!r}: {allowed}, without spaces and control characters")
    return url


def _checked_encodable(text: str, *, argument: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{argument}={text!r}: allowed is text that UTF-8 can hold (no lone surrogates)") from None
