"""JSON as bytes: two ways of writing it, because signatures cover raw bytes, and one of reading it."""

from __future__ import annotations

import json
from typing import Any


def php_json(value: Any) -> bytes:
    """What PHP's ``json_encode`` writes by default: ``\\/`` for a slash, ``\\uXXXX`` for anything but ASCII."""
    # In JSON a slash can occur only within strings, so replacing all of them is safe.
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def compact_json(value: Any) -> bytes:
    """What JavaScript's ``JSON.stringify`` writes: UTF-8, with as few escapes as possible."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def read_json(body: bytes) -> Any:
    """The value in a body, read as strictly as PHP's ``json_decode``: without NaN and unpaired surrogates.

    :raises ValueError: the body is not JSON.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
