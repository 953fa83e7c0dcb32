"""Connections as the receiver reads them, and how often."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_partnero.api.errors import PartneroServerError
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret
from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.signers import registry as programmes
from airflow_provider_partnero.plugin.receiver.signers.connection import Programme, load_programme
from airflow_provider_partnero.plugin.receiver.signers.registry import Programmes
from airflow_provider_partnero.sandbox import Sandbox
from tests.unit.conftest import Airflow

PROGRAMME = Programme("c", Secret("token"), "https://api.partnero.example/v1", True, ())


class Connections:
    """Programmes by connection, a clock, and a list of what was read."""

    def __init__(self) -> None:
        self.programmes: dict[str, Programme] = {"c": PROGRAMME}
        self.now = 0.0
        self.read: list[str] = []
        self.is_out = False
        self.hangs = False
        self.known = Programmes(self._load, lambda: self.now)

    def _load(self, conn_id: str) -> Programme | None:
        self.read.append(conn_id)
        time.sleep(0.5 if self.hangs else 0)
        if self.is_out:
            raise ConnectionError("the secrets backend is out")
        return self.programmes.get(conn_id)

    def signers(self, conn_id: str = "c") -> Any:
        try:
            return asyncio.run(self.known.signers(conn_id))
        except RefusedError as refusal:
            return refusal.answer


@pytest.fixture
def connections() -> Connections:
    return Connections()


def test_a_connection_is_read_once_a_minute_and_keeps_its_secrets(connections: Connections) -> None:
    first = connections.signers()
    for now, read in [(59, 1), (61, 2)]:
        connections.now = now
        assert connections.signers() is first or connections.signers().keyring is first.keyring
        assert len(connections.read) == read


def test_a_changed_connection_starts_with_no_secrets(connections: Connections) -> None:
    first = connections.signers()
    connections.programmes["c"] = Programme("c", Secret("other"), PROGRAMME.base_url, True, ())
    connections.now = 61
    assert connections.signers().keyring is not first.keyring


def test_a_connection_that_nobody_has_is_looked_for_every_fifteen_seconds(connections: Connections) -> None:
    for now, read in [(0, 1), (14, 1), (16, 2)]:
        connections.now = now
        assert connections.signers("nobody") is None
        assert len(connections.read) == read


def test_a_thousand_made_up_connections_cost_a_hundred_and_twenty_readings(connections: Connections) -> None:
    answers = [connections.signers(f"made-up-{number}") for number in range(1_000)]
    assert len(connections.read) == answers.count(None) == 120
    assert answers.count(FLOODED) == 880


def test_an_hour_without_the_secrets_backend_does_not_matter(connections: Connections) -> None:
    first = connections.signers()
    connections.is_out = True
    connections.now = 3_599
    assert connections.signers() is first
    connections.now = 3_601
    assert connections.signers() == UNAVAILABLE


def test_a_secrets_backend_that_hangs_is_not_waited_for(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programmes, "PATIENCE", 0.05)

    async def ask() -> tuple[Any, Any, float]:
        first = await connections.known.signers("c")
        connections.now = 61
        connections.hangs = True
        start = time.monotonic()
        return first, await connections.known.signers("c"), time.monotonic() - start

    first, again, seconds = asyncio.run(ask())
    assert again is first
    assert seconds < 0.4


def test_made_up_connections_do_not_keep_a_known_one_from_being_read_again(connections: Connections) -> None:
    connections.signers()
    for number in range(200):
        connections.signers(f"made-up-{number}")
    connections.programmes["c"] = other = Programme("c", Secret("other"), PROGRAMME.base_url, True, ())
    connections.now = 60.5
    for number in range(200):
        connections.signers(f"made-up-{number}")
    assert connections.signers().programme.token == other.token


def test_one_connection_under_many_names_has_one_keyring(connections: Connections) -> None:
    """As one from the environment has: its name is read in capitals, however it is written."""
    names = ["c", "C", "another"]
    connections.programmes = {name: replace(PROGRAMME, conn_id=name) for name in names}
    assert len({id(connections.signers(name).keyring) for name in names}) == 1


@pytest.mark.parametrize("conn_id", ["", "c" * 251, "a\0b", "a\nb", "\u202e"])
def test_what_no_connection_can_be_named_is_unknown_and_not_looked_for(connections: Connections, conn_id: str) -> None:
    assert connections.signers(conn_id) is None
    assert connections.read == []


def test_many_who_ask_at_once_share_one_reading(connections: Connections) -> None:
    async def ask() -> list[Any]:
        return await asyncio.gather(*(connections.known.signers("c") for _ in range(200)))

    assert len({id(signers) for signers in asyncio.run(ask())}) == 1
    assert connections.read == ["c"]


def test_a_deleted_connection_is_no_longer_known(connections: Connections) -> None:
    connections.signers()
    connections.programmes.clear()
    connections.now = 61
    assert connections.signers() is None


def test_what_is_printed_of_a_programme_holds_no_secret() -> None:
    programme = Programme("c", Secret("tOkEn"), "https://x.example", True, (SigningSecret(Secret("sIgNs")),))
    assert "tOkEn" not in repr(programme)
    assert "sIgNs" not in repr(programme)


class TestLoading:
    def test_a_connection_of_airflow_is_a_programme(self, sandbox: Sandbox) -> None:
        programme = load_programme("partnero_default")
        assert programme is not None
        assert (programme.base_url, programme.token) == (sandbox.base_url, sandbox.token)

    def test_one_of_another_type_and_one_that_nobody_has_are_none(
        self, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_WEB", "http://example.com")
        assert load_programme("web") is None
        assert load_programme("nobody") is None

    def test_a_webhooks_secret_costs_one_request(self, sandbox: Sandbox) -> None:
        sandbox.put_webhooks([{"key": "k", "signature": "s3cret"}])
        programme = load_programme("partnero_default")
        assert programme is not None
        assert programme.secret_of("k") == "s3cret"
        assert len(sandbox.requests()) == 1

    @pytest.mark.parametrize(("key", "requests"), [("gone", 1), ("a/b", 0), ("..", 0)])
    def test_a_key_that_partnero_does_not_know_or_that_is_none_has_no_secret(
        self, sandbox: Sandbox, key: str, requests: int
    ) -> None:
        programme = load_programme("partnero_default")
        assert programme is not None
        assert programme.secret_of(key) is None
        assert len(sandbox.requests()) == requests

    def test_an_outage_is_an_error_after_one_request(self, sandbox: Sandbox) -> None:
        sandbox.fault(status=500, times=9)
        programme = load_programme("partnero_default")
        assert programme is not None
        with pytest.raises(PartneroServerError):
            programme.secret_of("k")
        assert len(sandbox.requests()) == 1

    def test_a_connection_without_token_cannot_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_BARE", "partnero://")
        programme = load_programme("bare")
        assert programme is not None
        with pytest.raises(ValueError, match="neither an API token nor signing_secrets"):
            programme.secret_of("k")


class TestSigningSecrets:
    @staticmethod
    def _of(monkeypatch: pytest.MonkeyPatch, value: Any) -> list[tuple[str | None, str]]:
        connection = {"conn_type": "partnero", "extra": {"signing_secrets": value}}
        monkeypatch.setenv("AIRFLOW_CONN_SIGNED", json.dumps(connection))
        programme = load_programme("signed")
        assert programme is not None
        return [(one.webhook_key, one.secret) for one in programme.signing_secrets]

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
        programme = load_programme("partnero_default")
        assert programme is not None
        assert programme.signing_secrets == ()
