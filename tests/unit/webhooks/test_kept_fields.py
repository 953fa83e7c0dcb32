"""The fields of a delivery that its owner wants to keep, and nothing beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.webhooks.delivery import KeptFields, PartneroDelivery, read_store

NAMES = st.sampled_from(["a", "b", "c", "Ü", "x y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: ".".join(["data", *names])) | st.just("url")
KEPT = st.lists(PATHS, min_size=1, max_size=4).map(lambda paths: KeptFields(tuple(paths)))
DATA = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)

Leaf = tuple[tuple[str, ...], str]
"""The names on the way to a value, without the places in lists, and the value as JSON."""


def _leaves(value: Any, way: tuple[str, ...] = ()) -> list[Leaf]:
    if isinstance(value, dict) and value:
        return [leaf for name, item in value.items() for leaf in _leaves(item, (*way, name))]
    if isinstance(value, list) and value:
        return [leaf for item in value for leaf in _leaves(item, way)]
    return [(way, json.dumps(value))]


def _is_named(leaf: Leaf, kept: KeptFields) -> bool:
    ways = [tuple(path.split(".")[1:]) for path in kept.paths if path != "url"]
    return any(leaf[0][: len(way)] == way for way in ways)


@given(DATA, KEPT)
def test_what_is_kept_is_what_the_paths_name_and_nothing_else(data: Any, kept: KeptFields) -> None:
    named = [leaf for leaf in _leaves(data) if _is_named(leaf, kept)]
    told = kept.data(data)
    assert sorted(_leaves(told) if told else []) == sorted(named)


@given(DATA, KEPT)
def test_keeping_twice_keeps_the_same(data: Any, kept: KeptFields) -> None:
    assert kept.data(kept.data(data)) == kept.data(data)


@given(st.lists(PATHS, min_size=1, max_size=4, unique=True))
def test_what_is_written_is_read_back(paths: list[str]) -> None:
    assert read_store(str(KeptFields(tuple(paths)))) == KeptFields(tuple(paths))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("data.key", ("data.key",)),
        (" data.key ,data.amount\n, url ", ("data.key", "data.amount", "url")),
        ("data.key,data.key", ("data.key",)),
        ("data.Key,data.key", ("data.Key", "data.key")),
        ("data.partner.email", ("data.partner.email",)),
        ("data.two words", ("data.two words",)),
        (",".join(f"data.a{number}" for number in range(64)), tuple(f"data.a{number}" for number in range(64))),
    ],
)
def test_fields_are_read_with_white_space_around_them(text: str, paths: tuple[str, ...]) -> None:
    assert read_store(text) == KeptFields(paths)


@pytest.mark.parametrize(("text", "store"), [("full", "full"), (" Data-Keys ", "data-keys"), ("IDS\n", "ids")])
def test_the_three_words_are_read_in_any_case(text: str, store: str) -> None:
    assert read_store(text) == store


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "all", "data", "data.", "data..x", ".data.x", "data. .x", "data.x.", "Data.x", "signature", "event",
     "url.x", "data.key,", "data.key,,url", "full, url", "data.a\x00b", "data.a\nb", "data." + "x" * 196,
     ",".join(f"data.a{number}" for number in range(65))],
)  # fmt: skip
def test_what_is_no_field_is_refused_with_what_is_allowed(text: str) -> None:
    allowed = "must be one of full, data-keys, ids, or a list of up to 64 fields"
    with pytest.raises(ValueError, match=rf"^store=.*: {allowed}") as refused:
        read_store(text)
    assert len(str(refused.value)) < 400


def test_a_delivery_keeps_its_envelope_and_the_named_fields() -> None:
    body = {
        "event": "transaction.created",
        "url": "https://airflow.example/partnero/webhooks/partnero_default",
        "webhook_key": "abcdefghij12",
        "created_at": "2025-05-07T10:30:00.000000Z",
        "data": {
            "key": "tx-1",
            "customer": {"email": "zoe@person.example", "key": "c-1"},
            "rewards": [{"amount": 1, "name": "Zoë"}, {"amount": 2}, {"name": "Kim"}, "Lee"],
        },
    }
    delivery = PartneroDelivery.from_body(json.dumps(body).encode())
    kept = delivery.to_extra(read_store("data.key, data.rewards.amount, data.customer.key.x"))
    assert kept == {
        "delivery_id": delivery.delivery_id,
        "event": "transaction.created",
        "webhook_key": "abcdefghij12",
        "created_at": "2025-05-07T10:30:00.000000Z",
        "data": {"key": "tx-1", "rewards": [{"amount": 1}, {"amount": 2}]},
    }
    assert delivery.to_extra(KeptFields(("url",))) == kept | {"data": {}, "url": body["url"]}
    assert PartneroDelivery.from_extra(kept).data == kept["data"]
