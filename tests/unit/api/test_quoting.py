"""Values in messages are short, whatever they are."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Secret, WebhookEvent
from airflow_provider_partnero.api.quoting import short_repr


def _nested(kind: Any, levels: int) -> Any:
    value: Any = kind("x")
    for _ in range(levels):
        value = kind([value] * 9)
    return value


class _Broken:
    def __repr__(self) -> str:
        raise RuntimeError


class _Mine(list[Any]):
    pass


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(anything)
def test_a_short_value_is_its_repr_and_a_long_one_is_cut(value: Any) -> None:
    shown = short_repr(value)
    assert len(shown) <= 120
    if "..." not in shown and not shown.endswith("…") and not any(sign in shown for sign in ("whole number", "://")):
        assert shown == repr(value)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:Sesame26@a.example/hook",
        "https://a.example/hook?token=Sesame26",
        "https://hooks.slack.com/services/T0/B0/Sesame26",
        "https://a.example/" + "x" * 5000 + "?token=Sesame26",
    ],
)
def test_a_url_in_the_place_of_another_value_is_shown_without_its_secrets(url: str) -> None:
    for value in (url, f" {url}", [url], {url: 1}, {"url": (url,)}):
        shown = short_repr(value)
        assert "Sesame26" not in shown
        assert "https://" in shown


@pytest.mark.parametrize(
    "value",
    [
        _nested(list, 40),
        _nested(tuple, 40),
        OrderedDict((str(number), _nested(list, 40)) for number in range(50)),
        _Mine([_nested(list, 40)] * 9),
        10**10_000,
        {10**10_000: "x" * 10**6},
        "x" * 10**6,
        b"x" * 10**6,
        _Broken(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_huge_value_is_shown_without_being_written_out(value: Any) -> None:
    assert 0 < len(short_repr(value)) <= 120


def test_a_secret_stays_hidden_and_an_event_is_its_name() -> None:
    assert "sEcReT" not in short_repr([Secret("sEcReT")])
    assert "partner.created" in short_repr([WebhookEvent.PARTNER_CREATED])
