"""Strangers may ask for ``/readyz`` as often as they like; the database is asked once a second, by one thread."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from airflow_provider_partnero.standalone.readiness import NotReadyError, Readiness


class Database:
    """Counts the looks at it; fails or hangs on demand."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: Exception | None = None
        self.let_go = threading.Event()
        self.let_go.set()

    def look(self) -> None:
        self.looks += 1
        self.let_go.wait()
        if self.error:
            raise self.error


def test_a_thousand_questions_are_one_look_until_it_is_a_second_old() -> None:
    database, now = Database(), [0.0]

    async def ask() -> None:
        readiness = Readiness(database.look, clock=lambda: now[0])
        assert set(await asyncio.gather(*(readiness.wrong_hop() for _ in range(1_000)))) == {None}
        assert database.looks == 1
        now[0] = 0.9
        await readiness.wrong_hop()
        assert database.looks == 1
        now[0] = 1.0
        await readiness.wrong_hop()
        assert database.looks == 2

    asyncio.run(ask())


def test_a_database_that_hangs_is_named_and_holds_one_thread_only() -> None:
    database = Database()
    database.let_go.clear()

    async def ask() -> None:
        readiness = Readiness(database.look, patience=0.01)
        for _ in range(20):
            assert await readiness.wrong_hop() == "database"
        assert database.looks == 1
        database.let_go.set()
        while await readiness.wrong_hop():
            await asyncio.sleep(0)

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("error", "hop"),
    [
        (NotReadyError("tables", "the table is missing"), "tables"),
        (NotReadyError("airflow's tables", "run `airflow db migrate`"), "airflow's tables"),
        (RuntimeError("with a password"), "database"),
    ],
)
def test_what_is_wrong_is_said_once_in_the_log_and_so_is_the_end_of_it(
    error: Exception, hop: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database()
    database.error = error

    async def ask() -> None:
        readiness = Readiness(database.look, fresh_for=0)
        assert [await readiness.wrong_hop() for _ in range(3)] == [hop] * 3
        database.error = None
        assert [await readiness.wrong_hop() for _ in range(3)] == [None] * 3

    with caplog.at_level(logging.WARNING, "airflow_provider_partnero"):
        asyncio.run(ask())
    assert len(caplog.records) == 2
    assert "password" not in caplog.text
