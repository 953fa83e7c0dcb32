"""Signatures match OpenSSL's, and webhooks are read in every form that Partnero may send."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroResponseError, Webhook, WebhookEvent, sign, verify
from airflow_provider_partnero.api.pages import Page

# printf '%s' BODY | openssl dgst -sha256 -hmac SECRET
VECTORS = [
    (
        rb'{"event":"partner.created","url":"https:\/\/crm.example\/x","data":{"name":"Zo\u00eb"}}',
        "uy51DfvoJ7mUm2Ua",
        "b9ff34b6f6c340f0f603dbe90bc754ffbbd7ea1a3f4ca1c16658c372a29ad7ca",
    ),
    (
        rb'{"event":"customer.updated","url":"https:\/\/crm.example\/x?a=1&b=\u00fc","webhook_key":"i1G7ExNCGI7s",'
        rb'"created_at":"2025-05-07T10:30:00.000000Z","data":{"name":"\ud83d\udc18 \"Kim\" \u0160","note":null,'
        rb'"amount":99.9,"tags":[],"meta":{}}}',
        "Ewi7TWkdARdV41GI",
        "bdc69f920cdc903a39878fa5b0d08c942c1be2824b845926558198a48993ea1a",
    ),
    (b"", "uy51DfvoJ7mUm2Ua", "b4a253b9e842b47c272079f25d6d5ea05cc58ea562d257b50fbf4a1301463956"),
    (b'{"a": 1}', "Ewi7TWkdARdV41GI", "4b9e6f0c78d73e786ca58379eedc758fd0b8e048bb0c0554b46392232f12418d"),
    (b"\xff\x00\xfe", "Ewi7TWkdARdV41GI", "4d791230a22400ee13536b0e8b6c905386c23a625c78c96074d8cf19e1c832c1"),
]


@pytest.mark.parametrize(("body", "secret", "expected"), VECTORS)
def test_a_signature_is_the_one_openssl_computes(body: bytes, secret: str, expected: str) -> None:
    assert sign(body, secret) == expected
    assert verify(body, expected, secret)


def test_json_that_was_reserialized_does_not_verify() -> None:
    body, secret, signature = VECTORS[0]
    assert not verify(body.replace(rb"\/", b"/"), signature, secret)
    assert not verify(body.replace(rb"\u00eb", "ë".encode()), signature, secret)


@given(st.binary(), st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_signed_body_verifies(body: bytes, secret: str) -> None:
    assert verify(body, sign(body, secret), secret)


@given(st.binary(), st.binary(min_size=1), st.text("abcdefghij", min_size=1))
def test_another_body_or_another_secret_does_not_verify(body: bytes, more: bytes, secret: str) -> None:
    assert not verify(body + more, sign(body, secret), secret)
    assert not verify(body, sign(body, secret + "x"), secret)


@given(st.binary(), st.one_of(st.none(), st.text()), st.text())
def test_verify_never_raises_and_accepts_nothing_by_chance(body: bytes, header: str | None, secret: str) -> None:
    assert verify(body, header, secret) is False


@pytest.mark.parametrize("change", [str.upper, lambda s: s[:-1], lambda s: f" {s}", lambda s: f"sha256={s}"])
def test_only_the_exact_header_verifies(change: Any) -> None:
    body, secret, signature = VECTORS[2]
    assert not verify(body, change(signature), secret)


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify(b"x", sign(b"x", ""), "")


GOOD: dict[str, Any] = {
    "key": "k",
    "name": "n",
    "url": "https://a.example/",
    "is_active": True,
    "signature": "sEcReTsEcReT1234",
    "events": ["partner.created"],
}


def test_a_webhook_shows_its_secret_only_on_request() -> None:
    webhook = Webhook.from_api(GOOD)
    assert "sEcReT" not in f"{webhook!r}{webhook}{webhook.to_dict()}{webhook.signature!r}"
    assert webhook.to_dict(include_signature=True) == GOOD


def test_a_sound_webhook_is_not_odd() -> None:
    webhook = Webhook.from_api(GOOD)
    assert (webhook.oddities, webhook.unreadable) == ((), frozenset())
    assert "oddities" not in webhook.to_dict()


@pytest.mark.parametrize(
    ("field", "value", "read", "oddity"),
    [
        ("key", 7, "7", "is a number"),
        ("name", 2026, "2026", "is a number"),
        ("is_active", 0, False, "is a number (read as false)"),
        ("is_active", 1, True, "is a number (read as true)"),
        ("is_active", 1.0, True, "is a number (read as true)"),
        ("is_active", "1", True, "is a text (read as true)"),
        ("is_active", "0", False, "is a text (read as false)"),
        ("is_active", "true", True, "is a text (read as true)"),
        ("is_active", "FALSE", False, "is a text (read as false)"),
        ("events", {}, (), "is an object"),
        ("events", {"0": "partner.created", "2": "a.b"}, ("partner.created", "a.b"), "is an object"),
        ("events", "partner.created", ("partner.created",), "is a text"),
        ("events", "partner.created, a.b", ("partner.created", "a.b"), "is a text"),
        ("events", '["partner.created", "a.b"]', ("partner.created", "a.b"), "is a text"),
        ("events", '{"3": "a.b"}', ("a.b",), "is a text"),
        ("signature", 1234567890123456, "1234567890123456", "is a number"),
    ],
)
def test_values_that_php_may_write_are_read_and_marked(field: str, value: object, read: object, oddity: str) -> None:
    webhook = Webhook.from_api(GOOD | {field: value})
    assert getattr(webhook, field) == read
    assert isinstance(webhook.is_active, bool)
    assert webhook.oddities == (f"{field} {oddity}",)
    assert webhook.unreadable == frozenset()


@pytest.mark.parametrize(
    ("field", "value", "read", "oddity"),
    [
        ("name", None, "", "is null"),
        ("name", {"en": "sEcReT"}, "", "is an object"),
        ("name", 1.5, "", "is a number"),
        ("url", None, "", "is null"),
        ("url", ["sEcReT"], "", "is a list"),
        ("url", True, "", "is a boolean"),
        ("is_active", None, False, "is null"),
        ("is_active", "sEcReT", False, "is a text"),
        ("is_active", 7, False, "is a number"),
        ("is_active", float("nan"), False, "is a number"),
        ("events", None, (), "is null"),
        ("events", "", (), "is a text"),
        ("events", "[" * 100_000, (), "is a text"),
        ("events", '"x"', (), "is a text"),
        ("events", 7, (), "is a number"),
        ("events", ["a.b", 7, None], ("a.b",), "holds a number"),
        ("events", {"0": None, "1": "a.b"}, ("a.b",), "is an object and holds null"),
        ("signature", None, None, "is null"),
        ("signature", ["sEcReT"], None, "is a list"),
    ],
)
def test_what_cannot_be_read_is_empty_and_marked(field: str, value: object, read: object, oddity: str) -> None:
    webhook = Webhook.from_api(GOOD | {field: value})
    assert getattr(webhook, field) == read
    assert webhook.oddities == (f"{field} {oddity}",)
    assert webhook.unreadable == {field}
    assert "sEcReT" not in f"{webhook!r}{webhook.to_dict()}"


@pytest.mark.parametrize("field", ["name", "url", "is_active", "events", "signature"])
def test_a_missing_field_is_marked(field: str) -> None:
    webhook = Webhook.from_api({name: value for name, value in GOOD.items() if name != field})
    assert webhook.oddities == (f"{field} is missing",)
    assert webhook.unreadable == {field}


@pytest.mark.parametrize("data", [None, [], "x", 7, {}, {"key": None}, {"key": ""}, {"key": 1.5}, {"key": True}])
def test_an_answer_without_a_webhook_or_its_key_is_refused(data: object) -> None:
    with pytest.raises(PartneroResponseError):
        Webhook.from_api(data)


@pytest.mark.parametrize("row", [None, [], "x", 7, {}, {"key": None}, {"key": ""}])
def test_a_row_without_a_key_is_kept_with_a_mark(row: object) -> None:
    webhook = Webhook.from_row(row)
    assert webhook.key == ""
    assert "key" in webhook.unreadable
    assert webhook.oddities


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
any_row = any_json | st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "more"], any_json))


@given(any_row)
def test_any_json_is_read_or_refused_and_reading_it_again_gives_the_same(data: object) -> None:
    row = Webhook.from_row(data)
    assert isinstance(row.is_active, bool)
    assert all(isinstance(text, str) for text in (row.key, row.name, row.url, *row.events, *row.oddities))
    assert len(row.unreadable) <= len(row.oddities) or not isinstance(data, dict)
    try:
        webhook = Webhook.from_api(data)
    except PartneroResponseError:
        assert not row.key
    else:
        assert (webhook, webhook.oddities) == (row, row.oddities)
        stored = Webhook.deserialize(json.loads(json.dumps(webhook.serialize())), 1)
        assert stored == replace(webhook, signature=None)
        assert (stored.oddities, stored.unreadable) == (webhook.oddities, webhook.unreadable)


@given(any_json, st.integers(1, 3), st.integers(10, 100))
def test_any_json_as_the_list_is_read_or_refused(data: object, number: int, limit: int) -> None:
    try:
        page = Page.from_api({"data": data}, number=number, limit=limit)
    except PartneroResponseError:
        assert not isinstance(data, list)
    else:
        assert isinstance(data, list | dict)
        assert len(page.webhooks) == len(data)


@given(st.dictionaries(st.sampled_from(["data", "links", "meta", "next_page_url", "total", "per_page"]), any_json))
def test_any_json_about_the_pages_is_read_or_refused(payload: dict[str, object]) -> None:
    assert Page.from_api({**payload, "data": [GOOD]}, number=1, limit=100).webhooks[0].key == "k"


def test_unknown_fields_are_kept_but_not_shown() -> None:
    webhook = Webhook.from_api(GOOD | {"owner_token": "hidden"})
    assert webhook.unknown == {"owner_token": "hidden"}
    assert "hidden" not in f"{webhook!r}{webhook.to_dict(include_signature=True)}"


def test_an_event_is_a_plain_text() -> None:
    assert str(WebhookEvent.PARTNER_CREATED) == "partner.created"
    assert len(WebhookEvent) == 24
