"""The normal form of webhook names: a name and what a server may turn it into have the same normal form."""

from __future__ import annotations

import re
import unicodedata

# What Laravel trims from every text in a request: white space and invisible characters (its ``Str``).
_WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u2065"
    "\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3164\ufeff\uffa0\U0001d159\U0001d173\U0001d174\U0001d175\U0001d176"
    "\U0001d177\U0001d178\U0001d179\U0001d17a\U000e0020"
)
_TRIMMED = _WHITE_SPACE + _INVISIBLE

_SHORTEST_CUT = 20  # characters; no server cuts names as short as this

_LONGEST_WORD = 200  # characters that are composed; composing takes the square of a run of combining characters

_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#[xX]0*26);)+")  # however many times it was escaped
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def normal_name(name: str) -> str:
    """The name's normal form: HTML entities decoded, Unicode NFC, trimmed, runs of white space as one space."""
    return " ".join(map(_composed, trimmed(unescaped(name)).split()))


def unescaped(text: str) -> str:
    """The text with its HTML entities decoded, and ampersands however many times they were escaped."""
    return _ENTITY.sub(_character, _AMPERSAND.sub("&", text)) if "&" in text else text


def trimmed(text: str) -> str:
    """The text as Partnero stores it: Laravel trims the texts of a request."""
    return text.strip(_TRIMMED)


def is_padded(text: str, *, is_identifier: bool = False) -> bool:
    """Whether the text begins or ends with white space, a control character or an invisible one that Laravel trims.

    :param is_identifier: refuse every other invisible character, too. Names may need them: text in Hebrew or Arabic can
        end with a mark of direction, and the flag of Wales with a tag.
    """
    unseen = {"Cc", "Cf"} if is_identifier else {"Cc"}
    return trimmed(text) != text or any(unicodedata.category(end) in unseen for end in (*text[:1], *text[-1:]))


def is_cut_from(name: str, whole: str) -> bool:
    """Whether a name is another one cut short, as a server may store it."""
    cut, whole = normal_name(name), normal_name(whole)
    return _SHORTEST_CUT < len(cut) < len(whole) and whole.startswith(cut)


def is_respelled(name: str, original: str) -> bool:
    """Whether two names have the same letters and digits: a server may change their case, replace what it cannot store,
    or drop tags.
    """
    letters = _letters(name)
    return letters != "" and letters == _letters(original)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, _TAG.sub("", normal_name(name)).casefold()))


def _composed(word: str) -> str:
    return word if word.isascii() or len(word) > _LONGEST_WORD else unicodedata.normalize("NFC", word)


def _character(entity: re.Match[str]) -> str:
    """The character of an entity. Unlike ``html.unescape``, this leaves words alone that only start like an entity."""
    from html import unescape
    from html.entities import html5

    return unescape(entity[0]) if entity[1].startswith("#") else html5.get(f"{entity[1]};", entity[0])
