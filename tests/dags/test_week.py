"""An audit as if it were another day, on a real Airflow: what the demo's week is made of."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.demo.airflow import AirflowProcess, airflow_environment
from airflow_provider_partnero.demo.week import AUDIT, live_through_the_week
from airflow_provider_partnero.sandbox import Sandbox

pytestmark = pytest.mark.airflow

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAYS = [NOW - timedelta(days=days) for days in range(7, 0, -1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("week")


@pytest.fixture(scope="module")
def airflow(folder: Path, migrated_database: Path) -> Iterator[AirflowProcess]:
    """An Airflow in whose database the week has been lived through."""
    with Sandbox(token="tok-week-71Kq") as sandbox:
        environment = airflow_environment(folder, sandbox.connection_json)
        shutil.copy(migrated_database, Path(environment["AIRFLOW_HOME"]) / "airflow.db")
        (folder / "reports").mkdir()
        with AirflowProcess(environment, folder / "airflow.log") as airflow:
            assert live_through_the_week(airflow, sandbox, NOW, folder / "reports")
            yield airflow


def _rows(airflow: AirflowProcess, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(airflow.database)) as connection:
        return connection.execute(query).fetchall()


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def test_each_run_its_tasks_and_its_asset_event_lie_on_their_day(airflow: AirflowProcess) -> None:
    runs = _rows(airflow, "select logical_date, start_date, end_date, run_after, state from dag_run order by id")
    assert [_moment(logical) for logical, *_ in runs] == DAYS
    tasks = _rows(airflow, "select start_date, end_date from task_instance where task_id = 'audit' order by start_date")
    events = _rows(airflow, "select timestamp from asset_event order by id")
    for day, (_, *times, state), task, event in zip(DAYS, runs, tasks, events, strict=True):
        assert state == "success"
        for moment in map(_moment, [*times, *task, *event]):
            assert timedelta() <= moment - day < timedelta(hours=1)


def test_each_audit_says_its_day_and_compares_with_the_day_before(airflow: AirflowProcess) -> None:
    extras = [json.loads(extra) for (extra,) in _rows(airflow, "select extra from asset_event order by id")]
    assert [datetime.fromisoformat(extra["for_next_audit"]["at"]) for extra in extras] == DAYS
    assert [extra["counts"]["errors"] for extra in extras] == [0, 0, 2, 3, 0, 0, 1]
    returned = airflow.returned(AUDIT, "audit")
    assert returned["changes"]["new"] == 1
    assert datetime.fromisoformat(returned["changes"]["previous_audit"]) == DAYS[-2]


def test_each_audit_leaves_a_report_and_the_next_command_sees_the_real_clock(
    airflow: AirflowProcess, folder: Path
) -> None:
    assert [path.stem for path in sorted((folder / "reports").iterdir())] == [f"{day:%Y-%m-%d}" for day in DAYS]
    before = datetime.now(UTC).replace(microsecond=0)
    assert airflow("dags", "test", AUDIT)["failure"] is None
    [(extra,)] = _rows(airflow, "select extra from asset_event order by id desc limit 1")
    assert datetime.fromisoformat(json.loads(extra)["for_next_audit"]["at"]) >= before
    assert len(list((folder / "reports").iterdir())) == len(DAYS)
