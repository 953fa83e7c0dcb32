"""The ledger at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.utils.session import create_session
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from airflow_provider_partnero.ledger import overview
from airflow_provider_partnero.ledger.overview import LastDelivery, last_deliveries, read_overview
from airflow_provider_partnero.ledger.tables import DELIVERIES, WAITING, create_tables
from airflow_provider_partnero.plugin.status import ledger_status
from tests.unit.conftest import Airflow

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables(airflow: Airflow) -> Iterator[None]:
    """The ledger's tables, emptied afterwards."""
    with create_session() as session:
        create_tables(cast("Engine", session.get_bind()))
    _fill([])
    yield
    _fill([])


def _fill(rows: list[dict[str, Any]], waiting: list[dict[str, Any]] | None = None) -> None:
    with create_session() as session:
        session.execute(delete(DELIVERIES))
        session.execute(delete(WAITING))
        if rows:
            session.execute(insert(DELIVERIES), rows)
        if waiting:
            session.execute(insert(WAITING), waiting)


def _entry(number: int, conn_id: str, event: str | None, age: timedelta, outcome: str | None) -> dict[str, Any]:
    return {
        "delivery_id": str(number),
        "conn_id": conn_id,
        "event": event,
        "recorded_at": NOW - age,
        "outcome": outcome,
    }


@pytest.mark.usefixtures("tables")
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x.a", "x.b", "y", "Y", None]), st.integers(0, 10**6)),
        max_size=30,
    )
)
def test_the_last_delivery_of_each_event_is_what_a_look_at_every_entry_finds(
    recorded: list[tuple[str, str | None, int]],
) -> None:
    _fill(
        [
            _entry(number, conn_id, event, timedelta(seconds=age), "accepted")
            for number, (conn_id, event, age) in enumerate(recorded)
        ]
    )
    youngest: dict[tuple[str, str], int] = {}
    for conn_id, event, age in recorded:
        if event is not None and conn_id in "ab":
            youngest[conn_id, event] = min(age, youngest.get((conn_id, event), age))
    with create_session() as session:
        found = last_deliveries(session, {"b", "a", "d"})
    assert {(last.conn_id, last.event): last.age(NOW) for last in found} == youngest
    assert len(found) == len(youngest)


@pytest.mark.usefixtures("tables")
def test_made_up_events_of_somebody_with_a_secret_are_told_up_to_a_limit() -> None:
    _fill([_entry(number, "c", f"event-{number:03}", timedelta(0), "accepted") for number in range(150)])
    with create_session() as session:
        found = last_deliveries(session, ["c"])
    assert [last.event for last in found] == [f"event-{number:03}" for number in range(100)]


@pytest.mark.usefixtures("tables")
def test_recent_deliveries_are_counted_by_outcome_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST_COUNTED", 4)
    hour, days = timedelta(hours=1), timedelta(days=3)
    rows = [_entry(number, "c", "e", hour, "accepted") for number in range(9)]
    rows += [_entry(100, "c", "e", days, "paused"), _entry(101, "c", "e", hour, "unrouted")]
    rows += [_entry(102, "c", None, hour, None), _entry(103, "c", "e", timedelta(days=8), "unrouted")]
    _fill(rows)
    with create_session() as session:
        recent = read_overview(session, ["c"], NOW).recent
    assert recent == {
        "24 h": {"accepted": 4, "paused": 0, "unrouted": 1, "forgotten": 0},
        "7 d": {"accepted": 4, "paused": 1, "unrouted": 1, "forgotten": 0},
    }


@pytest.mark.usefixtures("tables")
def test_what_waits_is_told_with_its_dag_the_longest_waiting_first() -> None:
    hour = timedelta(hours=1)
    _fill(
        [_entry(1, "c", "e", hour, "paused")],
        [
            {"conn_id": "c", "event": "late", "dag_id": "d", "since": NOW, "at": NOW},
            {"conn_id": "c", "event": "e", "dag_id": "", "since": NOW - hour, "at": NOW},
        ],
    )
    with create_session() as session:
        told = ledger_status(read_overview(session, ["c"], NOW), NOW)
    assert [(one["event"], one["dag"]) for one in told["waiting"]] == [("e", None), ("late", "d")]
    assert told["last_deliveries"] == [
        {"connection": "c", "event": "e", "at": "2026-11-26T11:00:00+00:00", "age_seconds": 3600}
    ]


def test_an_age_is_never_negative() -> None:
    assert LastDelivery("c", "e", NOW + timedelta(seconds=9)).age(NOW) == 0
