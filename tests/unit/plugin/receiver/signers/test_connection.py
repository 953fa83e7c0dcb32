"""What a connection of Airflow says about who may sign."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret
from airflow_provider_partnero.plugin.receiver.fresh import GoneError
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
        assert (connection.base_url, connection.token) == (sandbox.base_url, sandbox.token)

    def test_one_of_another_type_and_one_that_nobody_has_are_gone_for_certain(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_WEB", "http://example.com")
        with pytest.raises(GoneError, match="its type is not partnero"):
            read_connection("web")
        with pytest.raises(GoneError, match="Airflow has no connection by this name"):
            read_connection("nobody")


class TestSigningSecrets:
    @staticmethod
    def _of(monkeypatch: pytest.MonkeyPatch, value: Any) -> list[tuple[str | None, str]]:
        fields = {"conn_type": "partnero", "extra": {"signing_secrets": value}}
        monkeypatch.setenv("AIRFLOW_CONN_SIGNED", json.dumps(fields))
        connection = read_connection("signed")
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
        assert connection.signing_secrets == ()
