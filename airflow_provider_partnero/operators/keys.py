"""The keys that we choose for webhooks, so that a repeated create finds the webhook of an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError, is_about_key
from airflow_provider_partnero.webhooks.ownership import (
    KEYS_TRIED,
    declared_key,
    declared_keys,
    derived_key,
    under_declared_keys,
    under_live_keys,
)

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.hooks.partnero import PartneroHook

__all__ = [
    "KEYS_TRIED",
    "create_under",
    "declared_key",
    "declared_keys",
    "derived_key",
    "exists",
    "find_under",
    "task_keys",
    "under_declared_keys",
    "under_live_keys",
]


def task_keys(partnero_conn_id: str, ti: Any) -> list[str]:
    """The keys that one task instance may give to the webhook it creates, the same in each of its tries.

    :param ti: the task instance, from Airflow's context.
    """
    map_index = getattr(ti, "map_index", None)
    parts = (partnero_conn_id, ti.dag_id, ti.task_id, ti.run_id, -1 if map_index is None else map_index)
    return [derived_key(*parts), *(derived_key(*parts, number) for number in range(1, KEYS_TRIED))]


def create_under(
    conn: PartneroClient | PartneroHook, spec: WebhookSpec, keys: Sequence[str | None], **options: Any
) -> Webhook:
    """Create a webhook with the first key that Partnero accepts: it may refuse the key of a deleted webhook.

    :param spec: what to create; its own key is ignored.
    :param keys: at least one key. The next is tried only if Partnero refuses a key that no webhook has.
    :param options: ``if_exists``, ``is_retry`` and ``listed`` of :meth:`PartneroClient.create_webhook`.
    :raises PartneroError: as :meth:`PartneroClient.create_webhook` does, for the last key tried.
    """
    *others, last = keys
    for key in others:
        try:
            return conn.create_webhook(**_fields(replace(spec, key=key)), **options)
        except PartneroError as error:
            if key is None or not is_about_key(error) or exists(conn, key):
                raise
    return conn.create_webhook(**_fields(replace(spec, key=last)), **options)


def find_under(conn: PartneroClient | PartneroHook, spec: WebhookSpec, keys: Sequence[str]) -> Webhook | None:
    """The webhook that an earlier try created with one of these derived keys, or None.

    :raises PartneroConflictError: it differs from ``spec``.
    """
    found = (conn.find_webhook(**_fields(replace(spec, key=key)), is_ours=True) for key in keys)
    return next(filter(None, found), None)


def _fields(spec: WebhookSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "url": spec.url,
        "events": spec.events,
        "is_active": spec.is_active,
        "key": spec.key,
    }


def exists(conn: PartneroClient | PartneroHook, key: str) -> bool:
    """Whether a webhook has the key now."""
    try:
        conn.get_webhook(key)
    except PartneroNotFoundError:
        return False
    return True
