"""Which connections the receiver knows, and how often it reads them."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import FLOODED, UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.registry import CONNECTIONS, SignerRegistry

CONNECTION = SigningConnection("c", Secret("token"), "https://api.partnero.example/v1", True, ())
HANG = 60.0  # seconds; bounds a test that has failed already


class Connections:
    """Connections by name, a clock, and a list of what was read."""

    def __init__(self) -> None:
        self.by_name = {"c": CONNECTION}
        self.now = 0.0
        self.read: list[str] = []
        self.is_out = False
        self.answers = threading.Event()
        self.answers.set()
        self.registry = self.new_registry(patience=HANG)

    def new_registry(self, patience: float) -> SignerRegistry:
        """A registry that waits so many seconds for a new reading when it can have an old one."""
        return SignerRegistry(self._read, replace(CONNECTIONS, patience=patience), lambda: self.now)

    def _read(self, conn_id: str) -> SigningConnection | None:
        self.read.append(conn_id)
        assert self.answers.wait(HANG)
        if self.is_out:
            raise ConnectionError("the secrets backend is out")
        return self.by_name.get(conn_id)

    def signers(self, conn_id: str = "c") -> Any:
        try:
            return asyncio.run(self.registry.signers(conn_id))
        except RefusedError as refusal:
            return refusal.answer


@pytest.fixture
def connections() -> Connections:
    return Connections()


def test_a_connection_is_read_once_a_minute_and_keeps_its_secrets(connections: Connections) -> None:
    first = connections.signers()
    for now, read in [(59, 1), (61, 2)]:
        connections.now = now
        assert connections.signers().secrets is first.secrets
        assert len(connections.read) == read


def test_a_changed_connection_starts_with_no_secrets(connections: Connections) -> None:
    first = connections.signers()
    connections.by_name["c"] = SigningConnection("c", Secret("other"), CONNECTION.base_url, True, ())
    connections.now = 61
    assert connections.signers().secrets is not first.secrets


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


def test_a_refusal_says_for_the_log_which_connection_and_why(connections: Connections) -> None:
    connections.is_out = True
    with pytest.raises(RefusedError, match="connection 'c' cannot be used: the secrets backend is out"):
        asyncio.run(connections.registry.signers("c"))
    for number in range(119):
        connections.signers(f"made-up-{number}")
    with pytest.raises(RefusedError, match="more than 120 connections to be read within a minute"):
        asyncio.run(connections.registry.signers("c"))


def test_a_secrets_backend_that_hangs_is_not_waited_for(connections: Connections) -> None:
    registry = connections.new_registry(patience=0.0)

    async def ask() -> tuple[Any, Any]:
        first = await registry.signers("c")
        connections.now = 61
        connections.answers.clear()
        again = await registry.signers("c")
        async with asyncio.timeout(HANG):
            while len(connections.read) < 2:
                await asyncio.sleep(0.01)
        connections.answers.set()
        return first, again

    first, again = asyncio.run(ask())
    assert again is first


def test_made_up_connections_do_not_keep_a_known_one_from_being_read_again(connections: Connections) -> None:
    connections.signers()
    for number in range(200):
        connections.signers(f"made-up-{number}")
    connections.by_name["c"] = other = SigningConnection("c", Secret("other"), CONNECTION.base_url, True, ())
    connections.now = 60.5
    for number in range(200):
        connections.signers(f"made-up-{number}")
    assert connections.signers().connection.token == other.token


def test_one_connection_under_many_names_has_one_set_of_secrets(connections: Connections) -> None:
    """As one from the environment has: its name is read in capitals, however it is written."""
    names = ["c", "C", "another"]
    connections.by_name = {name: replace(CONNECTION, conn_id=name) for name in names}
    assert len({id(connections.signers(name).secrets) for name in names}) == 1


@pytest.mark.parametrize("conn_id", ["", "c" * 251, "a\0b", "a\nb", "\u202e"])
def test_what_no_connection_can_be_named_is_unknown_and_not_looked_for(connections: Connections, conn_id: str) -> None:
    assert connections.signers(conn_id) is None
    assert connections.read == []


def test_many_who_ask_at_once_share_one_reading(connections: Connections) -> None:
    async def ask() -> list[Any]:
        return await asyncio.gather(*(connections.registry.signers("c") for _ in range(200)))

    assert len({id(signers) for signers in asyncio.run(ask())}) == 1
    assert connections.read == ["c"]


def test_a_deleted_connection_is_no_longer_known(connections: Connections) -> None:
    connections.signers()
    connections.by_name.clear()
    connections.now = 61
    assert connections.signers() is None
