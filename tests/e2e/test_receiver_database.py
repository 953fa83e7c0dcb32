"""The receiver's tables on PostgreSQL: a server that hangs, a schema of Airflow's own, a user without rights."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.demo.airflow import airflow_environment

from .postgres import Postgres
from .waiting import PATIENCE

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

RECORD = """
import json, os, threading
from airflow.utils.session import create_session
from airflow_provider_partnero.ledger import tables, turn
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

def write(number):
    body = json.dumps({"event": "lead.submitted", "webhook_key": "k", "data": number}).encode()
    job = Job("c", PartneroDelivery.from_body(body), "full")
    return DeliveryWriter().write([job])[0].words
"""
HANGS = """
in_turn = threading.Event()

def hang():
    with create_session() as session:
        DeliveryWriter()._prepare(session)
        turn.take_turn(session)
        in_turn.set()
        threading.Event().wait()

write(1)
threading.Thread(target=hang, daemon=True).start()
in_turn.wait()
tries = []
while "unrouted" not in tries:
    try:
        tries.append(write(2))
    except Exception as error:
        tries.append(type(error.orig).__name__)
print(json.dumps(tries))
os._exit(0)  # the thread hangs
"""
TABLES = """
from airflow import settings

try:
    tables.create_tables(settings.engine)
    print(json.dumps("made"))
except tables.NoTablesError as error:
    print(json.dumps(str(error)))
"""
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, postgres: Postgres) -> Run:
    """Run code in a process of Airflow on a database; what it prints last."""

    def run(code: str, database: str, user: str = "postgres", **variables: str) -> Any:
        environment = airflow_environment(tmp_path, "partnero://") | variables
        address = postgres.url(database).replace("//postgres@", f"//{user}@")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", RECORD + code],
            env=environment | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_server_that_hangs_in_its_turn_is_not_waited_for(run: Run, postgres: Postgres) -> None:
    postgres.copy("migrated", "hangs")
    tries = run(HANGS, "hangs")  # the server hangs for ever: whoever waited for it would, too
    assert set(tries[:-1]) <= {"QueryCanceled"}
    assert tries[-1] == "unrouted"


def test_the_tables_are_made_in_the_schema_of_airflows(run: Run, postgres: Postgres) -> None:
    postgres.rows("postgres", "create database schemas")
    postgres.rows("schemas", "create schema airflows")
    assert run(TABLES, "schemas", AIRFLOW__DATABASE__SQL_ALCHEMY_SCHEMA="airflows") == "made"
    tables = "select table_schema from information_schema.tables where table_name like 'partnero_%'"
    assert postgres.rows("schemas", tables) == [("airflows",)] * 4


def test_a_user_who_may_make_no_tables_is_told_what_to_do(run: Run, postgres: Postgres) -> None:
    postgres.rows("postgres", "create database refused")
    postgres.rows("refused", "revoke create on schema public from public")
    postgres.make_user("modest")
    words = run(TABLES, "refused", user="modest")
    assert "does not let the receiver change them (permission denied for schema public)" in words
    assert "`airflow db migrate`, with a user who may create and alter tables" in words
