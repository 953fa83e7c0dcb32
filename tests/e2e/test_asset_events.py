"""Asset events that are written at once are what Airflow would have written one by one, on every version of Airflow."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.demo.airflow import airflow_environment

from .waiting import PATIENCE

pytestmark = pytest.mark.airflow

URI = "partnero://partnero_default/transaction.created"
DAGS = """
from datetime import datetime
from airflow.sdk import DAG, Asset, AssetAlias
from airflow_provider_partnero.assets import partnero_event_asset

CREATED = partnero_event_asset("transaction.created")
DELETED = partnero_event_asset("transaction.deleted")
SCHEDULES = {
    "hears_one": [CREATED],
    "hears_any": CREATED | DELETED,
    "hears_all": CREATED & DELETED,
    "hears_other": [DELETED],
    "hears_name": [Asset.ref(name=CREATED.name)],
    "hears_uri": [Asset.ref(uri=CREATED.uri)],
    "hears_alias": [AssetAlias("an_alias")],
    "sleeps": [CREATED],
}
for dag_id, schedule in SCHEDULES.items():
    with DAG(dag_id, schedule=schedule, start_date=datetime(2026, 1, 1), is_paused_upon_creation=dag_id == "sleeps"):
        pass
"""
REGISTER = """
import json, sys
from datetime import UTC, datetime, timedelta
from airflow.assets.manager import asset_manager
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager
from airflow.utils.session import create_session
from airflow_provider_partnero.ledger.asset_events import NewEvent, find_route, register_all

way, uri, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
events = []
for position in range(number):
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=position)
    events.append(NewEvent({"data": {"key": f"k-{position}", "text": "\\u00e9 " * position}}, at, at))
told = []

class Listener:
    @hookimpl
    def on_asset_changed(self, asset):
        told.append(asset.uri)

if way == "heard":
    get_listener_manager().add_listener(Listener())
with create_session() as session:
    route = find_route(session, uri)
    if way == "airflow":
        ids = []
        for event in events:
            written = asset_manager.register_asset_change(asset=route.asset, extra=event.extra, session=session)
            written.timestamp = event.at
            session.flush()
            ids.append(written.id)
    else:
        [ids] = register_all(session, [(route, events)])
print(json.dumps([ids, len(told)]))
"""
Register = Callable[..., tuple[list[int], int, dict[str, list[Any]]]]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """The home of an Airflow that knows the DAGs."""
    folder = tmp_path_factory.mktemp("parsed")
    dags = folder / "dags"
    dags.mkdir()
    (dags / "listening.py").write_text(DAGS)
    environment = airflow_environment(folder, "partnero://")
    shutil.copy(migrated_database, folder / "airflow" / "airflow.db")
    environment |= {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    command = [str(Path(sys.executable).parent / "airflow"), "dags", "reserialize"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "airflow"


@pytest.fixture
def register(parsed: Path, tmp_path: Path) -> Register:
    """Write so many events in one way or another; their ids, what a listener heard, and all rows of all tables."""

    def register(way: str, number: int) -> tuple[list[int], int, dict[str, list[Any]]]:
        folder = tmp_path / way
        folder.mkdir()
        environment = airflow_environment(folder, "partnero://")
        shutil.copy(parsed / "airflow.db", folder / "airflow" / "airflow.db")
        command = [sys.executable, "-W", "ignore", "-c", REGISTER, way, URI, str(number)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        ids, told = json.loads(done.stdout.splitlines()[-1])
        return ids, told, _rows(folder / "airflow" / "airflow.db")

    return register


def _rows(database: Path) -> dict[str, list[Any]]:
    """All rows of all tables, without the time at which a run was queued: Airflow takes the machine's clock."""
    with closing(sqlite3.connect(database)) as link:
        tables = [name for (name,) in link.execute("select name from sqlite_master where type = 'table'")]
        rows = {name: sorted(map(repr, link.execute(f'select * from "{name}"'))) for name in tables}
        rows["asset_dag_run_queue"] = sorted(link.execute("select asset_id, target_dag_id from asset_dag_run_queue"))
        return rows


def test_events_written_at_once_are_indistinguishable_from_airflows_own(register: Register) -> None:
    ids, _, rows = register("at once", 20)
    own_ids, _, own_rows = register("airflow", 20)
    assert ids == own_ids == sorted(set(ids))
    assert rows == own_rows
    assert len(rows["asset_event"]) == 20
    queued = {dag_id for _, dag_id in rows["asset_dag_run_queue"]}
    assert queued >= {"hears_one", "hears_any", "hears_all", "hears_name", "hears_uri"}
    assert not queued & {"hears_other", "sleeps", "hears_alias"}


def test_a_listener_hears_of_every_indistinguishable_event(register: Register) -> None:
    ids, told, rows = register("heard", 7)
    own_ids, _, own_rows = register("airflow", 7)
    assert (ids, rows) == (own_ids, own_rows)
    assert told == 7
