"""Which connections the receiver knows, how often it reads them and their webhooks, and what it does meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret
from airflow_provider_partnero.plugin.receiver.answers import UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.fresh import GoneError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.receiver_webhooks import ReceiverWebhooks
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry, Signers

CONNECTION = SigningConnection("c", Secret("token"), "https://api.partnero.example/v1", True, ())
LISTED = replace(CONNECTION, signing_secrets=(SigningSecret(Secret("s1"), "k1"), SigningSecret(Secret("any"))))
HANG = 60.0  # seconds; bounds a test that has failed already

Candidates = Sequence[tuple[str | None, Secret]]


class World:
    """Connections and webhooks, with a clock, and lists of what was read."""

    def __init__(self) -> None:
        self.connections: dict[str, SigningConnection | Exception] = {"c": CONNECTION}
        self.webhooks: dict[str, str] | Exception = {"k": "first"}
        self.now = 0.0
        self.read: list[str] = []
        self.lists = 0
        self.at_once = self.most_at_once = 0
        self.answers = threading.Event()
        self.answers.set()
        self.registry = SignerRegistry(frozenset({"c", "d"}), self._read, self._read_list, lambda: self.now)

    def _read(self, conn_id: str) -> SigningConnection:
        self.read.append(conn_id)
        found = self.connections.get(conn_id, GoneError("Airflow has no connection by this name"))
        if isinstance(found, Exception):
            raise found
        return found

    def _read_list(self, connection: SigningConnection) -> ReceiverWebhooks:
        self.lists += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert self.answers.wait(HANG)
            if isinstance(self.webhooks, Exception):
                raise self.webhooks
            secrets = {key: Secret(secret) for key, secret in self.webhooks.items()}
            return ReceiverWebhooks(connection.conn_id, secrets, {"other": "elsewhere"}, (f"{len(secrets)} webhooks",))
        finally:
            self.at_once -= 1

    async def signers(self, conn_id: str = "c") -> Signers:
        signers = await self.registry.signers(conn_id)
        assert signers is not None
        return signers

    async def candidates(self, key: str | None = "k") -> Any:
        return await _outcome((await self.signers()).candidates(key))

    async def refreshed(self, key: str | None = "k") -> Any:
        return await _outcome((await self.signers()).refreshed(key))


async def _outcome(work: Coroutine[Any, Any, Candidates | None]) -> Any:
    """The secrets by key; the answer of a refusal."""
    try:
        async with asyncio.timeout(HANG):
            found = await work
    except RefusedError as refusal:
        return refusal.answer
    return None if found is None else dict(found)


@pytest.fixture
def world() -> World:
    return World()


def _run(scene: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(scene)


class TestConnections:
    """Only those that are allowed are ever looked for."""

    @pytest.mark.parametrize(
        "conn_id",
        ["", "C", "c ", " c", "c/", "../c", "c?version=1", "../variables/secret", "arn:aws:x", "c\0", "e", "c" * 9_999],
    )
    def test_a_name_that_is_not_allowed_to_the_letter_is_unknown_and_nobody_is_asked(
        self, world: World, conn_id: str
    ) -> None:
        assert _run(world.registry.signers(conn_id)) is None
        assert world.read == []

    @given(st.text().filter(lambda text: text not in {"c", "d"}))
    def test_whatever_the_url_says_nobody_is_asked_for_it(self, conn_id: str) -> None:
        world = World()
        assert _run(world.registry.signers(conn_id)) is None
        assert world.read == []

    def test_a_connection_is_read_once_a_minute_and_keeps_its_secrets(self, world: World) -> None:
        async def scene() -> None:
            for now, read in [(0, 1), (60, 1), (61, 2), (121, 2), (122, 3)]:
                world.now = now
                assert await world.candidates() == {"k": "first"}
                assert len(world.read) == read
            assert world.lists == 1

        _run(scene())

    def test_many_who_ask_at_once_share_one_reading(self, world: World) -> None:
        async def scene() -> None:
            signers = await asyncio.gather(*(world.signers() for _ in range(200)))
            assert len({id(one) for one in signers}) == 1
            assert world.read == ["c"]

        _run(scene())

    @pytest.mark.parametrize(
        ("found", "reason"),
        [
            (GoneError("Airflow has no connection by this name"), "Airflow has no connection by this name"),
            (GoneError("its type is not partnero"), "its type is not partnero"),
            (LookupError("EnvironmentVariablesBackend cannot read it (ValueError)"), "EnvironmentVariablesBackend"),
            (ValueError("connection 'c', extra field timeout=0: must be"), "extra field timeout=0"),
            (ConnectionError("the secrets backend is out"), "the secrets backend is out"),
        ],
        ids=["missing", "another type", "malformed", "a bad field", "an outage"],
    )
    def test_an_allowed_one_that_cannot_be_used_is_unavailable_and_the_log_is_told_why(
        self, world: World, found: Exception, reason: str
    ) -> None:
        world.connections["c"] = found
        with pytest.raises(RefusedError, match=f'connection "c" cannot be used: .*{reason}') as refusal:
            _run(world.signers())
        assert refusal.value.answer == UNAVAILABLE
        assert refusal.value.answer.retry_after

    def test_one_that_cannot_be_used_is_read_again_every_two_seconds_however_many_ask(self, world: World) -> None:
        world.connections["c"] = GoneError("not there")

        async def scene() -> None:
            for now, read in [(0.0, 1), (1.9, 1), (2.0, 2)]:
                world.now = now
                for _ in range(100):
                    with pytest.raises(RefusedError):
                        await world.signers()
                assert len(world.read) == read
            world.connections["c"] = CONNECTION
            world.now = 4.0
            assert await world.candidates() == {"k": "first"}

        _run(scene())

    def test_an_hour_without_the_secrets_backend_does_not_matter_and_is_told_once(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def scene() -> None:
            await world.candidates()
            world.connections["c"] = ConnectionError("the secrets backend is out")
            for now in range(61, 3_600, 60):
                world.now = now
                assert await world.candidates() == {"k": "first"}
                await asyncio.sleep(0.001)
            world.now = 3_601
            with pytest.raises(RefusedError):
                await world.signers()

        _run(scene())
        told = [record.getMessage() for record in caplog.records if "secrets backend" in record.getMessage()]
        assert told == [
            'Connection "c" cannot be used; what was read before is used: the secrets backend is out',
        ]

    def test_a_deleted_connection_admits_nobody_any_more(self, world: World) -> None:
        async def scene() -> None:
            await world.candidates()
            del world.connections["c"]
            world.now = 61
            with pytest.raises(RefusedError):
                await world.signers()

        _run(scene())

    @pytest.mark.parametrize(
        ("change", "lists"),
        [
            ({"store": "ids"}, 1),
            ({"timeout": (1.0, 1.0)}, 1),
            ({"token": Secret("other")}, 2),
            ({"base_url": "https://other.example/v1"}, 2),
            ({"verify": False}, 2),
        ],
        ids=str,
    )
    def test_secrets_are_kept_when_a_connection_changes_but_not_when_it_leads_elsewhere(
        self, world: World, change: dict[str, Any], lists: int
    ) -> None:
        async def scene() -> None:
            await world.candidates()
            world.connections["c"] = replace(CONNECTION, **change)
            world.now = 61
            assert (await world.signers()).connection == world.connections["c"]
            await world.candidates()
            assert world.lists == lists

        _run(scene())

    def test_two_connections_have_nothing_in_common(self, world: World) -> None:
        async def scene() -> None:
            world.connections["d"] = replace(CONNECTION, conn_id="d", token=Secret("of d"))
            await world.candidates()
            assert await _outcome((await world.signers("d")).candidates("k")) == {"k": "first"}
            assert world.lists == 2

        _run(scene())


class TestSecretsAtPartnero:
    """One reading of the list, for all who ask."""

    def test_the_list_is_read_once_in_ten_minutes(self, world: World) -> None:
        async def scene() -> None:
            for now, lists in [(0, 1), (600, 1), (601, 2)]:
                world.now = now
                assert await world.candidates() == {"k": "first"}
                assert world.lists == lists

        _run(scene())

    def test_without_a_key_all_are_candidates_and_one_that_is_not_admitted_has_none(self, world: World) -> None:
        async def scene() -> None:
            world.webhooks = {"k": "first", "l": "second"}
            assert await world.candidates(None) == {"k": "first", "l": "second"}
            assert await world.candidates("made up") == {}
            assert await world.candidates("other") == {}
            signers = await world.signers()
            assert "delivers to another URL" in signers.why_not("other")
            assert 'no webhook "made up" of this programme' in signers.why_not("made up")
            assert world.lists == 1

        _run(scene())

    def test_a_new_webhook_and_a_rotated_secret_are_found_at_once_and_a_deleted_one_is_gone(self, world: World) -> None:
        async def scene() -> None:
            assert await world.candidates() == {"k": "first"}
            world.webhooks = {"k": "rotated", "new": "born"}
            assert await world.refreshed("new") == {"new": "born"}
            assert await world.candidates() == {"k": "rotated"}
            world.webhooks = {}
            world.now = 10
            assert await world.refreshed() == {}
            assert await world.candidates() == {}

        _run(scene())

    def test_made_up_keys_cost_one_reading_in_ten_seconds_and_keep_no_known_one_waiting(self, world: World) -> None:
        async def scene() -> None:
            await world.candidates()
            world.answers.clear()  # Partnero hangs
            flood = [asyncio.create_task(world.refreshed(f"made up {number}")) for number in range(500)]
            for _ in range(5):
                await asyncio.sleep(0)
                assert await world.candidates() == {"k": "first"}
            world.answers.set()
            assert await asyncio.gather(*flood) == [{}] * 500
            for world.now in (0.0, 5.0, 9.9):
                assert [await world.refreshed(f"made up {number}") for number in range(100)] == [None] * 100
            assert world.lists == 2
            world.now = 10.0
            assert [await world.refreshed(f"made up {number}") for number in range(100)] == [{}, *[None] * 99]
            assert (world.lists, world.most_at_once) == (3, 1)

        _run(scene())

    def test_after_a_restart_a_flood_and_the_genuine_ones_wait_for_one_reading(self, world: World) -> None:
        async def scene() -> None:
            world.answers.clear()
            waiting = [asyncio.create_task(world.candidates(f"made up {number}")) for number in range(400)]
            genuine = [asyncio.create_task(world.candidates()) for _ in range(20)]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in [*waiting, *genuine])
            world.answers.set()
            assert await asyncio.gather(*genuine) == [{"k": "first"}] * 20
            assert await asyncio.gather(*waiting) == [{}] * 400
            assert world.lists == 1

        _run(scene())

    def test_one_who_gives_up_leaves_the_reading_to_those_who_come_next(self, world: World) -> None:
        async def scene() -> None:
            world.answers.clear()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await (await world.signers()).candidates("k")
            world.answers.set()
            assert await world.candidates() == {"k": "first"}
            assert world.lists == 1

        _run(scene())

    def test_an_outage_is_a_delivery_to_come_again_and_asked_about_once_in_ten_seconds(self, world: World) -> None:
        async def scene() -> None:
            world.webhooks = ConnectionError("no answer")
            for now, lists in [(0.0, 1), (9.9, 1), (10.0, 2)]:
                world.now = now
                assert [await world.candidates() for _ in range(50)] == [UNAVAILABLE] * 50
                assert world.lists == lists
            with pytest.raises(RefusedError, match="the secrets cannot be read from Partnero: no answer"):
                await (await world.signers()).candidates("k")

        _run(scene())

    def test_a_day_without_partnero_does_not_matter_and_is_told_once(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def scene() -> None:
            await world.candidates()
            world.webhooks = ConnectionError("no answer")
            for hour in range(1, 25):
                world.now = 3_600.0 * hour
                assert await world.candidates() == {"k": "first"}
                assert await world.candidates("made up") == {}
                await asyncio.sleep(0.001)
            world.now += 1
            assert await world.candidates() == UNAVAILABLE

        _run(scene())
        told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert told == [
            "1 webhooks",
            'The secrets of connection "c" cannot be read from Partnero; what was read before is used: no answer',
        ]

    def test_what_a_reading_remarks_is_told_once(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        async def scene() -> None:
            for world.now in (0, 700, 1_400):
                await world.candidates()
            world.webhooks = {}
            world.now = 2_100
            await world.candidates()

        _run(scene())
        assert [record.getMessage() for record in caplog.records] == ["1 webhooks", "0 webhooks"]


class TestListedSecrets:
    """Those in the connection's extra; Partnero is never asked."""

    def test_they_are_the_candidates_of_their_webhook_or_of_any(self, world: World) -> None:
        async def scene() -> None:
            world.connections["c"] = LISTED
            assert await world.candidates("k1") == {"k1": "s1", None: "any"}
            assert await world.candidates("other") == {None: "any"}
            assert await world.candidates(None) == {"k1": "s1", None: "any"}
            assert world.lists == 0

        _run(scene())

    def test_a_secret_that_was_changed_in_the_connection_is_found_once_in_ten_seconds(self, world: World) -> None:
        async def scene() -> None:
            world.connections["c"] = LISTED
            await world.signers()
            world.connections["c"] = replace(LISTED, signing_secrets=(SigningSecret(Secret("s2"), "k1"),))
            assert await world.refreshed("k1") == {"k1": "s2"}
            assert await world.candidates("k1") == {"k1": "s2"}
            for world.now, expected in ((9.9, None), (10.0, {"k1": "s2"})):
                assert await world.refreshed("k1") == expected
            assert world.read == ["c"] * 3
            assert world.lists == 0

        _run(scene())

    def test_a_connection_that_cannot_be_read_then_is_a_delivery_to_come_again(self, world: World) -> None:
        async def scene() -> None:
            world.connections["c"] = LISTED
            await world.signers()
            world.connections["c"] = ConnectionError("out")
            assert await world.refreshed("k1") == UNAVAILABLE
            assert await world.candidates("k1") == {"k1": "s1", None: "any"}

        _run(scene())

    def test_the_log_can_say_why_a_webhook_is_not_admitted(self, world: World) -> None:
        async def scene() -> None:
            world.connections["c"] = LISTED
            assert (await world.signers()).why_not("k9") == (
                'connection "c" has no secret of webhook "k9" in signing_secrets'
            )

        _run(scene())
