"""Every call meets every fault: the page about it is true, and no cell breaks what the client promises."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace

import pytest

from airflow_provider_partnero import api
from airflow_provider_partnero.api import PartneroClient
from tests.fault_matrix.calls import CALLS, CREATES
from tests.fault_matrix.cells import TIMES, Cell, Place, regenerate
from tests.fault_matrix.faults import FAULTS
from tests.fault_matrix.table import MEASURED_ON, PAGE, differences, parsed, rewritten

pytestmark = pytest.mark.large

TOLD = PAGE.read_text(encoding="utf-8")
_SENDS_NOTHING = {"close", "abandon", "seal"}


@pytest.fixture(scope="module")
def cells() -> dict[Place, Cell]:
    return regenerate()


def _with_memory_of(told: dict[Place, Cell], cells: dict[Place, Cell]) -> dict[Place, Cell]:
    return {place: replace(cell, memory=told[place].memory) if place in told else cell for place, cell in cells.items()}


def _seconds(cell: Cell) -> float:
    return float(cell.time.removesuffix(" s"))


def test_each_cell_of_the_page_is_what_happens(cells: dict[Place, Cell]) -> None:
    told = parsed(TOLD)
    found = cells if sys.version_info[:2] == MEASURED_ON else _with_memory_of(told, cells)
    wrong = differences(told, found)
    assert not wrong, "\n".join(["`uv run python -m tests.fault_matrix` rewrites the page, if it should say:", *wrong])
    assert rewritten(TOLD, found) == TOLD, "`uv run python -m tests.fault_matrix` rewrites the page"


def test_every_call_of_the_client_is_in_the_matrix() -> None:
    public = {name for name, _ in inspect.getmembers(PartneroClient, inspect.isfunction) if not name.startswith("_")}
    assert {call.method for call in CALLS} == public - _SENDS_NOTHING


def test_every_call_meets_every_fault(cells: dict[Place, Cell]) -> None:
    always = {(place.fault, place.call) for place in cells if place.times == "always"}
    assert always == {(fault.name, call.name) for fault in FAULTS for call in CALLS}
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_failure_is_an_error_of_ours(cells: dict[Place, Cell]) -> None:
    ours = {f"`{name}`" for name in api.__all__ if name.endswith("Error")}
    outcomes = {cell.outcome.split(",")[0].split(" ")[0] for cell in cells.values()}
    assert outcomes - ours <= {"returned", "not"}


def test_no_call_outlasts_its_deadline_but_a_list_whose_every_page_has_one(cells: dict[Place, Cell]) -> None:
    long = {place.call for place, cell in cells.items() if _seconds(cell) > 120}
    assert long <= {"iterate", "iterate consistently"}


def test_one_answer_never_takes_32_mib(cells: dict[Place, Cell]) -> None:
    large = {place.fault for place, cell in cells.items() if cell.memory not in {"< 1 MiB", "< 32 MiB"}}
    assert large == set()


def test_a_create_without_a_key_is_never_carried_out_twice(cells: dict[Place, Cell]) -> None:
    assert {cell.writes for place, cell in cells.items() if place.call == "create without a key"} == {"0", "1"}


def test_a_create_with_a_key_never_leaves_two_where_keys_count(cells: dict[Place, Cell]) -> None:
    keyed = {call.name for call in CREATES if call.name.startswith("create with a key")}
    assert {cell.writes for place, cell in cells.items() if place.call in keyed} == {"0", "1"}


def test_a_create_leaves_more_only_where_keys_are_ignored_and_with_an_error_that_says_so_unless_it_is_too_late(
    cells: dict[Place, Cell],
) -> None:
    """What is carried out after the call cannot be seen by it."""
    creates = {call.name for call in CREATES}
    more = {place: cell for place, cell in cells.items() if place.call in creates and cell.writes.isdecimal()}
    told = {cell.outcome for place, cell in more.items() if cell.writes > "1" and "after the call" not in place.fault}
    assert told == {"`PartneroAmbiguousError`"}


def test_a_consistent_reading_misses_nothing(cells: dict[Place, Cell]) -> None:
    assert {place for place, cell in cells.items() if "missing" in cell.outcome} <= {
        Place(times, fault.name, "iterate") for times in TIMES for fault in FAULTS
    }


def test_a_cell_that_changes_is_named_with_both_versions() -> None:
    told = parsed(TOLD)
    place = Place("always", "500", "update")
    [line] = differences(told, {**told, place: replace(told[place], requests="6")})
    assert line.startswith("'update' meets '500' (always): the page says `PartneroServerError`, 5 requests, 0 writes")
    assert "it is `PartneroServerError`, 6 requests, 0 writes" in line


def test_the_page_tells_as_many_cells_as_there_are(cells: dict[Place, Cell]) -> None:
    assert parsed(TOLD).keys() == cells.keys()
