"""What a body says of itself before anybody has proven it: read from its beginning, at a cost that does not grow."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_LONGEST = 8_192  # bytes that are looked at: Partnero writes event, url, webhook_key and created_at before the data
_MOST_PAIRS = 16
_LONGEST_KEY = 200  # characters

# Possessive, so that a text which does not fit is read once.
_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"'
_SCALAR = rb"-?+[0-9][0-9.eE+-]*+|true|false|null"
_START = re.compile(_SPACE + rb"\{")
_PAIR = re.compile(
    rb"%b(%b)%b:%b(?:(%b)|%b)%b([,}])" % (_SPACE, _STRING, _SPACE, _SPACE, _STRING, _SCALAR, _SPACE), re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a body says of itself.

    :param event: None: it does not say so in time.
    :param webhook_key: the webhook that it claims to come from; None likewise.
    """

    event: str | None = None
    webhook_key: str | None = None


def read_claim(body: bytes) -> Claim | None:
    """Read the texts at the top of a JSON object, up to its first object or list; builds no tree, and never raises.

    Of a name that comes twice the last one counts, as for Python's parser.

    :returns: None when the body does not begin as a JSON object does.
    """
    start = _START.match(body, 0, _LONGEST)
    if start is None:
        return None
    said: dict[str, str | None] = {}
    at = start.end()
    for _ in range(_MOST_PAIRS):
        pair = _PAIR.match(body, at, _LONGEST)
        if pair is None:
            break
        name, text, end = pair.groups()
        said[_text(name) or ""] = _text(text) if text else None
        at = pair.end()
        if end == b"}":
            break
    key = said.get("webhook_key")
    return Claim(said.get("event"), key if key and len(key) <= _LONGEST_KEY else None)


def _text(token: bytes) -> str | None:
    """The text that a JSON string stands for, its escapes resolved."""
    try:
        text = json.loads(token)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
