"""Webhooks as a server may show them though no page documents it: null, numbers for text, text for truth, gaps."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import Api, Receiver

WHOLE = {
    "key": "odd",
    "name": "Odd",
    "url": "https://receiver.example/odd",
    "is_active": True,
    "signature": "s",
    "events": ["partner.created"],
}
ODD: list[dict[str, Any]] = [
    {"name": None},
    {"url": None},
    *({"is_active": value} for value in ("1", "0", 1, 0, None, "false", "")),
    *({"events": value} for value in ({"0": "partner.created", "2": "customer.created"}, None, "partner.created", {})),
    {"signature": None},
    {"signature": 5},
]


@pytest.mark.parametrize("change", ODD, ids=str)
def test_an_odd_field_is_shown_as_it_is(api: Api, sandbox: Sandbox, change: dict[str, Any]) -> None:
    odd = {**WHOLE, **change}
    sandbox.put_webhooks([odd])
    shown = [api.get("/webhooks/odd").json()["data"], *api.get("/webhooks").json()["data"], *sandbox.webhooks()]
    assert [list(one.items()) for one in shown] == [list(odd.items())] * 3
    assert [type(one[name]) for one in shown for name in change] == [type(value) for value in change.values()] * 3


@pytest.mark.parametrize("name", WHOLE)
def test_a_field_may_be_missing(api: Api, sandbox: Sandbox, name: str) -> None:
    gap = {field: value for field, value in WHOLE.items() if field != name}
    sandbox.put_webhooks([gap, {}], whole=True)
    assert api.get("/webhooks").json()["data"] == [gap, {}]


def test_a_number_as_key_is_found_under_its_digits(api: Api, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": 7, "name": "seven"}])
    assert api.get("/webhooks/7").json()["data"]["key"] == 7
    assert api.call("PUT", "/webhooks/7", json={"name": "changed"}).json()["data"]["name"] == "changed"
    sandbox.put_webhooks([{"key": 7}])
    assert [webhook["name"] for webhook in sandbox.webhooks()] == ["Webhook"]
    sandbox.delete_webhook("7")
    assert sandbox.webhooks() == []


@pytest.mark.parametrize("key", [None, [7], {"a": 1}])
def test_a_webhook_whose_key_cannot_be_asked_for_is_only_listed(api: Api, sandbox: Sandbox, key: Any) -> None:
    sandbox.put_webhooks([{"key": key}, {"key": key}, {"key": "1"}])
    assert [webhook["key"] for webhook in api.get("/webhooks").json()["data"]] == [key, key, "1"]
    assert [api.get(f"/webhooks/{path}").status_code for path in ("1", "2", "None")] == [200, 404, 404]


@pytest.mark.parametrize(
    ("change", "is_meant"),
    [
        ({"is_active": "1"}, True),
        ({"is_active": 1}, True),
        ({"is_active": "0"}, False),
        ({"is_active": "false"}, False),
        ({"is_active": None}, False),
        ({"events": {"0": "partner.created", "2": "customer.created"}}, True),
        ({"events": "partner.created"}, False),
        ({"events": None}, False),
        ({"key": 7}, True),
        ({"signature": None}, True),
    ],
    ids=str,
)
def test_an_event_reaches_a_webhook_that_the_server_takes_for_active_and_subscribed(
    sandbox: Sandbox, receiver: Receiver, change: dict[str, Any], is_meant: bool
) -> None:
    sandbox.put_webhooks([{**WHOLE, "url": receiver.url, **change}, {}], whole=True)
    assert [(one.webhook_key, one.status) for one in sandbox.emit("partner.created")] == (
        [(str(change.get("key", "odd")), 200)] if is_meant else []
    )
