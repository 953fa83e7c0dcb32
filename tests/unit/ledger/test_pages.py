"""Pages of deliveries, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.utils.session import create_session
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from airflow_provider_partnero.ledger import pages
from airflow_provider_partnero.ledger.listing import DeliveryFilter
from airflow_provider_partnero.ledger.pages import DeliveryCursor, DeliveryPage, read_page
from airflow_provider_partnero.ledger.tables import DELIVERIES, create_tables
from tests.unit.conftest import Airflow

from .conftest import CONN, HEARD, LATE, Programme, job

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALL = DeliveryFilter(conn_id="c")


@pytest.fixture(scope="module")
def tables(airflow: Airflow) -> Iterator[None]:
    """The ledger's tables, emptied afterwards."""
    with create_session() as session:
        create_tables(cast("Engine", session.get_bind()))
    yield
    _fill([])


def _fill(rows: list[dict[str, Any]]) -> None:
    with create_session() as session:
        session.execute(delete(DELIVERIES))
        if rows:
            session.execute(insert(DELIVERIES), rows)


def _entry(number: int, age: float, conn_id: str = "c", event: str = "e", outcome: str = "accepted") -> dict[str, Any]:
    return {
        "delivery_id": f"{number:04x}",
        "conn_id": conn_id,
        "event": event,
        "recorded_at": NOW - timedelta(seconds=age),
        "outcome": outcome,
    }


def _read(wanted: DeliveryFilter, before: DeliveryCursor | None = None, size: int = 3) -> DeliveryPage:
    with create_session() as session:
        return read_page(session, wanted, before, size)


def _read_all(wanted: DeliveryFilter) -> list[str]:
    """The ids of all pages, each by way of the cursor's text, as a link has it."""
    found: list[str] = []
    page = _read(wanted)
    while True:
        found += [one.delivery_id for one in page.deliveries]
        if page.older is None:
            return found
        page = _read(wanted, DeliveryCursor.from_text(str(page.older)))


_ENTRIES = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("cd"), st.sampled_from("ef"), st.sampled_from(["accepted", "paused"])),
    max_size=25,
)


@pytest.mark.usefixtures("tables")
@settings(settings.get_profile("quick"))
@given(_ENTRIES, st.sampled_from([None, "e"]), st.sampled_from([(), ("paused",)]), st.integers(1, 30))
def test_the_pages_together_hold_each_delivery_once_the_newest_first_however_little_one_looks_at(
    recorded: list[tuple[int, str, str, str]], event: str | None, outcomes: tuple[str, ...], most: int
) -> None:
    rows = [_entry(number, *one) for number, one in enumerate(recorded)]
    _fill(rows)
    wanted = [
        row
        for row in rows
        if row["conn_id"] == "c" and event in (None, row["event"]) and (not outcomes or row["outcome"] in outcomes)
    ]
    newest = sorted(wanted, key=lambda row: (row["recorded_at"], row["delivery_id"]), reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "MOST_LOOKED_AT", most + 7)  # more than there are of one time
        found = _read_all(DeliveryFilter(conn_id="c", event=event, outcomes=outcomes))
    assert found == [row["delivery_id"] for row in newest]


@pytest.mark.usefixtures("tables")
def test_what_is_delivered_meanwhile_shifts_no_page() -> None:
    _fill([_entry(number, number) for number in range(6)])
    first = _read(ALL)
    with create_session() as session:
        session.execute(insert(DELIVERIES), [_entry(100, -1)])
    second = _read(ALL, first.older)
    assert [one.delivery_id for one in second.deliveries] == ["0003", "0004", "0005"]


@pytest.mark.usefixtures("tables")
def test_deliveries_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_COUNTED", 5)
    _fill([_entry(number, number) for number in range(9)])
    first, last = _read(ALL), _read(ALL, size=20)
    assert (first.number, first.is_number_whole) == (5, False)
    assert (last.number, last.is_number_whole, last.older) == (9, True, None)


@pytest.mark.usefixtures("tables")
def test_a_page_that_looked_at_many_entries_in_vain_says_how_far_back_and_goes_on_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "MOST_LOOKED_AT", 4)
    _fill([*(_entry(number, number, "d") for number in range(9)), _entry(9, 9)])
    first = _read(ALL)
    assert (first.deliveries, first.number, first.is_number_whole) == ((), 0, False)
    assert first.looked_back_to == NOW - timedelta(seconds=4)
    assert _read_all(ALL) == ["0009"]


@pytest.mark.usefixtures("tables")
def test_an_event_is_found_however_many_others_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_LOOKED_AT", 2)
    _fill([*(_entry(number, number) for number in range(9)), _entry(9, 9, event="rare")])
    page = _read(DeliveryFilter(conn_id="c", event="rare"))
    assert [one.delivery_id for one in page.deliveries] == ["0009"]
    assert page.is_number_whole


def _cost(wanted: DeliveryFilter) -> int:
    """How much SQLite works for the first page, in hundreds of its instructions."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    with create_session() as session:
        link: Any = session.connection().connection.driver_connection
        link.set_progress_handler(count, 100)
        try:
            read_page(session, wanted)
        finally:
            link.set_progress_handler(None, 0)
    return steps[0]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "wanted",
    [
        ALL,
        DeliveryFilter(conn_id="c", event="e"),
        DeliveryFilter(conn_id="c", outcomes=("unrouted",)),
        DeliveryFilter(conn_id="c", outcomes=("accepted",)),
        DeliveryFilter(conn_id="c", outcomes=("failed",)),
        DeliveryFilter(conn_id="c", event="e", outcomes=("failed",)),
        DeliveryFilter(conn_id="nobody"),
        DeliveryFilter(conn_id="c", event="nothing"),
    ],
    ids=lambda wanted: f"{wanted.conn_id} {wanted.event} {wanted.outcomes}",
)
def test_a_page_costs_the_same_however_many_deliveries_there_are(
    wanted: DeliveryFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_LOOKED_AT", 300)
    monkeypatch.setattr(pages, "MOST_COUNTED", 100)
    _fill([_entry(number, number, event="ef"[number % 2]) for number in range(1_000)])
    few = _cost(wanted)
    _fill([_entry(number, number, event="ef"[number % 2]) for number in range(10_000)])
    assert _cost(wanted) <= 1.5 * few + 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2026-11-26T12:00:00.000000-",
        "2026-11-26T12:00:00-ab",
        "2026-13-26T12:00:00.000000-ab",
        "2026-11-26T12:00:00.000000-ab\n",
        "٢026-11-26T12:00:00.000000-ab",
        f"2026-11-26T12:00:00.000000-{'a' * 65}",
    ],
)
def test_a_cursor_that_is_none_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"^before=.*where a page of deliveries begins"):
        DeliveryCursor.from_text(text)


def test_a_page_has_the_runs_that_took_each_delivery(programme: Programme) -> None:
    programme.deliver(job(1), job(2, LATE))
    programme.run()
    programme.fail("other")
    late, heard = _read(DeliveryFilter(conn_id=CONN)).deliveries
    assert (late.event, late.outcome, late.runs) == (LATE, "unrouted", ())
    assert (heard.event, heard.outcome) == (HEARD, "failed")
    assert {(run.dag_id, run.state) for run in heard.runs} == {("one", "queued"), ("other", "failed")}
