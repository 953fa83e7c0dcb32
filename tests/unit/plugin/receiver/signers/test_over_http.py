"""Who may sign, asked of a Partnero over HTTP: at a restart, under a flood, and when Partnero is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.receiver.answers import UNAVAILABLE, RefusedError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.receiver_webhooks import read_webhooks
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry, Signers
from airflow_provider_partnero.sandbox import Sandbox
from tests.slow_server import MANNERS, Manner, SlowServer

CONN_ID = "partnero_default"
HERE = f"https://airflow.example/partnero/webhooks/{CONN_ID}"
OURS = {"key": "ours", "url": HERE, "events": ["partner.created"], "signature": "s3cretOfOurs"}
THEIRS = OURS | {"key": "theirs", "url": "https://crm.example/x", "signature": "s3cretOfTheirs"}
HANG = 60.0  # seconds; bounds a test that has failed already
DEADLINE = 0.3  # seconds that somebody waits who wants to give up


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _registry(base_url: str, clock: Clock, seconds: float = HANG) -> SignerRegistry:
    def read(conn_id: str) -> SigningConnection:
        return SigningConnection(conn_id, Secret("demo"), base_url, True, (), timeout=(HANG, HANG))

    return SignerRegistry(frozenset({CONN_ID}), read, lambda connection: read_webhooks(connection, seconds), clock)


async def _signers(registry: SignerRegistry) -> Signers:
    signers = await registry.signers(CONN_ID)
    assert signers is not None
    return signers


async def _outcome(work: Coroutine[Any, Any, Any], deadline: float = HANG) -> Any:
    """The secrets by key; None; the answer of a refusal; or that it takes too long."""
    try:
        async with asyncio.timeout(deadline):
            found = await work
    except RefusedError as refusal:
        return refusal.answer
    except TimeoutError:
        return TimeoutError
    return None if found is None else dict(found)


def _lists(sandbox: Sandbox) -> int:
    """How often the list was asked for; nothing else was."""
    assert {f"{request.method} {request.path}" for request in sandbox.requests()} <= {"GET /webhooks"}
    return len(sandbox.requests())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(sandbox: Sandbox, clock: Clock) -> SignerRegistry:
    sandbox.put_webhooks([OURS, THEIRS])
    return _registry(sandbox.base_url, clock)


def test_after_a_restart_a_flood_of_made_up_keys_locks_nobody_out_though_partnero_is_slow(
    sandbox: Sandbox, registry: SignerRegistry, clock: Clock
) -> None:
    sandbox.fault(delay=0.3, times=99)

    async def scene() -> None:
        signers = await _signers(registry)
        flood = [asyncio.create_task(_outcome(signers.candidates(f"madeUp{number}"))) for number in range(400)]
        genuine = [asyncio.create_task(_outcome(signers.candidates("ours"))) for _ in range(20)]
        assert await asyncio.gather(*genuine) == [{"ours": "s3cretOfOurs"}] * 20
        assert await asyncio.gather(*flood) == [{}] * 400
        assert _lists(sandbox) == 1
        flood = [asyncio.create_task(_outcome(signers.refreshed(f"madeUp{number}"))) for number in range(400)]
        await asyncio.sleep(0)
        assert await _outcome(signers.candidates("ours")) == {"ours": "s3cretOfOurs"}
        assert not any(task.done() for task in flood)
        assert await asyncio.gather(*flood) == [{}] * 400
        for _ in range(60):  # a minute
            clock.now += 1
            answers = [await _outcome(signers.refreshed(f"later{number}")) for number in range(40)]
            assert set(map(str, answers)) <= {"{}", "None"}
            assert await _outcome(signers.candidates("ours")) == {"ours": "s3cretOfOurs"}
        assert _lists(sandbox) == 2 + 6

    asyncio.run(scene())


def test_only_a_webhook_that_delivers_here_may_sign_and_the_log_can_say_so_without_asking_again(
    sandbox: Sandbox, registry: SignerRegistry
) -> None:
    async def scene() -> None:
        signers = await _signers(registry)
        assert await _outcome(signers.candidates(None)) == {"ours": "s3cretOfOurs"}
        assert await _outcome(signers.candidates("theirs")) == {}
        assert signers.why_not("theirs").startswith('webhook "theirs" delivers to another URL')
        assert _lists(sandbox) == 1

    asyncio.run(scene())


def test_a_webhook_may_sign_as_soon_as_it_delivers_here_and_no_longer_when_it_is_deleted(
    sandbox: Sandbox, registry: SignerRegistry, clock: Clock
) -> None:
    async def scene() -> None:
        signers = await _signers(registry)
        assert await _outcome(signers.candidates("theirs")) == {}
        sandbox.put_webhooks([THEIRS | {"url": HERE}])
        sandbox.delete_webhook("ours")
        assert await _outcome(signers.refreshed("theirs")) == {"theirs": "s3cretOfTheirs"}
        assert await _outcome(signers.candidates("ours")) == {}
        sandbox.delete_webhook("theirs")
        assert await _outcome(signers.refreshed("theirs")) is None
        clock.now += 10
        assert await _outcome(signers.refreshed("theirs")) == {}
        assert await _outcome(signers.candidates("theirs")) == {}

    asyncio.run(scene())


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 401}, {"drop": "before"}, {"body": "html"}, {"body": "truncated"}], ids=str
)
def test_in_an_outage_old_secrets_are_used_for_a_day_and_without_any_the_delivery_is_to_come_again(
    sandbox: Sandbox, registry: SignerRegistry, clock: Clock, fault: dict[str, Any]
) -> None:
    async def scene() -> None:
        signers = await _signers(registry)
        assert await _outcome(signers.candidates("ours")) == {"ours": "s3cretOfOurs"}
        sandbox.delete_webhook("ours")
        sandbox.fault(times=9_999, **fault)
        for _ in range(24):
            clock.now += 3_600
            assert await _outcome(signers.candidates("ours")) == {"ours": "s3cretOfOurs"}
        clock.now += 1
        assert await _outcome(signers.candidates("ours")) == UNAVAILABLE
        sandbox.clear_faults()
        clock.now += 10
        assert await _outcome(signers.candidates("ours")) == {}

    asyncio.run(scene())


@pytest.mark.parametrize("manner", MANNERS)
def test_a_partnero_that_never_finishes_an_answer_is_asked_once_at_a_time_and_each_who_waits_may_give_up(
    clock: Clock, manner: Manner
) -> None:
    with SlowServer(manner) as server:

        async def scene() -> None:
            signers = await _signers(_registry(server.base_url, clock))
            waiting = [_outcome(signers.candidates(f"k{number}"), DEADLINE) for number in range(200)]
            waiting += [_outcome(signers.refreshed(f"k{number}"), DEADLINE) for number in range(200)]
            assert await asyncio.gather(*waiting) == [TimeoutError] * 400
            while not server.requests:
                await asyncio.sleep(0.01)
            assert server.requests == 1

        asyncio.run(scene())


@pytest.mark.parametrize("manner", MANNERS)
def test_a_reading_that_partnero_never_finishes_ends_and_all_who_wait_are_told(clock: Clock, manner: Manner) -> None:
    with SlowServer(manner) as server:

        async def scene() -> None:
            signers = await _signers(_registry(server.base_url, clock, seconds=0.3))
            assert await asyncio.gather(*(_outcome(signers.candidates("k")) for _ in range(50))) == [UNAVAILABLE] * 50
            requests = server.requests
            assert await _outcome(signers.candidates("k")) == UNAVAILABLE
            assert server.requests == requests

        asyncio.run(scene())


def test_airflows_own_threads_are_left_alone(sandbox: Sandbox, registry: SignerRegistry) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        signers = await _signers(registry)
        await signers.candidates("ours")
        await signers.refreshed("madeUp")
        assert _lists(sandbox) == 2
        assert loop._default_executor is None  # type: ignore[attr-defined]

    asyncio.run(scene())
