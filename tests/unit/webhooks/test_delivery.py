"""Reading a delivery from any bytes, and what of it is stored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.webhooks.delivery import STORES, KeptFields, MalformedDeliveryError, PartneroDelivery
from airflow_provider_partnero.webhooks.storable import DEEPEST

ENVELOPE: dict[str, Any] = {
    "event": "transaction.created",
    "url": "https://airflow.example/partnero/webhooks/partnero_default",
    "webhook_key": "abcdefghij12",
    "created_at": "2025-05-07T10:30:00.000000Z",
    "data": {"key": "tx-1", "amount": 99.9, "customer": {"id": 7, "email": "zoe@person.example", "name": "Zoë"}},
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def _delivery(**others: Any) -> PartneroDelivery:
    return PartneroDelivery.from_body(json.dumps(ENVELOPE | others).encode())


def test_the_envelope_is_read_and_the_id_is_the_digest_of_the_raw_body() -> None:
    body = json.dumps(ENVELOPE, indent=1).encode()
    delivery = PartneroDelivery.from_body(body)
    assert delivery.delivery_id == hashlib.sha256(body).hexdigest()
    assert {name: getattr(delivery, name) for name in ENVELOPE} == ENVELOPE
    assert delivery.moment() == datetime(2025, 5, 7, 10, 30, tzinfo=UTC)


@given(JSON)
def test_any_data_is_kept_in_full_and_read_back_the_same(data: Any) -> None:
    delivery = _delivery(data=data)
    kept = json.loads(json.dumps(delivery.to_extra("full"), allow_nan=False))
    assert PartneroDelivery.from_extra(kept) == delivery
    assert delivery.data == data


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"event": "e", "webhook_key": "k", "data": ' + b"[" * 100_000 + b"}", "not JSON"),
        (b'{"event": "e", "webhook_key": "k", "data": ' + b"[" * 30 + b'"' + b'\\"' * 100_000, "not JSON"),
        (b'{"event": 1%s, "webhook_key": "k"}' % (b"0" * 5000), "no event"),
        (b'{"event": "e", "webhook_key": "k", "data": NaN}', "not JSON"),
        (b'{"event": "e", "webhook_key": "k", "data": -Infinity}', "not JSON"),
        (b'{"webhook_key": "k"}', "no event"),
        (b'{"event": "e"}', "no webhook_key"),
        (b'{"event": 1, "webhook_key": "k"}', "no event"),
        (b'{"event": " ", "webhook_key": "k"}', "no event"),
        (b'{"event": "e", "webhook_key": null}', "no webhook_key"),
        (b'{"event": "e", "webhook_key": "a\\nb"}', "no webhook_key"),
        (b'{"event": "e\\u202e", "webhook_key": "k"}', "no event"),
        (b'{"event": "' + b"e" * 201 + b'", "webhook_key": "k"}', "no event"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:40],
)
def test_a_malformed_body_is_refused_without_being_quoted(body: bytes, words: str) -> None:
    with pytest.raises(MalformedDeliveryError, match=words):
        PartneroDelivery.from_body(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_delivery_or_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        PartneroDelivery.from_body(body)


def test_what_cannot_be_stored_is_changed_with_a_mark_in_the_whole_delivery() -> None:
    body = (
        b'{"event": "e", "webhook_key": "k", "url": "u\\u0000", "created_at": "c\\ud800", "data": '
        b'{"a\\u0000": ["\\ud800", "\\ud83d\\ude00"], "id": 18446744073709551616, "__type": 1e400}}'
    )
    delivery = PartneroDelivery.from_body(body)
    assert (delivery.url, delivery.created_at) == ("u\ufffd", "c\ufffd")
    assert delivery.data == {
        "a\ufffd": ["\ufffd", "\U0001f600"],
        "id": "18446744073709551616",
        "partnero__type": "1e400",
    }
    assert delivery.changed == ("large numbers", "characters", "reserved names")


def test_an_ordinary_delivery_is_not_changed() -> None:
    assert _delivery().changed == ()


def test_data_of_any_depth_are_taken_and_their_deep_parts_are_text() -> None:
    deep = b"[" * 5000 + b'{"a": "b"}' + b"]" * 5000
    delivery = PartneroDelivery.from_body(b'{"event": "e", "webhook_key": "k", "data": ' + deep + b"}")
    data, levels = delivery.data, 0
    while isinstance(data, list):
        [data] = data
        levels += 1
    assert levels == DEEPEST
    assert data == (b"[" * 4976 + b'{"a": "b"}' + b"]" * 4976).decode()
    assert delivery.changed == ("deep parts",)


@pytest.mark.parametrize(
    ("field", "value"), [("created_at", 5), ("created_at", 10**30), ("created_at", None), ("url", ["x"]), ("url", None)]
)
def test_a_field_of_another_type_is_left_out(field: str, value: Any) -> None:
    assert getattr(_delivery(**{field: value}), field) is None


@pytest.mark.parametrize("written", ["", "yesterday", "0001-01-01T00:00:00+14:00"])
def test_a_malformed_time_is_no_moment(written: str) -> None:
    assert _delivery(created_at=written).moment() is None


def test_a_time_without_zone_is_utc() -> None:
    assert _delivery(created_at="2025-05-07T10:30:00").moment() == datetime(2025, 5, 7, 10, 30, tzinfo=UTC)


def test_data_keys_keeps_identifiers_and_names_of_fields() -> None:
    kept = _delivery().to_extra("data-keys")
    assert kept["data"] == {"key": "tx-1", "customer": {"id": 7}}
    assert kept["data_fields"] == ["amount", "customer", "key"]
    assert "zoe@person.example" not in str(kept)


def test_ids_keeps_neither_data_nor_url() -> None:
    assert set(_delivery().to_extra("ids")) == {"delivery_id", "event", "webhook_key", "created_at"}


@given(JSON)
def test_personal_data_is_stored_only_with_full(data: Any) -> None:
    delivery = _delivery(data={"name": "PERSON", "list": [{"id": "PERSON"}], "more": data, "id": {"x": "PERSON"}})
    assert ["PERSON" in str(delivery.to_extra(store)) for store in ("full", "data-keys", "ids")] == [True, False, False]


@pytest.mark.parametrize("store", STORES)
def test_a_delivery_stored_in_any_way_is_read_back(store: Any) -> None:
    read = PartneroDelivery.from_extra(_delivery().to_extra(store))
    assert (read.event, read.webhook_key, read.moment()) == (
        "transaction.created",
        "abcdefghij12",
        _delivery().moment(),
    )


@pytest.mark.parametrize("extra", [{}, {"event": "e"}, {"delivery_id": 1, "event": "e", "webhook_key": "k"}])
def test_an_asset_event_that_the_receiver_did_not_record_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="did not record it"):
        PartneroDelivery.from_extra(extra)


def test_the_repr_of_a_delivery_has_no_data() -> None:
    assert "zoe@person.example" not in repr(_delivery())


@pytest.mark.parametrize(
    ("replay", "read"), [(1, 1), (7, 7), (0, 0), (-1, 0), (True, 0), ("1", 0), (None, 0), (1.5, 0)]
)
def test_a_replay_is_told_by_its_number_and_anything_else_is_none(replay: Any, read: int) -> None:
    extra = _delivery().to_extra("ids") | {"replay": replay}
    assert PartneroDelivery.from_extra(extra).replay == read


@pytest.mark.parametrize(
    ("changed", "read"), [(["a", "b"], ("a", "b")), ([], ()), (None, ()), (5, ()), ([1, "a"], ("a",))]
)
def test_what_was_changed_is_told_and_anything_else_is_nothing(changed: Any, read: tuple[str, ...]) -> None:
    extra = _delivery().to_extra("ids") | {"changed": changed}
    assert PartneroDelivery.from_extra(extra).changed == read


@pytest.mark.parametrize("store", [*STORES, KeptFields(("data.key",))])
def test_a_replay_and_what_was_changed_are_kept_however_little_is_stored(store: Any) -> None:
    delivery = replace(_delivery(), replay=2, changed=("large numbers",))
    read = PartneroDelivery.from_extra(json.loads(json.dumps(delivery.to_extra(store))))
    assert (read.replay, read.changed) == (2, ("large numbers",))
    assert not {"replay", "changed"} & set(_delivery().to_extra(store))
