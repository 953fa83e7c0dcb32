"""What an answer says: its JSON, and in a refusal Partnero's words and how long to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_partnero.api.models import Secret

_BYTES_OF_VALUE = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``repr`` leaves out what the server chose, so that no traceback that prints local variables shows a
    token that the server echoes.

    :param status: HTTP status code.
    :param reason: the words after it.
    :param headers: by name, in any case.
    :param size: bytes of the body.
    :param values: how many values its JSON has, about.
    :param payload: the JSON object in the body, with secrets that ``repr`` hides; None if it is anything else.
    """

    status: int
    reason: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    size: int
    values: int
    payload: dict[str, Any] | None = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def memory(self) -> int:
        """Bytes that its JSON takes once it is read, about."""
        return self.size + self.values * _BYTES_OF_VALUE

    @property
    def message(self) -> str:
        """Partnero's own words, or a description if it gave none."""
        if 300 <= self.status < 400:
            origin = _origin(self.headers.get("Location", ""))
            return f"a redirect to {origin}, which is not followed: is the base URL right?"
        payload = self.payload or {}
        for name in ("message", "error"):
            words = payload.get(name)
            if isinstance(words, str) and words.strip():
                return words
        if self.is_success:
            return 'a 2xx that says "status": 0'
        kind = self.headers.get("Content-Type", "").partition(";")[0]
        return f"{self.reason or 'no reason given'}{f' (an answer of type {kind})' if kind else ''}"

    @property
    def errors(self) -> list[tuple[str, list[str]]]:
        """Complaints by field, from a 422 in Laravel's form."""
        errors = (self.payload or {}).get("errors")
        if not isinstance(errors, Mapping):
            return []
        return [
            (str(name), [str(text) for text in (texts if isinstance(texts, list) else [texts])])
            for name, texts in errors.items()
        ]

    @property
    def date(self) -> datetime | None:
        """The moment of the answer by the server's clock, to the second; None if it does not tell."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def retry_after(self) -> float | None:
        """The seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3); a date is compared with the server's own clock."""
        value = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):  # the RFC has whole seconds; some servers send fractions
            return float(value)
        moment = _http_date(value)
        if moment is None:
            return None
        now = self.date or datetime.now(UTC)
        return max(0.0, (moment - now).total_seconds())


def json_object(content: bytearray) -> dict[str, Any] | None:
    """The JSON object in a body, with secrets that ``repr`` hides; None if it is anything else."""
    try:
        payload = json.loads(content, object_hook=_hide_signature)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _hide_signature(fields: dict[str, Any]) -> dict[str, Any]:
    if isinstance(fields.get("signature"), str):
        fields["signature"] = Secret(fields["signature"])
    return fields


def _origin(location: str) -> str:
    try:
        target = urlsplit(location)
        return f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else "another path"
    except ValueError:
        return "a malformed URL"


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
