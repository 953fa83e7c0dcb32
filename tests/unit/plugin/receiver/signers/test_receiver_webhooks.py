"""Which webhooks of a programme may sign, and what the log is told of the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.errors import PartneroAuthenticationError, PartneroError
from airflow_provider_partnero.api.models import Secret, Webhook
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.receiver_webhooks import (
    MOST_OTHERS,
    MOST_SIGNERS,
    ReceiverWebhooks,
    read_webhooks,
)
from airflow_provider_partnero.sandbox import Sandbox
from tests.slow_server import MANNERS, Manner, SlowServer

CONN_ID = "partnero_default"
HERE = "https://airflow.example/partnero/webhooks/partnero_default"


def _row(key: Any = "k", url: Any = HERE, signature: Any = "s3cret", **fields: Any) -> dict[str, Any]:
    return {"key": key, "name": "n", "url": url, "is_active": True, "events": ["a.b"], "signature": signature} | fields


def _among(*rows: object, conn_id: str = CONN_ID) -> ReceiverWebhooks:
    return ReceiverWebhooks.among(map(Webhook.from_row, rows), conn_id)


@pytest.mark.parametrize(
    "url",
    [
        HERE,
        f"{HERE}/",
        "http://10.0.0.1:8080/partnero/webhooks/partnero_default",
        "https://edge.example/functions/v1/partnero/webhooks/partnero_default",
        "https://airflow.example/below/partnero/webhooks/partnero_default?key=1#x",
        "https://airflow.example/partnero/webhooks/partnero%5Fdefault",
    ],
)
def test_a_webhook_whose_url_ends_like_the_receivers_may_sign_on_whatever_host(url: str) -> None:
    assert dict(_among(_row(url=url)).secrets) == {"k": "s3cret"}


@pytest.mark.parametrize(
    "url",
    [
        "https://airflow.example/partnero/webhooks/another",
        "https://airflow.example/partnero/webhooks/partnero_default2",
        "https://airflow.example/partnero/webhooks/partnero_default/x",
        "https://airflow.example/partnero/webhooks/PARTNERO_DEFAULT",
        "https://airflow.example/?x=/partnero/webhooks/partnero_default",
        "https://airflow.example/#/partnero/webhooks/partnero_default",
        "https://airflow.example",
        "",
        None,
        7,
        "https://[::1/partnero/webhooks/partnero_default",
    ],
)
def test_a_webhook_that_delivers_elsewhere_may_not_and_the_log_can_say_why(url: Any) -> None:
    webhooks = _among(_row(url=url))
    assert dict(webhooks.secrets) == {}
    assert webhooks.secrets_of("k") == webhooks.secrets_of(None) == ()
    assert webhooks.why_not("k") == (
        'webhook "k" delivers to another URL, and so is not admitted: the path of its URL must end in '
        "/partnero/webhooks/partnero_default, on whatever host, or the connection's signing_secrets must hold its "
        "secret"
    )


def test_one_that_partnero_does_not_know_is_told_apart() -> None:
    assert _among(_row()).why_not("made\nup") == (
        'no webhook "made<U+000A>up" of this programme delivers to this receiver'
    )


@pytest.mark.parametrize("signature", ["", None, [], "x" * 1_001])
def test_one_without_a_usable_secret_cannot_sign_and_the_log_is_told(signature: Any) -> None:
    webhooks = _among(_row("a", signature=signature), _row("b"))
    assert dict(webhooks.secrets) == {"b": "s3cret"}
    assert webhooks.why_not("a") == 'webhook "a" has no secret at Partnero that could verify its deliveries'
    assert webhooks.remarks == (
        '1 webhook of the receiver of connection "partnero_default" cannot sign: Partnero tells no secret',
    )


@pytest.mark.parametrize("row", [None, "text", [], {}, _row(None), _row("a/b"), _row(""), _row(["k"])], ids=repr)
def test_an_odd_row_of_the_list_neither_signs_nor_spoils_the_others(row: object) -> None:
    assert dict(_among(row, _row("good"), row).secrets) == {"good": "s3cret"}


def test_an_inactive_webhook_may_sign_since_its_last_deliveries_may_still_come() -> None:
    assert dict(_among(_row(is_active=False)).secrets) == {"k": "s3cret"}


def test_when_nobody_may_deliver_the_log_is_told_what_to_do() -> None:
    [remark] = _among(_row("a", url="https://crm.example/"), _row("b", url="https://x.example/")).remarks
    assert remark.startswith(
        'Nobody may deliver to the receiver of connection "partnero_default"; 2 webhooks of its programme deliver '
        "elsewhere: the path of its URL must end in /partnero/webhooks/partnero_default, "
    )
    assert _among(_row()).remarks == ()


def test_of_very_many_webhooks_a_bounded_number_is_kept_and_the_log_is_told() -> None:
    here = [_row(f"here{number}") for number in range(MOST_SIGNERS + 3)]
    elsewhere = [_row(f"there{number}", url="https://crm.example/") for number in range(MOST_OTHERS + 3)]
    webhooks = _among(*here, *elsewhere)
    assert list(webhooks.secrets) == [f"here{number}" for number in range(MOST_SIGNERS)]
    assert len(webhooks.others) == MOST_OTHERS
    assert webhooks.why_not(f"here{MOST_SIGNERS}") == (
        f'webhook "here{MOST_SIGNERS}" is not admitted: only the first 64 that deliver to this receiver are'
    )
    assert webhooks.remarks == (
        '67 webhooks deliver to the receiver of connection "partnero_default": only the first 64 are admitted',
    )


def test_the_candidates_of_a_key_are_its_own_secret_and_without_a_key_all() -> None:
    webhooks = _among(_row("a", signature="1"), _row("b", signature="2"))
    assert webhooks.secrets_of("a") == (("a", "1"),)
    assert webhooks.secrets_of(None) == (("a", "1"), ("b", "2"))


def test_what_is_printed_holds_no_secret() -> None:
    assert "s3cret" not in repr(_among(_row()))


ROWS = st.builds(
    _row,
    key=st.text(max_size=5) | st.integers() | st.none(),
    url=st.sampled_from([HERE, "https://crm.example/"]) | st.text(max_size=20),
    signature=st.text(max_size=3) | st.none() | st.integers(),
)


@given(st.lists(ROWS | st.none() | st.text(), max_size=20))
def test_whatever_the_list_holds_only_what_delivers_here_may_sign(rows: Iterable[Any]) -> None:
    webhooks = _among(*rows)
    here = [Webhook.from_row(row) for row in rows if isinstance(row, dict) and row["url"] == HERE]
    assert webhooks.secrets.keys() <= {webhook.key for webhook in here}
    assert all(webhooks.secrets.values())


class TestReading:
    """From Partnero, over HTTP."""

    @staticmethod
    def _connection(base_url: str, **fields: Any) -> SigningConnection:
        return replace(SigningConnection(CONN_ID, Secret("demo"), base_url, True, ()), **fields)

    def _of(self, sandbox: Sandbox) -> SigningConnection:
        return self._connection(sandbox.base_url, token=Secret(sandbox.token))

    def test_one_page_of_webhooks_costs_one_request(self, sandbox: Sandbox) -> None:
        sandbox.put_webhooks([_row("ours"), _row("theirs", url="https://crm.example/")])
        webhooks = read_webhooks(self._of(sandbox))
        assert dict(webhooks.secrets) == {"ours": "s3cret"}
        assert [request.path for request in sandbox.requests()] == ["/webhooks"]

    def test_a_long_list_is_read_to_its_end(self, sandbox: Sandbox) -> None:
        elsewhere = [_row(f"there{number}", url="https://crm.example/") for number in range(250)]
        sandbox.put_webhooks([*elsewhere, _row("ours")])
        assert dict(read_webhooks(self._of(sandbox)).secrets) == {"ours": "s3cret"}

    def test_a_passing_failure_is_tried_once_more(self, sandbox: Sandbox) -> None:
        sandbox.put_webhooks([_row("ours")])
        sandbox.fault(status=500, times=1)
        assert dict(read_webhooks(self._of(sandbox)).secrets) == {"ours": "s3cret"}
        assert len(sandbox.requests()) == 2

    def test_an_outage_is_an_error_after_two_requests(self, sandbox: Sandbox) -> None:
        sandbox.fault(status=500, times=9)
        with pytest.raises(PartneroError):
            read_webhooks(self._of(sandbox))
        assert len(sandbox.requests()) == 2

    def test_a_refused_token_is_an_error_that_does_not_show_it(self, sandbox: Sandbox) -> None:
        connection = self._connection(sandbox.base_url, token=Secret("wrOnGtOkEn"))
        with pytest.raises(PartneroAuthenticationError) as error:
            read_webhooks(connection)
        assert "wrOnGtOkEn" not in str(error.value)

    def test_a_connection_without_a_token_cannot_ask(self, sandbox: Sandbox) -> None:
        with pytest.raises(ValueError, match="neither an API token nor signing_secrets"):
            read_webhooks(self._connection(sandbox.base_url, token=Secret("")))

    @pytest.mark.parametrize("manner", MANNERS)
    def test_a_partnero_that_never_finishes_an_answer_ends_the_reading(self, manner: Manner) -> None:
        with SlowServer(manner) as server:
            connection = self._connection(server.base_url, timeout=(60.0, 60.0))
            with pytest.raises(PartneroError):
                read_webhooks(connection, seconds=0.3)
            assert server.requests >= 1

    def test_a_list_that_takes_too_long_is_broken_off_though_each_page_comes_in_time(self, sandbox: Sandbox) -> None:
        sandbox.put_webhooks([_row(f"k{number}") for number in range(2_000)])
        sandbox.fault(delay=0.3, times=99)
        with pytest.raises(PartneroError, match=r"the list of webhooks was not read within 0.5 s"):
            read_webhooks(self._of(sandbox), seconds=0.5)
        sandbox.clear_faults()
        assert len(sandbox.requests()) < 20
