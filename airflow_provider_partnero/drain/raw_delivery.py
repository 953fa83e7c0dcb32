"""A raw delivery as an edge function leaves it: one JSON object, with the body's bytes in base64."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH

_MOST_HEADERS = 100
_AROUND_BODY = 64 * 1024  # bytes for path, headers and punctuation
_LONGEST_CONN_ID = 250  # characters, as in Airflow's table
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")  # Latin-1, without control characters
_FRAMING = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding"})


class NotARawDeliveryError(ValueError):
    """An object in the storage is no raw delivery; the message says why, without what is in it."""


@dataclass(frozen=True, slots=True)
class RawDelivery:
    """What Partnero sent, byte for byte.

    :param conn_id: from the URL's path.
    :param headers: all values of each header, by its name in lower case; none that only concern one connection, such as
        ``content-length``.
    :param body: the bytes that are signed.
    """

    conn_id: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    @classmethod
    def from_bytes(cls, stored: bytes) -> RawDelivery:
        """Read ``{"path": "/partnero/webhooks/<connection id>", "headers": {...}, "body_base64": "..."}``.

        A header's value is a text, or a list of texts when the header came more than once.

        :raises NotARawDeliveryError: it is something else.
        """
        try:
            told = json.loads(stored)
        except (ValueError, RecursionError):
            raise NotARawDeliveryError("it is not JSON") from None
        if not isinstance(told, dict):
            raise NotARawDeliveryError("it is JSON, but no object")
        return cls(_conn_id(told.get("path")), _headers(told.get("headers")), _body(told.get("body_base64")))


def largest_object(max_body: int) -> int:
    """How many bytes a stored delivery may have.

    :param max_body: bytes that the receiver takes.
    """
    return (max_body + 2) // 3 * 4 + _AROUND_BODY


def _conn_id(path: Any) -> str:
    if isinstance(path, str) and RECEIVER_PATH in path:
        conn_id = unquote(path.partition("?")[0].rpartition(RECEIVER_PATH)[2].removesuffix("/"))
        if 0 < len(conn_id) <= _LONGEST_CONN_ID and conn_id.isprintable() and not _is_path(conn_id):
            return conn_id
    raise NotARawDeliveryError(f"path={short_repr(path)}: must end with {RECEIVER_PATH}<connection id>")


def _is_path(conn_id: str) -> bool:
    """Whether proxies and HTTP clients would make another URL of it."""
    return "/" in conn_id or conn_id in {".", ".."}


def _headers(told: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, dict) or len(told) > _MOST_HEADERS:
        raise NotARawDeliveryError(f"headers: must be an object of at most {_MOST_HEADERS} headers")
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in told.items():
        values = value if isinstance(value, list) else [value]
        if not _HEADER_NAME.fullmatch(name) or len(values) > _MOST_HEADERS:
            raise NotARawDeliveryError(f"headers: {short_repr(name)} is not a header's name, or comes too often")
        if not all(isinstance(one, str) and _HEADER_VALUE.fullmatch(one) for one in values):
            raise NotARawDeliveryError(f"headers: {short_repr(name)} must be a text, or a list of texts")
        if name.lower() not in _FRAMING:
            headers[name.lower()] = headers.get(name.lower(), ()) + tuple(one.strip("\t ") for one in values)
    return headers


def _body(told: Any) -> bytes:
    try:
        return b64decode(told, validate=True)
    except (TypeError, ValueError):
        raise NotARawDeliveryError("body_base64: must be the body's bytes in base64") from None
