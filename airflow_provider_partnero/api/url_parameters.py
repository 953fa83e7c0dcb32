"""The parameters of a URL that hold secrets, those of URLs within its parameters included.

What counts as a secret is the caller's: :mod:`.redaction` hides what may be one, and the audit reports what surely is
one. This works on the text and not on a parsed URL: one that cannot be parsed may hold a password, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_PARAMETER = re.compile(r"[?#&;]([^=&;#?]*)=")
_VALUE = re.compile(r"[^&;#]+")
_START = re.compile(r"[^&;#]{1,512}")  # bounded: where every second character is a "?", values reach into each other
_ENCODED = re.compile(r"[^&;#?]*")
LEVELS = 2
"""How many levels of percent-encoding are decoded: a URL in a URL in a URL."""


@dataclass(frozen=True, slots=True)
class SecretParameter:
    """A parameter with a secret.

    :param name: decoded, without what cannot be printed.
    :param start: where its value starts in the URL.
    :param end: where its value ends.
    """

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Secrecy:
    """What counts as a secret.

    :param is_secret: whether a parameter is secret, by its name and the first 512 characters of its value, not decoded.
    :param holds_secret: whether a decoded value has a secret in it besides its parameters: a login, a token.
    """

    is_secret: Callable[[str, str], bool]
    holds_secret: Callable[[str], bool]


def secret_parameters(url: str, secrecy: Secrecy, levels: int = LEVELS) -> Iterator[SecretParameter]:
    """The parameters with secret values, from left to right. Other values are searched too, since they may be URLs.

    :param levels: how many times a value is decoded to see whether it is a URL with a secret.
    """
    place = 0
    while parameter := _PARAMETER.search(url, place):
        place = parameter.end()
        name = _printable(unquote(parameter[1]))
        start = _START.match(url, place)
        if start is None:
            continue
        value = _VALUE.match(url, place) if secrecy.is_secret(name, start[0]) else None
        if value is None and levels:
            encoded = _ENCODED.match(url, place)
            value = encoded if encoded and _has_secret_within(encoded[0], secrecy, levels - 1) else None
        if value:
            yield SecretParameter(name, place, value.end())
            place = value.end()


def _has_secret_within(value: str, secrecy: Secrecy, levels: int) -> bool:
    decoded = unquote(value) if "%" in value else value
    if decoded == value:
        return False
    return secrecy.holds_secret(decoded) or next(secret_parameters(decoded, secrecy, levels), None) is not None


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())
