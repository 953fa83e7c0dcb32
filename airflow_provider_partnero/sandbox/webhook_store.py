"""The sandbox's webhooks, in the order in which they were created."""

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


def _defaults() -> dict[str, Any]:
    return {
        "key": random_text(12),
        "name": "Webhook",
        "url": "https://receiver.example/partnero",
        "is_active": True,
        "signature": random_text(16),
        "events": ["partner.created"],
    }


@dataclass(slots=True)
class _Entry:
    fields: dict[str, Any]
    active_from: float

    def shown(self, now: float) -> dict[str, Any]:
        return self.fields if now >= self.active_from else {**self.fields, "is_active": False}


class WebhookStore:
    """Webhooks by key. The dicts that it returns are its own; callers must not change them."""

    def __init__(self) -> None:
        self._entries: dict[str | int, _Entry] = {}
        self._keyless = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def clear(self) -> None:
        """Delete all webhooks."""
        self._entries.clear()

    def put(
        self, webhook: Mapping[str, Any], *, front: bool = False, activation_delay: float = 0.0, is_whole: bool = False
    ) -> dict[str, Any]:
        """Add a webhook without validation. Missing fields are filled in and unknown ones are kept.

        A webhook whose key exists already replaces that one and keeps its place. A number as key is found under its
        digits; a webhook without a key is only listed.

        :param front: put a new webhook before all others instead of behind them.
        :param activation_delay: seconds for which it shows as inactive, whatever ``is_active`` says.
        :param is_whole: fill in nothing.
        """
        fields = dict(webhook) if is_whole else {**_defaults(), **webhook}
        place = self._place(fields.get("key"))
        entry = _Entry(fields, time.monotonic() + activation_delay if activation_delay else 0.0)
        if front and place not in self._entries:
            self._entries = {place: entry, **self._entries}
        else:
            self._entries[place] = entry
        return entry.shown(time.monotonic())

    def _place(self, key: object) -> str | int:
        if isinstance(key, str):
            return key
        if isinstance(key, int | float):
            return str(key)
        self._keyless += 1
        return self._keyless

    def get(self, key: str) -> dict[str, Any] | None:
        """The webhook with this key, or None."""
        entry = self._entries.get(key)
        return entry.shown(time.monotonic()) if entry else None

    def update(self, key: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a webhook.

        :raises KeyError: no webhook has this key.
        """
        entry = self._entries[key]
        entry.fields = {**entry.fields, **changes}
        return entry.shown(time.monotonic())

    def delete(self, key: str) -> bool:
        """Delete a webhook; returns whether it existed."""
        return self._entries.pop(key, None) is not None

    def slice(self, start: int, count: int, *, newest_first: bool = False) -> list[dict[str, Any]]:
        """At most ``count`` webhooks from position ``start`` on, oldest or newest first."""
        values = self._entries.values()
        now = time.monotonic()
        ordered = reversed(values) if newest_first else iter(values)
        return [entry.shown(now) for entry in islice(ordered, start, start + count)]

    def all(self) -> list[dict[str, Any]]:
        """All webhooks, oldest first."""
        return self.slice(0, len(self))
