"""The keys by which we know the webhooks that we made: derived from what asks for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.names import normal_name

if TYPE_CHECKING:
    from airflow_provider_partnero.api.models import Webhook
    from airflow_provider_partnero.api.specs import WebhookSpec

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


def under_declared_keys(partnero_conn_id: str, specs: Sequence[WebhookSpec]) -> tuple[WebhookSpec, ...]:
    """The specifications of a declaration, each with its declared key, else with a derived one.

    :raises PlanError: two of them cannot be told apart.
    """
    from airflow_provider_partnero.webhooks.matching import check_distinct

    check_distinct(specs)
    return tuple(spec if spec.key else replace(spec, key=declared_key(partnero_conn_id, spec.name)) for spec in specs)


def under_live_keys(
    partnero_conn_id: str, specs: Sequence[WebhookSpec], webhooks: Sequence[Webhook]
) -> tuple[WebhookSpec, ...]:
    """The specifications, each with the derived key that its live webhook has: a later one if the first was refused."""
    live = {webhook.key for webhook in webhooks}

    def with_live_key(spec: WebhookSpec) -> WebhookSpec:
        first, *later = declared_keys(partnero_conn_id, spec.name)
        if spec.key != first or first in live:
            return spec
        return next((replace(spec, key=key) for key in later if key in live), spec)

    return tuple(map(with_live_key, specs))
