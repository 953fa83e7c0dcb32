"""What a connection of Airflow says about who may sign."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_partnero.api.errors import PartneroServerError
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection, read_connection
from airflow_provider_partnero.sandbox import Sandbox
from tests.unit.conftest import Airflow


def test_what_is_printed_of_a_connection_holds_no_secret() -> None:
    connection = SigningConnection("c", Secret("tOkEn"), "https://x.example", True, (SigningSecret(Secret("sIgNs")),))
    assert "tOkEn" not in repr(connection)
    assert "sIgNs" not in repr(connection)


class TestReading:
    def test_a_connection_of_airflow_says_where_to_ask_and_with_what_token(self, sandbox: Sandbox) -> None:
        connection = read_connection("partnero_default")
        assert connection is not None
        assert (connection.base_url, connection.token) == (sandbox.base_url, sandbox.token)

    def test_one_of_another_type_counts_as_missing_like_one_that_nobody_has(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_WEB", "http://example.com")
        assert read_connection("web") is None
        assert read_connection("nobody") is None

    def test_a_webhooks_secret_costs_one_request(self, sandbox: Sandbox) -> None:
        sandbox.put_webhooks([{"key": "k", "signature": "s3cret"}])
        connection = read_connection("partnero_default")
        assert connection is not None
        assert connection.secret_of("k") == "s3cret"
        assert len(sandbox.requests()) == 1

    @pytest.mark.parametrize(("key", "requests"), [("gone", 1), ("a/b", 0), ("..", 0)])
    def test_a_key_that_no_webhook_has_or_can_have_has_no_secret(
        self, sandbox: Sandbox, key: str, requests: int
    ) -> None:
        connection = read_connection("partnero_default")
        assert connection is not None
        assert connection.secret_of(key) is None
        assert len(sandbox.requests()) == requests

    def test_an_outage_is_an_error_after_one_request(self, sandbox: Sandbox) -> None:
        sandbox.fault(status=500, times=9)
        connection = read_connection("partnero_default")
        assert connection is not None
        with pytest.raises(PartneroServerError):
            connection.secret_of("k")
        assert len(sandbox.requests()) == 1

    def test_a_connection_without_token_cannot_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BARE", "partnero://")
        connection = read_connection("bare")
        assert connection is not None
        with pytest.raises(ValueError, match="neither an API token nor signing_secrets"):
            connection.secret_of("k")


class TestSigningSecrets:
    @staticmethod
    def _of(monkeypatch: pytest.MonkeyPatch, value: Any) -> list[tuple[str | None, str]]:
        fields = {"conn_type": "partnero", "extra": {"signing_secrets": value}}
        monkeypatch.setenv("AIRFLOW_CONN_SIGNED", json.dumps(fields))
        connection = read_connection("signed")
        assert connection is not None
        return [(one.webhook_key, one.secret) for one in connection.signing_secrets]

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ({"k1": "s1", "k2": " s2 "}, [("k1", "s1"), ("k2", "s2")]),
            (["s1", "s2"], [(None, "s1"), (None, "s2")]),
            ("s1", [(None, "s1")]),
            ('{"k1": "s1"}', [("k1", "s1")]),
            ('["s1"]', [(None, "s1")]),
            ([], []),
            ({}, []),
        ],
    )
    def test_they_are_read_in_every_form(self, monkeypatch: pytest.MonkeyPatch, written: Any, meant: Any) -> None:
        assert self._of(monkeypatch, written) == meant

    @pytest.mark.parametrize("written", [{"k": 1}, ["s3cret", ""], {"k": ["s3cret"]}, 7, [None], {"k": " "}])
    def test_another_form_is_named_without_showing_a_secret(
        self, monkeypatch: pytest.MonkeyPatch, written: Any
    ) -> None:
        with pytest.raises(ValueError, match=r"connection 'signed', extra field signing_secrets: must be") as error:
            self._of(monkeypatch, written)
        assert "s3cret" not in str(error.value)

    def test_without_the_field_there_are_none(self, sandbox: Sandbox) -> None:
        connection = read_connection("partnero_default")
        assert connection is not None
        assert connection.signing_secrets == ()
