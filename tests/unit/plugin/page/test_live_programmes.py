"""Reading programmes for the page: nobody waits longer than a moment, whatever Partnero does."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from airflow_provider_partnero.api.errors import PartneroAuthenticationError, PartneroConnectionError
from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.plugin.page.live_programmes import LiveProgrammes, ProgrammeState
from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot, read_live, snapshot_of
from airflow_provider_partnero.plugin.receiver.fresh import GoneError
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from tests.slow_server import MANNERS, Manner, SlowServer

HANG = 60.0  # seconds; bounds a test that has failed already


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def connection(conn_id: str, base_url: str = "http://127.0.0.1:9/v1") -> SigningConnection:
    return SigningConnection(conn_id, Secret("demo"), base_url, True, ())


def nothing(conn: SigningConnection) -> ProgrammeSnapshot:
    return snapshot_of([], None, conn.conn_id, datetime.now(UTC))


def test_a_first_reading_that_takes_long_is_said_to_go_on_and_found_when_it_has_come() -> None:
    may_end = threading.Event()

    def slowly(conn: SigningConnection) -> ProgrammeSnapshot:
        may_end.wait(HANG)
        return nothing(conn)

    async def ask() -> list[ProgrammeState]:
        programmes = LiveProgrammes(connection, slowly, patience=0.05)
        states = [await programmes.get("a") for _ in range(3)]
        may_end.set()
        while states[-1].snapshot is None:
            states.append(await programmes.get("a"))
        return states

    states = asyncio.run(ask())
    assert [state.is_loading for state in states[:3]] == [True] * 3
    assert states[-1].is_loading is False


def test_many_who_look_at_once_cost_one_reading() -> None:
    reads = []

    def counted(conn: SigningConnection) -> ProgrammeSnapshot:
        reads.append(conn.conn_id)
        return nothing(conn)

    async def ask() -> None:
        programmes = LiveProgrammes(connection, counted)
        await asyncio.gather(*(programmes.get("a") for _ in range(50)))

    asyncio.run(ask())
    assert reads == ["a"]


def test_a_reading_is_used_for_fifteen_seconds_and_kept_when_partnero_goes_down() -> None:
    clock = Clock()
    answers: list[Exception | None] = [None, PartneroConnectionError("GET /webhooks: silent"), None]
    reads = []

    def look(conn: SigningConnection) -> ProgrammeSnapshot:
        reads.append(clock.now)
        if error := answers.pop(0):
            raise error
        return nothing(conn)

    async def ask() -> list[ProgrammeState]:
        programmes = LiveProgrammes(connection, look, clock, HANG)
        states = []
        for passed in (0.0, 14.0, 2.0, 6.0):
            clock.now += passed
            states.append(await programmes.get("a"))
        await asyncio.sleep(0)
        while len(reads) < 3:
            await asyncio.sleep(0.01)
        states.append(await programmes.get("a", anew=False))
        return states

    states = asyncio.run(ask())
    assert [state.trouble for state in states[:3]] == ["", "", "down"]
    assert states[2].snapshot is states[0].snapshot
    assert "silent" in states[2].words


def test_a_reading_that_took_long_is_used_ten_times_as_long() -> None:
    clock = Clock()
    reads = []

    def slowly(conn: SigningConnection) -> ProgrammeSnapshot:
        reads.append(clock.now)
        clock.now += 6.0
        return nothing(conn)

    async def ask() -> None:
        programmes = LiveProgrammes(connection, slowly, clock, HANG)
        for passed in (0.0, 20.0, 30.0, 10.0):
            clock.now += passed
            await programmes.get("a")

    asyncio.run(ask())
    assert reads == [1_000.0, 1_066.0]


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (PartneroAuthenticationError(401, "Unauthenticated.", {}), "refused"),
        (GoneError("Airflow has no connection by this name"), "absent"),
        (ValueError("max_attempts='x'"), "misconfigured"),
        (LookupError("Airflow cannot read it (OSError)"), "misconfigured"),
        (PartneroConnectionError("GET /webhooks: silent"), "down"),
        (TimeoutError(), "down"),
    ],
)
def test_each_kind_of_trouble_is_told_apart(failure: Exception, trouble: str) -> None:
    def look(conn: SigningConnection) -> ProgrammeSnapshot:
        raise failure

    state = asyncio.run(LiveProgrammes(connection, look).get("a"))
    assert (state.trouble, state.snapshot, bool(state.words)) == (trouble, None, True)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_server_that_is_slow_on_purpose_is_broken_off(manner: Manner) -> None:
    with SlowServer(manner) as server:

        def look(conn: SigningConnection) -> ProgrammeSnapshot:
            webhooks, program = read_live(connection("a", server.base_url), 0.5)
            return snapshot_of(webhooks, program, "a", datetime.now(UTC))

        async def ask() -> ProgrammeState:
            programmes = LiveProgrammes(connection, look, patience=0.05)
            state = await programmes.get("a")
            async with asyncio.timeout(HANG):
                while state.is_loading:
                    state = await programmes.get("a")
            return state

        assert asyncio.run(ask()).trouble == "down"


def test_only_so_many_programmes_are_kept() -> None:
    async def ask() -> int:
        programmes = LiveProgrammes(connection, nothing)
        for number in range(100):
            await programmes.get(str(number))
        return len(programmes._known)

    assert asyncio.run(ask()) == 64


def test_names_that_no_connection_has_make_no_reading_forgotten() -> None:
    reads = []

    def look(conn: SigningConnection) -> ProgrammeSnapshot:
        if conn.conn_id != "a":
            raise GoneError("Airflow has no connection by this name")
        reads.append(conn.conn_id)
        return nothing(conn)

    async def ask() -> ProgrammeState:
        programmes = LiveProgrammes(connection, look, Clock())
        await programmes.get("a")
        for number in range(200):
            await programmes.get(f"made-up-{number}")
        assert len(programmes._known) == 64
        return await programmes.get("a")

    assert asyncio.run(ask()).snapshot is not None
    assert reads == ["a"]


def test_slow_partneros_do_not_hold_up_what_airflow_says_of_a_connection() -> None:
    ends = threading.Event()

    def hang(conn: SigningConnection) -> ProgrammeSnapshot:
        ends.wait(HANG)
        return nothing(conn)

    async def ask() -> str:
        programmes = LiveProgrammes(connection, hang, patience=0.05)
        await asyncio.gather(*(programmes.get(f"slow{number}") for number in range(8)))
        try:
            async with asyncio.timeout(5):
                return (await programmes.connection("b")).conn_id
        finally:
            ends.set()

    assert asyncio.run(ask()) == "b"
