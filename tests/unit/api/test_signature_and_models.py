"""Signatures match OpenSSL's, and webhooks are read in every form that Partnero may send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroResponseError, Webhook, WebhookEvent, sign, verify

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


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("is_active", 0, False),
        ("is_active", 1, True),
        ("events", None, ()),
        ("events", {"0": "partner.created", "2": "partner.updated"}, ("partner.created", "partner.updated")),
        ("signature", None, None),
        ("unknown", {}, {"unknown": {}}),
    ],
)
def test_values_that_php_may_write_are_read(field: str, value: object, read: object) -> None:
    webhook = Webhook.from_api(GOOD | {field: value})
    assert getattr(webhook, field) == read
    assert isinstance(webhook.is_active, bool)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", None),
        ("key", 7),
        ("name", None),
        ("url", ["x"]),
        ("is_active", "yes"),
        ("events", "x"),
        ("events", [7]),
        ("events", {"0": 7}),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(PartneroResponseError, match=field) as refused:
        Webhook.from_api(GOOD | {field: value})
    assert "sEcReT" not in str(refused.value)


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_a_webhook_that_is_not_an_object_is_refused(data: object) -> None:
    with pytest.raises(PartneroResponseError):
        Webhook.from_api(data)


def test_unknown_fields_are_kept_but_not_shown() -> None:
    webhook = Webhook.from_api(GOOD | {"owner_token": "hidden"})
    assert webhook.unknown == {"owner_token": "hidden"}
    assert "hidden" not in f"{webhook!r}{webhook.to_dict(include_signature=True)}"


def test_an_event_is_a_plain_text() -> None:
    assert str(WebhookEvent.PARTNER_CREATED) == "partner.created"
    assert len(WebhookEvent) == 24
