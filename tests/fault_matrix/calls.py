"""The calls of the client, and the request of each that meets the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api import PartneroClient, Webhook
from airflow_provider_partnero.api.arguments import CALL_SECONDS

from .store import NEW, Request, Store

KEY = "k001"


@dataclass(frozen=True)
class Call:
    """One call.

    :param name: as the page calls it.
    :param method: the client's method.
    :param make: makes the call.
    :param meets: whether a request of it meets the fault.
    :param judge: what came back, in words; the store is as the call left it.
    :param is_write: whether it changes something.
    :param size: webhooks that are there before.
    :param ignores_keys: whether the server does.
    :param seconds: within which the request that meets the fault must have succeeded.
    """

    name: str
    method: str
    make: Callable[[PartneroClient], Any]
    meets: Callable[[Request], bool]
    judge: Callable[[Any, Store], str] = lambda _result, _store: "returned"
    is_write: bool = False
    size: int = 3
    ignores_keys: bool = False
    seconds: float = CALL_SECONDS


def _all(result: list[Webhook], store: Store) -> str:
    missing = len(store.webhooks.keys() - {webhook.key for webhook in result})
    more = len(result) + missing - len(store.webhooks)
    words = ["returned", f"{missing} missing" if missing else "", f"{more} gone or odd" if more else ""]
    return ", ".join(filter(None, words))


def _right(result: Webhook | None, store: Store) -> str:
    return "returned" if result and result.key in store.webhooks else f"returned {result and 'another'}"


def _told(result: object, _store: Store) -> str:
    return "returned" if result is not None else "returned None"


def _is(method: str, path: str) -> Callable[[Request], bool]:
    return lambda request: (request.method, request.path) == (method, path)


def _page(number: int) -> Callable[[Request], bool]:
    return lambda request: request.is_list and request.page == number


def _create(client: PartneroClient) -> Webhook:
    return client.create_webhook(**NEW, key="new")


READS = (
    Call("list one page", "list_webhooks", lambda client: client.list_webhooks(), _page(1), _all),
    Call("iterate", "iter_webhooks", lambda client: list(client.iter_webhooks()), _page(2), _all, size=250),
    Call(
        "iterate consistently",
        "iter_webhooks",
        lambda client: list(client.iter_webhooks(consistent=True)),
        _page(2),
        _all,
        size=250,
    ),
    Call("get", "get_webhook", lambda client: client.get_webhook(KEY), _is("GET", f"/webhooks/{KEY}"), _right),
    Call(
        "find",
        "find_webhook",
        lambda client: client.find_webhook(**{**NEW, "name": KEY}, key=KEY, by_content=True),
        _is("GET", f"/webhooks/{KEY}"),
        _right,
    ),
    Call("ping", "ping", lambda client: client.ping(), _is("GET", "/test")),
    Call("clock_lead", "clock_lead", lambda client: client.clock_lead(), _is("GET", "/test"), _told),
    Call("get_program", "get_program", lambda client: client.get_program(), _is("GET", "/program"), _told, seconds=10),
)
CHANGES = (
    Call(
        "update",
        "update_webhook",
        lambda client: client.update_webhook(KEY, name="Changed"),
        _is("PUT", f"/webhooks/{KEY}"),
        _right,
        is_write=True,
    ),
    Call(
        "delete",
        "delete_webhook",
        lambda client: client.delete_webhook(KEY),
        _is("DELETE", f"/webhooks/{KEY}"),
        is_write=True,
    ),
)
_POST = _is("POST", "/webhooks")


def _creating(
    name: str,
    meets: Callable[[Request], bool] = _POST,
    *,
    make: Callable[[PartneroClient], Webhook] = _create,
    ignores_keys: bool = False,
    seconds: float = CALL_SECONDS,
) -> Call:
    return Call(name, "create_webhook", make, meets, _right, is_write=True, ignores_keys=ignores_keys, seconds=seconds)


CREATES = (
    _creating("create with a key"),
    _creating("the same, where keys are ignored", ignores_keys=True),
    _creating("create with a key, at its look for the key", _is("GET", "/webhooks/new")),
    _creating("create with a key, at its look at the list", _page(1), seconds=CALL_SECONDS / 2),
    _creating("create without a key", make=lambda client: client.create_webhook(**NEW)),
)
GROUPS = {"Reading": READS, "Changing and deleting": CHANGES, "Creating": CREATES}
CALLS = tuple(call for group in GROUPS.values() for call in group)
