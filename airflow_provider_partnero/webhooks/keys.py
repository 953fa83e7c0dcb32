"""Keys that we choose for webhooks we create, so that a repeated create finds what an earlier one made."""

from __future__ import annotations

import hashlib
import json

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 12  # as in every sample of the specification


def derived_key(*parts: str | int) -> str:
    """12 characters ``[0-9A-Za-z]`` that depend on nothing but the parts (71 bits of their SHA-256)."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    number = int.from_bytes(digest)
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)
