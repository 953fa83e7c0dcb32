"""What a batch costs the database: its size changes the number of rows, not that of statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.utils.session import create_session
from sqlalchemy import event, text

from airflow_provider_partnero.assets import partnero_event_asset
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.conftest import Airflow

CONN, EVENT = "counted", "transaction.created"
TABLES = ("asset_event", "asset_dag_run_queue", "partnero_delivery", "partnero_waiting")


@pytest.fixture
def writer(airflow: Airflow) -> Iterator[DeliveryWriter]:
    """A writer, with one DAG that listens; its tables are there already."""
    with DAG("counts", schedule=partnero_event_asset(EVENT, CONN), start_date=datetime(2026, 1, 1)) as dag:
        pass
    airflow.store(dag)
    with create_session() as session:
        session.execute(text("update dag set is_paused = 0, is_stale = 0 where dag_id = 'counts'"))
    writer = DeliveryWriter()
    writer.write([_job(0)])
    yield writer
    with create_session() as session:
        for table in TABLES:
            session.execute(text(f"delete from {table}"))
        session.execute(text("update dag set is_stale = 1 where dag_id = 'counts'"))


def _job(number: int) -> Job:
    body = f'{{"event": "{EVENT}", "webhook_key": "k", "data": {{"number": {number}}}}}'.encode()
    return Job(CONN, PartneroDelivery.from_body(body), "full")


@contextmanager
def _statements() -> Iterator[list[str]]:
    """The statements that this thread gives the database meanwhile."""
    from airflow import settings

    given: list[str] = []
    ours = threading.get_ident()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.get_ident() == ours:
            given.append(" ".join(statement.split())[:80])

    event.listen(settings.engine, "before_cursor_execute", note)
    try:
        yield given
    finally:
        event.remove(settings.engine, "before_cursor_execute", note)


def test_a_batch_takes_no_more_statements_than_a_single_delivery_but_for_the_rows_themselves(
    writer: DeliveryWriter,
) -> None:
    with _statements() as for_one:
        writer.write([_job(1)])
    with _statements() as for_thirty:
        writer.write([_job(number) for number in range(2, 32)])
    # SQLite gets each row by itself, since it does not tell ids in order; PostgreSQL gets all in one.
    rows = [statement for statement in for_thirty if statement.startswith("INSERT INTO asset_event")]
    others = len(for_thirty) - len(rows)
    assert len(rows) == 30
    # The row like which the others are may be read again.
    assert len(for_one) - 1 <= others <= len(for_one)
    assert others <= 18
