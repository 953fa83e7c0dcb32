"""The programme's webhooks, in the order in which they were made."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

_ALPHABET = string.digits + string.ascii_letters


def random_text(length: int) -> str:
    """Characters ``[0-9A-Za-z]``, as in the keys (12) and signatures (16) of Partnero's samples."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))


@dataclass(slots=True)
class _Record:
    fields: dict[str, Any]
    active_from: float

    def shown(self, now: float) -> dict[str, Any]:
        return self.fields if now >= self.active_from else {**self.fields, "is_active": False}


class WebhookStore:
    """Webhooks by key; the dicts it hands out are its own and must not be changed."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def clear(self) -> None:
        """Delete all of them."""
        self._records.clear()

    def put(self, webhook: Mapping[str, Any], *, front: bool = False, activation_delay: float = 0.0) -> dict[str, Any]:
        """Put a webhook as it is, without any check; what is missing is filled in, what is unknown is kept.

        A key that is there already keeps its place, and what it had is replaced.

        :param front: put it before all others, not behind them.
        :param activation_delay: seconds during which it shows as inactive whatever ``is_active`` says.
        :raises ValueError: the key is not text.
        """
        fields = {
            "key": random_text(12),
            "name": "Webhook",
            "url": "https://receiver.example/partnero",
            "is_active": True,
            "signature": random_text(16),
            "events": ["partner.created"],
            **webhook,
        }
        key = fields["key"]
        if not isinstance(key, str):
            raise ValueError(f"the key of a webhook is {key!r}; allowed: text")
        record = _Record(fields, time.monotonic() + activation_delay if activation_delay else 0.0)
        if front and key not in self._records:
            self._records = {key: record, **self._records}
        else:
            self._records[key] = record
        return record.shown(time.monotonic())

    def get(self, key: str) -> dict[str, Any] | None:
        """The webhook with this key, or None."""
        record = self._records.get(key)
        return record.shown(time.monotonic()) if record else None

    def update(self, key: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a webhook.

        :raises KeyError: none has this key.
        """
        record = self._records[key]
        record.fields = {**record.fields, **changes}
        return record.shown(time.monotonic())

    def delete(self, key: str) -> bool:
        """Delete a webhook; returns whether there was one."""
        return self._records.pop(key, None) is not None

    def slice(self, start: int, count: int, *, newest_first: bool = False) -> list[dict[str, Any]]:
        """At most ``count`` webhooks from position ``start`` on, oldest or newest first."""
        values = self._records.values()
        now = time.monotonic()
        ordered = reversed(values) if newest_first else iter(values)
        return [record.shown(now) for record in islice(ordered, start, start + count)]

    def all(self) -> list[dict[str, Any]]:
        """All webhooks, oldest first."""
        return self.slice(0, len(self))
