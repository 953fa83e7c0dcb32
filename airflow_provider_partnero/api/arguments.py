"""Arguments are checked before any request.

Each function returns what is allowed. For anything else it raises a ``ValueError`` that names the argument, its value
(shortened, and without the secrets of a URL) and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from airflow_provider_partnero.api.names import trimmed

LIMIT_RANGE = range(10, 101)  # the specification, "Get a list of webhooks"
LONGEST = 86_400  # seconds that anything may take or wait
MOST_PAGES_AT_ONCE = 64
PARTNERO_URL = "https://api.partnero.com/v1"

_LONGEST_SHOWN = 120  # characters of a value in a message


def checked_limit(limit: object, *, argument: str = "limit") -> int:
    """A number of webhooks on a page, 10 to 100."""
    if not isinstance(limit, int) or isinstance(limit, bool) or limit not in LIMIT_RANGE:
        raise ValueError(f"{argument}={_shown(limit)}: allowed are the whole numbers 10 to 100")
    return limit


def checked_count(value: object, *, argument: str, most: int | None = None) -> int:
    """A whole number from 1, up to ``most`` if there is such a bound."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        allowed = "whole numbers from 1" if most is None else f"the whole numbers 1 to {most}"
        raise ValueError(f"{argument}={_shown(value)}: allowed are {allowed}")
    return value


def checked_seconds(value: object, *, argument: str, zero: bool = False) -> float:
    """A number of seconds above 0 (or from 0), up to a day."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST or (value == 0 and not zero):  # type: ignore[operator]
        allowed = f"numbers of seconds {'from' if zero else 'above'} 0 up to {LONGEST}"
        raise ValueError(f"{argument}={_shown(value)}: allowed are {allowed}")
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
            f"base_url={_shown(base_url)}: {_shown(host)} is not a host name, allowed is a host's name or address"
        ) from None
    return base


def checked_verify(verify: object) -> bool | str:
    """Whether to verify TLS certificates, or the path of a CA bundle."""
    if not isinstance(verify, bool) and (not isinstance(verify, str) or not verify):
        raise ValueError(f"verify={_shown(verify)}: allowed are True, False and the path of a CA bundle")
    return verify


def checked_key(key: object, *, argument: str = "key") -> str:
    """A webhook's key, which may become a part of a path."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"{argument}={_shown(key)}: allowed is a webhook's key, a text that is not empty")
    if "/" in key or key in {".", ".."}:
        raise ValueError(f"{argument}={_shown(key)}: allowed is a key without '/', other than '.' and '..'")
    _checked_encodable(key, argument=argument)
    return key


def checked_name(name: object) -> str:
    """A webhook's name: not empty, also when it is trimmed."""
    if not isinstance(name, str) or not trimmed(name):
        raise ValueError(f"name={_shown(name)}: allowed is a text that is not empty")
    _checked_encodable(name, argument="name")
    return name


def checked_url(url: object) -> str:
    """An absolute http(s) URL."""
    return _checked_http(url, argument="url")


def checked_events(events: object) -> tuple[str, ...]:
    """The events without repetitions, in the order given."""
    if isinstance(events, str) or not isinstance(events, Iterable):
        raise ValueError(f"events={_shown(events)}: allowed is a list of event names such as ['partner.created']")
    given = list(events)
    if not given:
        raise ValueError(f"events={_shown(events)}: allowed is a list of at least one event name")
    for name in given:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f"events={_shown(given)}: {_shown(name)} is not an event name, "
                "allowed are texts such as 'partner.created'"
            )
        _checked_encodable(name, argument="events")
    return tuple(dict.fromkeys(map(str, given)))


def checked_flag(value: object, *, argument: str) -> bool:
    """True or False, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise ValueError(f"{argument}={_shown(value)}: allowed are True and False")
    return value


def unknown_name(name: object, allowed: Iterable[str], *, what: str) -> str:
    """The complaint about a name that is not one of those allowed, with the nearest one.

    :param what: what the name should be, such as ``"field"``.
    """
    from difflib import get_close_matches

    allowed = tuple(allowed)
    nearest = get_close_matches(str(name)[:_LONGEST_SHOWN], allowed, n=1)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    return f"unknown {what} {_shown(name)}{hint}; allowed are {', '.join(allowed)}"


def _checked_http(url: object, *, argument: str) -> str:
    allowed = "allowed is an absolute http:// or https:// URL, without spaces and control characters"
    if not isinstance(url, str):
        raise ValueError(f"{argument}={_shown(url)}: {allowed}")
    if not _is_http(url):
        from airflow_provider_partnero.api.redaction import redact_url

        raise ValueError(f"{argument}={_shown(redact_url(url))}: {allowed}")
    return url


def _is_http(url: str) -> bool:
    if not url.isprintable() or any(character.isspace() for character in url):
        return False
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and has_port


def _checked_encodable(text: str, *, argument: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{argument}={_shown(text)}: allowed is text that UTF-8 can hold (no lone surrogates)"
        ) from None


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 1]}…"
