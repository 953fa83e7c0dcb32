"""The server's words, made fit for a message: short, on one line, and without any secret that the client knows of."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_partnero.api.fields import LONGEST_SIGNATURE
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.api.redaction import HIDDEN, redact_url

_LONGEST_QUOTE = 500  # characters of Partnero's own words
_LONGEST_MASKED = 5_000  # characters of them that are looked at
_LONGEST_COMPLAINT = 200
_MOST_FIELDS, _MOST_COMPLAINTS = 10, 3  # of a 422 that an error lists
_REMEMBERED = 1_000  # signing secrets that were read last
_LEAST_BEGINNING = 4  # characters of a secret at the end of a text that was cut there
_MOST_BEGINNINGS = 20  # that are looked at; with more of them, the rest of the text is hidden unseen

_SIGNATURE = re.compile(r"""(signature\W{1,8})([^\s"'\\,;}&]+)""", re.IGNORECASE)
_AS_IN_A_URL = re.compile(r"[A-Za-z0-9_.~-]*")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_URL = re.compile(r"https?:[/\\]+[^\s\"'<>]+", re.IGNORECASE)


class Mask:
    """Hides the API token, the signing secrets that were read last, what is called a signature, and secrets in URLs.

    :param token: the API token.
    """

    def __init__(self, token: str) -> None:
        self._token = _spellings(token)
        self._signatures: deque[frozenset[Secret]] = deque(maxlen=_REMEMBERED)

    def learn(self, payload: Mapping[str, Any] | None) -> None:
        """Remember the signing secrets in an answer."""
        data = payload.get("data") if payload else None
        rows: Iterable[Any] = data if isinstance(data, list) else [data]
        for row in rows:
            secret = row.get("signature") if isinstance(row, dict) else None
            if isinstance(secret, Secret) and 3 < len(secret) <= LONGEST_SIGNATURE:
                self._signatures.append(_spellings(secret))

    def hide(self, text: str) -> str:
        """The text without the secrets, also if they are percent-encoded, or if it ends within one."""
        for spellings in (self._token, *self._signatures):
            for secret in spellings:
                text = _without(secret, text)
        return _SIGNATURE.sub(rf"\1{HIDDEN}", text)

    def quote(self, words: str) -> str:
        """The server's words for use in a message; they are shortened last, so that no part of a secret is left."""
        line = "".join(character if character.isprintable() else " " for character in words[:_LONGEST_MASKED].strip())
        return self.hide(_URL.sub(lambda url: redact_url(url[0]), line))[:_LONGEST_QUOTE]

    def complaints(self, errors: list[tuple[str, list[str]]]) -> dict[str, list[str]]:
        """The first complaints of a 422, by field; of what is said about a signature, only that it is."""
        return {
            self.quote(field)[:_LONGEST_COMPLAINT]: [
                HIDDEN if "signature" in field.lower() else self.quote(text)[:_LONGEST_COMPLAINT]
                for text in texts[:_MOST_COMPLAINTS]
            ]
            for field, texts in errors[:_MOST_FIELDS]
        }


def _spellings(secret: str) -> frozenset[Secret]:
    """The secret as it is, and as it is in a URL."""
    if _AS_IN_A_URL.fullmatch(secret):
        return frozenset({Secret(secret)})
    encoded = quote(secret, safe="")
    in_small = _ESCAPE.sub(lambda escape: escape[0].lower(), encoded)
    return frozenset(map(Secret, (secret, encoded, in_small)))


def _without(secret: str, text: str) -> str:
    if secret in text:
        text = text.replace(secret, HIDDEN)
    beginning, looked_from = secret[:_LEAST_BEGINNING], max(0, len(text) - len(secret))
    for _ in range(_MOST_BEGINNINGS):
        found = text.find(beginning, looked_from)
        if found < 0:
            return text
        if secret.startswith(text[found:]):
            break
        looked_from = found + 1
    return text[:found] + HIDDEN
