"""Creating under keys of ours, which Partnero may refuse although no webhook has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError, is_about_key

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.hooks.partnero import PartneroHook

KEYS_TRIED = 3  # for one create whose key is derived


def created(conn: PartneroClient | PartneroHook, wanted: Mapping[str, Any], keys: Sequence[str | None]) -> Webhook:
    """Create a webhook under the first of the keys that Partnero takes.

    It may keep a key taken after its webhook was deleted.

    :param wanted: the other arguments of :meth:`PartneroClient.create_webhook`.
    :param keys: at least one; a further one is tried only when no webhook has the one that was refused.
    :raises PartneroError: as :meth:`PartneroClient.create_webhook`, for the last key that was tried.
    """
    *others, last = keys
    for key in others:
        try:
            return conn.create_webhook(**wanted, key=key)
        except PartneroError as error:
            if key is None or not is_about_key(error) or _is_there(conn, key):
                raise
    return conn.create_webhook(**wanted, key=last)


def _is_there(conn: PartneroClient | PartneroHook, key: str) -> bool:
    try:
        conn.get_webhook(key)
    except PartneroNotFoundError:
        return False
    return True
