"""What servers that never finish an answer do to triggers, to Airflow's own threads, and to the process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.triggers.lanes import THREAD_NAME, lane_of
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger
from airflow_provider_partnero.triggers.polling import Poller, PollResult, poll_list
from tests.slow_server import MANNERS, Manner, SlowServer

from .test_shared_stream import Triggerer, _active, _triggerer

CONNECTIONS = 50
BOUND = 120  # seconds, which only bound a hang
PATIENT = {"timeout": 600}  # a server may be silent for so long


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(BOUND):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("manner", MANNERS)
def test_fifty_connections_that_hang_delay_nothing_else_and_are_cancelled_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, manner: Manner
) -> None:
    sandbox.put_webhooks(_active("k"))

    async def story(server: SlowServer) -> None:
        async with _triggerer() as triggerer:
            for number in range(CONNECTIONS):
                monkeypatch.setenv(f"AIRFLOW_CONN_SLOW{number}", server.connection(**PATIENT))
                triggerer.start(f"slow{number}", "k", partnero_conn_id=f"slow{number}", poke_interval=60)
            triggerer.start("quick", "k")
            await _until(lambda: "quick" in triggerer.events)
            await _until(lambda: server.waiting == CONNECTIONS)
            await _check_that_everything_else_runs()
            triggerer.start("another", "k")
            await _until(lambda: "another" in triggerer.events)
            assert set(triggerer.events) == {"quick", "another"}
            started = time.monotonic()
        assert time.monotonic() - started < 30  # until all are cancelled; one answer may take a minute

    with SlowServer(manner) as server:
        asyncio.run(story(server))
        assert server.requests == CONNECTIONS


async def _check_that_everything_else_runs() -> None:
    async with asyncio.timeout(BOUND):
        for _ in range(20):
            await asyncio.sleep(0.05)
        await asyncio.gather(*(asyncio.to_thread(int) for _ in range(100)))  # asyncio's own threads
        await asyncio.gather(*(sync_to_async(int)() for _ in range(100)))  # asgiref's, which Airflow's triggers use


def test_a_stream_that_hangs_delays_only_its_own_subscribers(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"k{number}" for number in range(20)]
    sandbox.put_webhooks(_active(*keys))

    async def story(triggerer: Triggerer, server: SlowServer) -> None:
        for key in keys:
            triggerer.start(f"slow {key}", key, partnero_conn_id="slow", poke_interval=60)
        await _until(lambda: server.waiting)
        for key in keys:
            triggerer.start(key)
        await _until(lambda: set(triggerer.events) == set(keys))
        assert server.requests == 1

    async def run(server: SlowServer) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SLOW", server.connection(**PATIENT))
        async with _triggerer() as triggerer:
            await story(triggerer, server)

    with SlowServer("dripping") as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("manner", MANNERS)
def test_a_server_that_never_finishes_is_asked_again_when_the_patience_is_over(
    monkeypatch: pytest.MonkeyPatch, manner: Manner
) -> None:
    conn_id = f"patient_{manner}"  # in the lane of another test's connection, a poll that was given up may still run

    async def poll() -> list[PollResult]:
        poller = Poller(conn_id, 0.5, lane_of(conn_id, "active"))
        return [await poller.poll(_get) for _ in range(2)]

    with SlowServer(manner) as server:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", server.connection(**PATIENT))
        results = asyncio.run(asyncio.wait_for(poll(), BOUND))
        assert server.requests >= 2
        for result in results:
            assert "/webhooks/k" in (result.trouble or "")
            assert result.failure is None


def _get(client: object) -> PollResult:
    from airflow_provider_partnero.api import PartneroClient
    from airflow_provider_partnero.triggers.polling import AwaitedKeys

    assert isinstance(client, PartneroClient)
    awaited = AwaitedKeys()
    awaited.add("k", is_needed=True)
    return awaited.poll(client)


def test_a_poll_without_a_result_is_trouble_and_the_wait_goes_on(sandbox: Sandbox) -> None:
    released = threading.Event()

    def hang(client: object) -> PollResult:
        released.wait(BOUND)
        return PollResult()

    async def poll() -> tuple[PollResult, PollResult]:
        poller = Poller("partnero_default", 0.01, lane_of("hanging", "active"))
        late = await poller.poll(hang)
        released.set()
        return late, await Poller("partnero_default", BOUND, poller.lane).poll(hang)

    late, after = asyncio.run(poll())
    assert late.trouble == "connection 'partnero_default': no result within 0.1 s, the wait for earlier polls included"
    assert after == PollResult()


@pytest.mark.parametrize(
    ("poke_interval", "patience"), [(0, 10), (1, 10), (30, 30), ("45", 45), (60, 60), (86_400, 60)]
)
def test_the_patience_with_an_answer_follows_the_interval(poke_interval: float, patience: float) -> None:
    assert Poller.of("any", poke_interval, kind="active").patience == patience


SCRIPT = """
    import asyncio, sys
    from asgiref.sync import sync_to_async
    from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

    async def wait(number):
        trigger = PartneroWebhookActiveTrigger("k", partnero_conn_id=f"slow{number}")
        async for _ in trigger.run():
            raise AssertionError

    async def main():
        tasks = [asyncio.create_task(wait(number)) for number in range(int(sys.argv[1]))]
        await asyncio.to_thread(sys.stdin.readline)  # until all hang
        print(await sync_to_async(lambda: "Airflow's thread is free")(), flush=True)

    asyncio.run(main())
    print("the event loop is closed", flush=True)
"""


@pytest.mark.parametrize("where", ["server", "secrets backend"])
def test_a_process_whose_polls_hang_ends_at_once(tmp_path: Path, where: str) -> None:
    number = 20
    with SlowServer("silent") as server:
        connections = {f"AIRFLOW_CONN_SLOW{n}": server.connection(**PATIENT) for n in range(number)}
        environment = os.environ | (connections if where == "server" else _hanging_backend(tmp_path))
        command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(number)]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            hangs = tmp_path / "hangs"
            end = time.monotonic() + BOUND
            while (server.waiting if where == "server" else len(list(hangs.glob("*")))) < number:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
            written, _ = process.communicate("all hang\n", timeout=30)  # an answer may take a minute
    assert process.returncode == 0
    assert written.splitlines() == ["Airflow's thread is free", "the event loop is closed"]


def _hanging_backend(folder: Path) -> dict[str, str]:
    (folder / "hangs").mkdir()
    (folder / "hanging_backend.py").write_text(
        textwrap.dedent(
            f"""
            import time
            from pathlib import Path
            from airflow.secrets import BaseSecretsBackend

            class Hanging(BaseSecretsBackend):
                def get_connection(self, conn_id, team_name=None):
                    Path({str(folder / "hangs")!r}, conn_id).touch()
                    time.sleep(600)
            """
        )
    )
    return {"AIRFLOW__SECRETS__BACKEND": "hanging_backend.Hanging", "PYTHONPATH": str(folder)}


def test_one_trigger_on_its_own_is_cancelled_while_its_server_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(server: SlowServer) -> None:
        async def wait() -> None:
            async for _ in PartneroWebhookActiveTrigger("k", "slow").run():
                raise AssertionError("fired without an answer")

        task = asyncio.create_task(wait())
        await _until(lambda: server.waiting)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=30)  # an answer may take a minute
        assert done

    with SlowServer("silent") as server:
        monkeypatch.setenv("AIRFLOW_CONN_SLOW", server.connection(**PATIENT))
        asyncio.run(run(server))


@pytest.mark.parametrize("manner", MANNERS)
def test_a_poll_that_nobody_waits_for_is_broken_off(monkeypatch: pytest.MonkeyPatch, manner: Manner) -> None:
    """It would hold up all later polls of its connection, and send requests for nobody."""

    def is_polling() -> bool:
        return any(thread.name == THREAD_NAME for thread in threading.enumerate())

    async def story(server: SlowServer) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SLOW", server.connection(**PATIENT))
        poll = asyncio.create_task(Poller.of("slow", 60, kind="changes").poll(poll_list))
        await _until(lambda: server.waiting == 1)
        started = time.monotonic()
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        await _until(lambda: not is_polling())
        assert time.monotonic() - started < 30  # one answer may take a minute

    with SlowServer(manner) as server:
        asyncio.run(story(server))
        assert server.requests == 1
