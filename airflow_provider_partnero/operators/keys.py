"""The keys that we choose for webhooks, so that a repeated create finds what an earlier one made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError, is_about_key

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.hooks.partnero import PartneroHook

KEYS_TRIED = 3  # for one create whose key is derived

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


def task_keys(partnero_conn_id: str, ti: Any) -> list[str]:
    """The keys that one task instance may give the webhook it creates, whichever of its tries does it.

    :param ti: of Airflow's context.
    """
    map_index = getattr(ti, "map_index", None)
    parts = (partnero_conn_id, ti.dag_id, ti.task_id, ti.run_id, -1 if map_index is None else map_index)
    return [derived_key(*parts), *(derived_key(*parts, number) for number in range(1, KEYS_TRIED))]


def declared_keys(partnero_conn_id: str, name: str) -> list[str]:
    """The keys that a webhook declared without one may be given, so that it is known again whatever its live name.

    :param name: the declared name; all names of one normal form have the same keys.
    """
    from airflow_provider_partnero.api.names import normal_name

    parts = (partnero_conn_id, "reconcile", normal_name(name))
    return [derived_key(*parts, generation) for generation in range(KEYS_TRIED)]


def declared_key(partnero_conn_id: str, name: str) -> str:
    """The first of the :func:`declared_keys`."""
    return declared_keys(partnero_conn_id, name)[0]


def create_under(conn: PartneroClient | PartneroHook, spec: WebhookSpec, keys: Sequence[str | None]) -> Webhook:
    """Create a webhook under the first of the keys that Partnero takes: it may keep a deleted webhook's key taken.

    :param spec: what to create; its own key does not count.
    :param keys: at least one; a further one is tried only when no webhook has the one that was refused.
    :raises PartneroError: as :meth:`PartneroClient.create_webhook`, for the last key that was tried.
    """
    *others, last = keys
    for key in others:
        try:
            return _create(conn, replace(spec, key=key))
        except PartneroError as error:
            if key is None or not is_about_key(error) or _exists(conn, key):
                raise
    return _create(conn, replace(spec, key=last))


def _create(conn: PartneroClient | PartneroHook, spec: WebhookSpec) -> Webhook:
    return conn.create_webhook(name=spec.name, url=spec.url, events=spec.events, is_active=spec.is_active, key=spec.key)


def _exists(conn: PartneroClient | PartneroHook, key: str) -> bool:
    try:
        conn.get_webhook(key)
    except PartneroNotFoundError:
        return False
    return True
