"""What the ledger keeps of a delivery: the ``extra`` of its asset event, encrypted with Airflow's Fernet key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_CLEAR_START = b"{"  # no token of Fernet starts with it


class UnreadableError(Exception):
    """What is kept cannot be read; the message says why, and quotes nothing of it."""


def pack(extra: Mapping[str, Any]) -> bytes:
    """The bytes to keep.

    Without a Fernet key they are in clear, as Airflow's own connections are then.
    """
    from airflow.models.crypto import get_fernet

    return get_fernet().encrypt(json.dumps(extra, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(kept: bytes) -> dict[str, Any]:
    """What :func:`pack` was given.

    :raises UnreadableError: Airflow's Fernet key is another one now, or gone.
    """
    try:
        extra = json.loads(kept if kept.startswith(_CLEAR_START) else _decrypt(kept))
    except ValueError:
        raise UnreadableError("what is kept of it is no JSON") from None
    if not isinstance(extra, dict):
        raise UnreadableError("what is kept of it is no JSON object")
    return extra


def _decrypt(token: bytes) -> bytes:
    from airflow.models.crypto import get_fernet
    from cryptography.fernet import InvalidToken

    fernet = get_fernet()
    if not fernet.is_encrypted:
        raise UnreadableError("it is encrypted, and [core] fernet_key is empty here")
    try:
        return fernet.decrypt(token)
    except InvalidToken:
        raise UnreadableError("it is encrypted with a key that [core] fernet_key does not name here") from None
