"""What a connection of Airflow says about who may sign."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.secrets.environment_variables import EnvironmentVariablesBackend

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

    @pytest.mark.parametrize(
        "written",
        [
            '{"conn_type": "partnero", "password": "tOkEn"',
            '{"conn_type": "partnero", "password": "tOkEn", "port": "x"}',
            '{"conn_type": "partnero", "token": "tOkEn"}',
            '{"conn_type": "partnero", "password": 12345}',
            "partnero://:tOkEn@host:port/v1",
            "a://:tOkEn@b://c://d",
            "partnero://:tOkEn@[::1",
        ],
    )
    def test_a_malformed_one_in_the_environment_is_not_gone_and_its_token_not_shown(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, written: str
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BROKEN", written)
        with pytest.raises(LookupError, match=r"variable AIRFLOW_CONN_BROKEN is malformed \(\w+\)") as error:
            read_connection("broken")
        assert "tOkEn" not in _with_causes(error.value)

    @pytest.mark.parametrize("written", ["tOkEn", '["tOkEn"]', "7", "null", '{"password": "tOkEn"}'])
    def test_what_airflow_reads_as_a_connection_without_a_type_is_none_of_partneros(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, written: str
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BROKEN", written)
        with pytest.raises(GoneError, match="its type is not partnero"):
            read_connection("broken")

    @pytest.mark.parametrize("extra", ["{no", ["a"], {"timeout": 0}, {"signing_secrets": 7}, {"store": "everything!"}])
    def test_a_field_that_is_not_allowed_is_named(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, extra: Any
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps({"conn_type": "partnero", "extra": extra}))
        with pytest.raises(ValueError, match="connection 'broken'"):
            read_connection("broken")

    def test_one_that_airflow_cannot_decrypt_is_not_gone(self, airflow: Airflow) -> None:
        with (
            _in_the_database("undecipherable", password="no token of Fernet"),
            pytest.raises(LookupError, match=r"MetastoreBackend cannot read it \(\w+\)"),
        ):
            read_connection("undecipherable")
        with pytest.raises(GoneError):
            read_connection("undecipherable")

    def test_one_in_the_database_is_not_gone_where_airflow_does_not_look_there(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "none that Airflow knows")
        with (
            _in_the_database("stored"),
            pytest.raises(LookupError, match="MetastoreBackend has it, but Airflow cannot use it"),
        ):
            read_connection("stored")

    def test_while_a_secrets_backend_is_out_nothing_is_gone(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(EnvironmentVariablesBackend, "get_connection", _out)
        with pytest.raises(LookupError, match=r"EnvironmentVariablesBackend cannot read it \(ConnectionError\)"):
            read_connection("nobody")

    def test_what_a_connection_says_about_storing_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_KEPT", json.dumps({"conn_type": "partnero", "extra": {"store": "ids"}}))
        assert read_connection("kept").store == "ids"


def _out(self: Any, conn_id: str, **_: Any) -> None:
    raise ConnectionError("out, and my token is tOkEn")


def _with_causes(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error)) if error else ""


@contextmanager
def _in_the_database(conn_id: str, password: str | None = None) -> Iterator[None]:
    """A row of a connection of type ``partnero``, with a password as if it were encrypted."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    row = {"conn_id": conn_id, "password": password}
    with create_session() as session:
        columns = "conn_id, conn_type, password, is_encrypted, is_extra_encrypted"
        session.execute(text(f"insert into connection ({columns}) values (:conn_id, 'partnero', :password, 1, 0)"), row)
    try:
        yield
    finally:
        with create_session() as session:
            session.execute(text("delete from connection where conn_id = :conn_id"), row)


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
