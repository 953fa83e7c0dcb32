"""The webhooks at the tests' Partneros, with secrets that a search would find."""

from __future__ import annotations

from typing import Any

TOKEN = "tok-3fQ9zLw7-e2e"
SECRET = "sgn-5hTb2Kx8-e2e"


def webhook(key: str, **others: Any) -> dict[str, Any]:
    """A webhook as the sandbox takes it."""
    return {
        "key": key,
        "name": f"Name {key}",
        "url": "https://hooks.example.com/x",
        "events": ["partner.created"],
        "is_active": True,
        "signature": f"{SECRET}-{key}",
    } | others
