"""The comparison with others: what is no matter of speed, and that the pages have what the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Sandbox
from tests.benchmarks.against import imports, lost_answer, pages, rate_limit, reading, receiving, waiting
from tests.benchmarks.against.tables import COLUMNS, Finding, Subject, Table, summary, typical
from tests.e2e.programme import TOKEN

SENSORS = 25


@pytest.fixture(scope="module")
def read() -> Subject:
    return reading.measured(reading.Size(cases=((100, 1), (300, 1)), latency=0.0))


@pytest.fixture(scope="module")
def lost() -> Subject:
    return lost_answer.measured(lost_answer.Size(rounds=1, timeout=2.0, patience=20.0))


@pytest.fixture(scope="module")
def limited() -> Subject:
    return rate_limit.measured(rate_limit.Size(rounds=1, window=1.0))


@pytest.fixture(scope="module")
def waited() -> Subject:
    return waiting.measured(waiting.Size(rounds=1, sensors=SENSORS, interval=1.0, poking=1))


@pytest.fixture(scope="module")
def imported() -> Subject:
    costs = {name: imports.cost_of(imports.SDK, imports.IMPORTS[name]) for name in (imports.OURS, imports.HTTP)}
    return imports.told(dict.fromkeys(imports.IMPORTS, costs[imports.HTTP]) | costs)


@pytest.fixture(scope="module")
def received(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("compared") / "airflow"
    with Sandbox(token=TOKEN) as sandbox, receiving.server(folder, sandbox, migrated_database) as cluster:
        return receiving.compared(cluster, receiving.Size(rounds=1, ours=10, own=4, clients=2))


def _rows(subject: Subject, table: int = 0) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in subject.tables[table][1].rows}


def test_only_this_provider_reads_a_list_right_that_shifts_meanwhile(read: Subject) -> None:
    shifts = _rows(read, 1)
    assert [name for name, counts in shifts.items() if counts == ("0", "0", "0")] == [reading.OURS]
    assert shifts["`requests` loop"] == shifts["`HttpOperator`"] == shifts["PyPI `partnero`"] == ("1", "1", "1")


def test_looping_over_pages_costs_a_request_a_page(read: Subject) -> None:
    requests = {name: cells[-1] for name, cells in _rows(read).items()}
    assert {requests[name] for name in ("`requests` loop", "`HttpOperator`", "PyPI `partnero`")} == {"3"}


def test_a_retried_create_whose_answer_is_lost_leaves_one_webhook_with_this_provider_and_two_with_the_others(
    lost: Subject,
) -> None:
    after_reset = {name: cells[:2] for name, cells in _rows(lost).items()}
    retried = {column: after_reset[name] for column, name in lost_answer.RETRIED.items()}
    assert retried.pop("ours") == ("1", "created")
    assert set(retried.values()) == {("2", "created")}


def test_a_create_that_is_not_retried_is_told_to_have_failed_though_the_webhook_is_there(lost: Subject) -> None:
    for name in ("`HttpOperator`", "`requests`", "PyPI `partnero`", "`httpx` on asyncio"):
        webhooks, told, *_ = _rows(lost)[name]
        assert webhooks == "1"
        assert told not in ("created", "nothing yet")


def test_only_who_takes_no_timeout_waits_on_when_nothing_comes(lost: Subject) -> None:
    hanging = [name for name, cells in _rows(lost).items() if cells[4] == "nothing yet"]
    assert hanging == ["PyPI `partnero`", lost_answer.RETRIED["partnero"]]
    assert _rows(lost)[lost_answer.OURS][3:5] == ("1", "created")


def test_whoever_retries_gets_the_list_after_the_limit_and_retry_after_spares_requests(limited: Subject) -> None:
    rows = _rows(limited)
    assert {rows[name][column] for name in rate_limit.RETRIED.values() for column in (0, 3)} == {"the list"}
    assert int(rows[rate_limit.OURS][1]) <= 2
    assert int(_rows(limited, 1)[rate_limit.OURS][0]) <= 1


def test_waiting_sensors_of_this_provider_share_their_requests(waited: Subject) -> None:
    requests = {name: int(cells[0].replace(",", "")) for name, cells in _rows(waited).items()}
    assert 0 < requests[waiting.OURS] < SENSORS / 2
    assert min(number for name, number in requests.items() if name != waiting.OURS) > requests[waiting.OURS]


def test_importing_this_provider_brings_fewer_modules_than_the_http_provider(imported: Subject) -> None:
    modules = {name: int(cells[-1]) for name, cells in _rows(imported).items()}
    assert 0 < modules[imports.OURS] < modules[imports.HTTP]


@pytest.mark.slow
def test_a_doubled_delivery_is_one_event_and_a_forged_one_none_unlike_at_the_endpoint_of_airflow(
    received: Subject,
) -> None:
    assert _rows(received, 1) == {receiving.OURS: ("1", "401", "0"), receiving.OWN: ("2", "200", "1")}


def test_the_pages_have_the_rows_that_the_command_prints(
    read: Subject, lost: Subject, limited: Subject, waited: Subject, imported: Subject
) -> None:
    names = (receiving.OURS, receiving.OWN)
    speeds = dict.fromkeys(names, receiving.Receiving(1.0, 1.0, 1.0, "1 x 202"))
    received = receiving.told(receiving.Size(), speeds, dict.fromkeys(names, receiving.Conduct(1, 401, 0)))
    subjects = [read, lost, limited, waited, imported, received]
    for path, words in ((pages.README, pages.short(subjects)), (pages.PAGE, pages.whole(subjects))):
        shown = path.read_text(encoding="utf-8")
        assert pages.first_cells(shown) == pages.first_cells(pages.rewritten(shown, words)), path
    assert len(summary(subjects).rows) <= 10


def test_a_page_is_written_between_its_marks_and_nowhere_else() -> None:
    before = pages.README.read_text(encoding="utf-8")
    finding = Finding("read 1,000 webhooks", {"ours": "1 s", "httpx": "2 s"})
    table = str(summary([Subject("t", "h", (), "o", (finding,))]))
    after = pages.rewritten(before, table)
    assert "| read 1,000 webhooks | 1 s | - | - | - | 2 s |" in after
    assert pages.first_cells(after) == ["what", "read N webhooks"]
    assert before.partition("<!--")[0] == after.partition("<!--")[0]
    assert before.rpartition("-->")[2] == after.rpartition("-->")[2]
    assert len(COLUMNS) == 5


def test_of_several_runs_the_median_is_told_and_every_word() -> None:
    runs = [lost_answer.Created(number, told, seconds) for number, told, seconds in
            ((1, "created", 1.0), (2, "created", 9.0), (2, "ReadTimeout", 2.0))]  # fmt: skip
    assert typical(runs) == lost_answer.Created(2, "created or ReadTimeout", 2.0)
    assert str(Table(("a", "b"), (("1", "2"),))) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
