"""The normal form of webhook names: a name and what a server may turn it into have the same normal form."""

from __future__ import annotations

import re
import unicodedata

# What Laravel trims from every text in a request: white space and invisible characters.
_TRIMMED = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff\u200b\u200e"

_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+")  # however many times it was escaped
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def normal_name(name: str) -> str:
    """The name's normal form: HTML entities decoded, Unicode NFC, trimmed, runs of white space as one space."""
    if "&" in name:
        name = _ENTITY.sub(_character, _AMPERSAND.sub("&", name))
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    return " ".join(trimmed(name).split())


def trimmed(name: str) -> str:
    """The name as Partnero stores it: Laravel trims the texts of a request."""
    return name.strip(_TRIMMED)


def _character(entity: re.Match[str]) -> str:
    """The character of an entity. Unlike ``html.unescape``, this leaves words alone that only start like an entity."""
    from html import unescape
    from html.entities import html5

    return unescape(entity[0]) if entity[1].startswith("#") else html5.get(f"{entity[1]};", entity[0])
