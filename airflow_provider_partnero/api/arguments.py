"""Checks of arguments, made before any request.

Each function returns the value if it is allowed. If not, it raises a ``ValueError`` that names the argument, its value
(shortened, and without the secrets of a URL) and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from airflow_provider_partnero.api.names import is_padded, trimmed
from airflow_provider_partnero.api.quoting import short_repr

LIMIT_RANGE = range(10, 101)  # the specification, "Get a list of webhooks"
CALL_SECONDS = 120.0  # that one call may take by default
LONGEST = 86_400  # seconds, for every time-out and wait
MOST_PAGES_AT_ONCE = 64
PARTNERO_URL = "https://api.partnero.com/v1"

_LONGEST_MEANT = 120  # characters of a name for which a similar one is sought


def checked_limit(limit: object, *, argument: str = "limit") -> int:
    """The number of webhooks on a page, 10 to 100."""
    if not isinstance(limit, int) or isinstance(limit, bool) or limit not in LIMIT_RANGE:
        raise ValueError(f"{argument}={short_repr(limit)}: must be a whole number from 10 to 100")
    return limit


def checked_count(value: object, *, argument: str, most: int | None = None) -> int:
    """A whole number from 1, and at most ``most`` unless that is None."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        allowed = "a whole number, at least 1" if most is None else f"a whole number from 1 to {most}"
        raise ValueError(f"{argument}={short_repr(value)}: must be {allowed}")
    return value


def checked_seconds(value: object, *, argument: str, zero: bool = False) -> float:
    """A number of seconds: above 0 (or from 0 if ``zero``), at most a day."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LONGEST or (value == 0 and not zero):  # type: ignore[operator]
        allowed = f"{'from' if zero else 'above'} 0, at most {LONGEST}"
        raise ValueError(f"{argument}={short_repr(value)}: must be a number of seconds {allowed}")
    return float(value)  # type: ignore[arg-type]


def checked_timeout(timeout: object) -> tuple[float, float]:
    """The pair (connect, read) in seconds, from such a pair or from one number for both."""
    connect, read = timeout if isinstance(timeout, tuple | list) and len(timeout) == 2 else (timeout, timeout)
    return checked_seconds(connect, argument="timeout"), checked_seconds(read, argument="timeout")


def checked_token(token: object) -> str:
    """An API token; it is never part of a message."""
    if token is not None and not isinstance(token, str):
        raise ValueError(f"token is a {type(token).__name__} (not shown: it is secret): must be a text")
    if not token:
        raise ValueError("token is empty: set it to the programme's API token, as Partnero shows it")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("token holds a space, a line break or a character that no token has (not shown: it is secret)")
    return token


def checked_base_url(base_url: object) -> str:
    """An http(s) URL without login, query and fragment; returned without a trailing slash."""
    if isinstance(base_url, str) and any(sign in base_url for sign in "?#@"):
        raise ValueError(
            "base_url has a query, a fragment or a login (not shown: it may be secret): "
            "must be http(s)://host[:port]/path"
        )
    base = _checked_http(base_url, argument="base_url").rstrip("/")
    host = urlsplit(base).hostname or ""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(
            f"base_url={short_repr(base_url)}: {short_repr(host)} is neither a host name nor an IP address"
        ) from None
    return base


def checked_verify(verify: object) -> bool | str:
    """Whether to verify TLS certificates, or the path of a CA bundle."""
    if not isinstance(verify, bool) and (not isinstance(verify, str) or not verify):
        raise ValueError(f"verify={short_repr(verify)}: must be True, False or the path of a CA bundle")
    return verify


def checked_key(key: object, *, argument: str = "key") -> str:
    """A webhook's key, fit to be a segment of a path.

    It may hold a space, but not begin or end with one: such a key is that of no webhook (Partnero trims what it
    stores), so a delete with it would find nothing and seem to have succeeded. The same goes for ``"None"`` and for
    the text of a list or mapping.
    """
    if fault := _fault_of(key) or _padding_of(key, is_identifier=True):
        raise ValueError(f"{argument}={short_repr(key)}: must be a webhook's key, {fault}")
    text = str(key)
    if text[0] + text[-1] in {"[]", "{}"}:
        raise ValueError(
            f"{argument}={short_repr(text)}: must be a webhook's key, not a list or mapping, which is what a template "
            "renders for the output of several tasks or for a whole webhook"
        )
    if "/" in text or text in {".", ".."}:
        raise ValueError(f"{argument}={short_repr(text)}: must be a key without '/', and neither '.' nor '..'")
    return text


def checked_name(name: object, *, argument: str = "name") -> str:
    """A webhook's name, without white space around it."""
    if fault := _fault_of(name) or _padding_of(name, is_identifier=False):
        raise ValueError(f"{argument}={short_repr(name)}: must be a webhook's name, {fault}")
    return str(name)


def checked_url(url: object, *, argument: str = "url") -> str:
    """An absolute http(s) URL."""
    return _checked_http(url, argument=argument)


def checked_events(events: object, *, argument: str = "events") -> tuple[str, ...]:
    """The events without repetitions: in the order given, or sorted if they are a set.

    :param events: an iterable of names, at least one. A generator is read once. A text or a mapping is refused.
    """
    if isinstance(events, str | bytes | Mapping) or not isinstance(events, Iterable):
        raise ValueError(
            f"{argument}={short_repr(events)}: must be a list of event names such as ['partner.created'], "
            f"not {_type_name(events)}"
        )
    names = tuple(events)
    if not names:
        raise ValueError(f"{argument}={short_repr(events)}: must hold at least one event name")
    for name in names:
        if fault := _fault_of(name) or _padding_of(name, is_identifier=True):
            raise ValueError(
                f"{argument}={short_repr([*names])}: {short_repr(name)} is not an event name such as "
                f"'partner.created'; must be {fault}"
            )
    distinct = tuple(dict.fromkeys(map(str, names)))
    return tuple(sorted(distinct)) if isinstance(events, AbstractSet) else distinct


def trimmed_name(name: object) -> str:
    """A webhook's name, without the white space around it, which Partnero drops as well.

    Python code and files may have it: in YAML a block ends with a line break, and whatever was read from Partnero can
    be declared again. In an argument of an operator it is more likely a template's mistake; use :func:`checked_name`.
    """
    if fault := _fault_of(name):
        raise ValueError(f"name={short_repr(name)}: must be a webhook's name, {fault}")
    return trimmed(str(name))


def trimmed_events(events: object) -> tuple[str, ...]:
    """The events as :func:`checked_events` returns them, each without the white space around it."""
    if isinstance(events, str | bytes | Mapping | AbstractSet) or not isinstance(events, Iterable):
        return checked_events(events)
    return checked_events([(isinstance(event, str) and trimmed(event)) or event for event in events])


def checked_flag(value: object, *, argument: str) -> bool:
    """A bool; other true or false values, such as 1, are refused."""
    if not isinstance(value, bool):
        raise ValueError(f"{argument}={short_repr(value)}: must be True or False")
    return value


def unknown_name(name: object, allowed: Iterable[str], *, what: str) -> str:
    """A message about a name that is not allowed, with the one that was probably meant.

    :param what: what the name should be, such as ``"field"``.
    """
    from difflib import get_close_matches

    allowed = tuple(allowed)
    folded = {one.casefold(): one for one in reversed(allowed)}
    nearest = get_close_matches(name[:_LONGEST_MEANT].casefold(), folded, n=1) if isinstance(name, str) else ()
    hint = f" (did you mean {folded[nearest[0]]!r}?)" if nearest else ""
    return f"unknown {what} {short_repr(name)}{hint}; allowed: {', '.join(allowed)}"


def _checked_http(url: object, *, argument: str) -> str:
    allowed = "must be an absolute http:// or https:// URL without spaces and control characters"
    if url is None or isinstance(url, int | float):
        raise ValueError(f"{argument}={short_repr(url)}: {allowed}")
    if not isinstance(url, str):
        raise ValueError(f"{argument} is a {type(url).__name__} (not shown, it may hold a secret): {allowed}")
    if not _is_http(url):
        from airflow_provider_partnero.api.redaction import redact_url

        raise ValueError(f"{argument}={short_repr(redact_url(url))}: {allowed}")
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


def _fault_of(text: object) -> str | None:
    """What a key, a name or an event name must be and is not; None if there is nothing to complain about."""
    if not isinstance(text, str):
        return f"a text, not {_type_name(text)}"
    if not trimmed(text):
        return "a text that is not empty"
    if trimmed(text) == "None":
        return "not 'None', which is what a template renders for a value that is not there"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a text that UTF-8 can encode (no lone surrogates)"
    return None


def _padding_of(text: object, *, is_identifier: bool) -> str | None:
    if is_padded(str(text), is_identifier=is_identifier):
        return "without white space, control and other invisible characters around it"
    return None


def _type_name(value: object) -> str:
    return "None" if value is None else type(value).__name__
