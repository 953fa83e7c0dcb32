"""One normal form of a webhook's name: two names that a server may write for each other have the same one."""

from __future__ import annotations

import re
import unicodedata

# What Laravel trims from all texts it is sent: white space, and characters that nobody sees.
_TRIMMED = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff\u200b\u200e"

_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+")  # however often it was escaped
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def normal_name(name: str) -> str:
    """The name's normal form: HTML entities resolved, Unicode's normal form C, trimmed, single spaces within."""
    if "&" in name:
        name = _ENTITY.sub(_character, _AMPERSAND.sub("&", name))
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    return " ".join(trimmed(name).split())


def trimmed(name: str) -> str:
    """The name as Partnero stores it, by what Laravel does to texts."""
    return name.strip(_TRIMMED)


def _character(entity: re.Match[str]) -> str:
    """What an entity stands for; unlike ``html.unescape``, nothing is read into the beginning of a longer word."""
    from html import unescape
    from html.entities import html5

    return unescape(entity[0]) if entity[1].startswith("#") else html5.get(f"{entity[1]};", entity[0])
