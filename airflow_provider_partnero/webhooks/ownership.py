"""The keys by which we know the webhooks that we made: derived from what asks for them."""

from __future__ import annotations

import hashlib
import json

from airflow_provider_partnero.api.names import normal_name

KEYS_TRIED = 3  # by one create, if the key is derived

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 12  # as in every sample of the specification


def derived_key(*parts: str | int) -> str:
    """12 characters ``[0-9A-Za-z]`` that depend on the parts only (71 bits of their SHA-256)."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    number = int.from_bytes(digest)
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def declared_keys(partnero_conn_id: str, name: str) -> list[str]:
    """The keys that a webhook declared without one may get; by them we recognise it even if it is renamed.

    :param name: the declared name; names with the same normal form have the same keys.
    """
    parts = (partnero_conn_id, "reconcile", normal_name(name))
    return [derived_key(*parts, generation) for generation in range(KEYS_TRIED)]


def declared_key(partnero_conn_id: str, name: str) -> str:
    """The first of the :func:`declared_keys`."""
    return declared_keys(partnero_conn_id, name)[0]
