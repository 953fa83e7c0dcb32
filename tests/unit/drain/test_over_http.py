"""What the drain makes of deliveries that no receiver can be asked about."""

from __future__ import annotations

import pytest

from airflow_provider_partnero.drain.over_http import HttpReceiver
from airflow_provider_partnero.drain.raw_delivery import RawDelivery

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "headers",
    [
        {"signature": ("\xa0" + "0" * 64,)},  # white space to an HTTP client, and none to HTTP
        {"signature": ("0" * 8_192,), "content-type": ("application/json",) * 100},
    ],
)
def test_headers_that_a_client_or_server_refuses_are_refused_for_good(headers: dict[str, tuple[str, ...]]) -> None:
    """Anybody may send an edge function such headers; what is left for the next time keeps the others waiting."""
    with HttpReceiver(NOBODY) as receiver:
        [answer] = receiver.hand_over([RawDelivery("partnero_default", headers, b"{}")])
    assert 400 <= answer.status < 500
    assert not answer.is_passing


def test_other_peoples_headers_are_neither_handed_on_nor_counted() -> None:
    with HttpReceiver(NOBODY) as receiver:
        [answer] = receiver.hand_over([RawDelivery("partnero_default", {"cookie": ("a" * 8_192,)}, b"{}")])
    assert answer.is_passing  # nobody answers there now
