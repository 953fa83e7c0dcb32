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
OTHERS = [f"counted_{number}" for number in range(10)]
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


@pytest.fixture
def ten_programmes(airflow: Airflow, writer: DeliveryWriter) -> Iterator[DeliveryWriter]:
    """A writer, with a DAG for each of ten other connections."""
    for conn_id in OTHERS:
        with DAG(conn_id, schedule=partnero_event_asset(EVENT, conn_id), start_date=datetime(2026, 1, 1)) as dag:
            pass
        airflow.store(dag)
    with create_session() as session:
        session.execute(text("update dag set is_paused = 0, is_stale = 0 where dag_id like 'counted%'"))
    yield writer
    with create_session() as session:
        session.execute(text("update dag set is_stale = 1 where dag_id like 'counted%'"))


def _job(number: int, conn_id: str = CONN) -> Job:
    body = f'{{"event": "{EVENT}", "webhook_key": "k", "data": {{"number": {number}}}}}'.encode()
    return Job(conn_id, PartneroDelivery.from_body(body), "full")


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


def test_deliveries_of_ten_programmes_take_no_more_statements_than_those_of_one_and_start_the_dag_of_each(
    ten_programmes: DeliveryWriter,
) -> None:
    with _statements() as for_one:
        ten_programmes.write([_job(number) for number in range(1, 11)])
    with _statements() as for_ten:
        answers = ten_programmes.write([_job(number, conn_id) for number, conn_id in enumerate(OTHERS)])
    assert {answer.words for answer in answers} == {"accepted"}
    assert len(for_ten) <= len(for_one)
    with create_session() as session:
        events = "select uri, count(*) as number from asset_event join asset on asset.id = asset_id group by uri"
        written = {row.uri: row.number for row in session.execute(text(events))}
        queued = set(session.scalars(text("select target_dag_id from asset_dag_run_queue")))
        kept = "select count(*) from partnero_delivery join asset_event on asset_event.id = asset_event_id"
        its_own = f"{kept} join asset on asset.id = asset_id and asset.uri = 'partnero://' || conn_id || '/{EVENT}'"
        assert session.scalar(text(its_own)) == 21
    assert written == {f"partnero://{CONN}/{EVENT}": 11} | {f"partnero://{conn_id}/{EVENT}": 1 for conn_id in OTHERS}
    assert queued >= {"counts", *OTHERS}
