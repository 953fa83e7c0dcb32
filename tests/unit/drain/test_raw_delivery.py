"""The form in which an edge function leaves a delivery: read byte for byte, or refused with a reason."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.drain.raw_delivery import NotARawDeliveryError, RawDelivery, largest_object

PATH = "/partnero/webhooks/partnero_default"
JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c, max_size=3))


def stored(**changes: Any) -> bytes:
    whole = {"path": PATH, "headers": {"Content-Type": "application/json"}, "body_base64": "e30="}
    return json.dumps(whole | changes).encode()


@given(st.binary(max_size=300))
def test_every_byte_of_the_body_survives(body: bytes) -> None:
    assert RawDelivery.from_bytes(stored(body_base64=b64encode(body).decode())).body == body


@given(
    st.binary(max_size=300) | st.dictionaries(st.text(max_size=20), JSON_VALUES).map(lambda d: json.dumps(d).encode())
)
def test_whatever_else_is_there_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(NotARawDeliveryError):
        RawDelivery.from_bytes(content)


@given(JSON_VALUES, JSON_VALUES, JSON_VALUES)
def test_odd_fields_are_refused_or_read_and_nothing_else_happens(path: Any, headers: Any, body: Any) -> None:
    for changes in ({"path": path}, {"headers": headers}, {"headers": {"x": headers}}, {"body_base64": body}):
        with suppress(NotARawDeliveryError):
            assert RawDelivery.from_bytes(stored(**changes)).conn_id


def test_json_that_is_too_deep_is_refused() -> None:
    with pytest.raises(NotARawDeliveryError, match="not JSON"):
        RawDelivery.from_bytes(b"[" * 100_000)


def test_a_reason_says_nothing_of_the_body() -> None:
    with pytest.raises(NotARawDeliveryError) as refused:
        RawDelivery.from_bytes(stored(body_base64="secret of a customer"))
    assert "customer" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "conn_id"),
    [
        (PATH, "partnero_default"),
        (f"{PATH}/", "partnero_default"),
        (f"/stage{PATH}?a=b", "partnero_default"),
        ("/partnero/webhooks/a%20b", "a b"),
    ],
)
def test_the_connection_is_the_last_part_of_the_path(path: str, conn_id: str) -> None:
    assert RawDelivery.from_bytes(stored(path=path)).conn_id == conn_id


@pytest.mark.parametrize("path", ["/partnero/webhooks/", "/x/partnero_default", f"{PATH}/x", f"{PATH}%2fx", "", None])
def test_a_path_without_a_connection_is_refused(path: str | None) -> None:
    with pytest.raises(NotARawDeliveryError, match=r"must end with /partnero/webhooks/<connection id>"):
        RawDelivery.from_bytes(stored(path=path))


@pytest.mark.parametrize("conn_id", ["\ud800", "a%0Ab", "a%00b", "x%0a", ".", "%2e%2e"])
def test_what_cannot_be_handed_on_as_a_url_is_refused_and_not_left_for_ever(conn_id: str) -> None:
    """Anybody may ask an edge function for such a path, and what is left each time keeps the others waiting."""
    with pytest.raises(NotARawDeliveryError, match=r"must end with /partnero/webhooks/<connection id>"):
        RawDelivery.from_bytes(stored(path=f"/partnero/webhooks/{conn_id}"))


def test_white_space_around_a_header_does_not_count_as_in_http() -> None:
    assert RawDelivery.from_bytes(stored(headers={"signature": "\t a b "})).headers == {"signature": ("a b",)}


def test_headers_come_in_lower_case_with_all_their_values_and_without_those_of_the_connection() -> None:
    headers = {"Signature": ["a", "b"], "signature": "c", "Content-Length": "9", "Host": "x", "Transfer-Encoding": "y"}
    assert RawDelivery.from_bytes(stored(headers=headers)).headers == {"signature": ("a", "b", "c")}


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"a": "b\r\nc: d"}, {"a": "€"}, {"a": 1}, {"": "x"}, ["a"], None])
def test_headers_that_no_request_can_have_are_refused(headers: Any) -> None:
    with pytest.raises(NotARawDeliveryError, match="headers"):
        RawDelivery.from_bytes(stored(headers=headers))


def test_the_largest_body_fits_into_the_largest_object() -> None:
    body = b"x" * 10_000
    assert len(stored(body_base64=b64encode(body).decode())) < largest_object(len(body)) < 80_000
