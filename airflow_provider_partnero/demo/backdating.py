"""Runs an audit DAG as if it were another day. It runs in the process that runs Airflow's commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Let audits of this process take the moment for now.

    :param moment: with a time zone.
    """
    from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator

    now = PartneroAuditWebhooksOperator.now
    PartneroAuditWebhooksOperator.now = staticmethod(lambda: moment)
    try:
        yield
    finally:
        PartneroAuditWebhooksOperator.now = staticmethod(now)


def backdate(dag_id: str, moment: datetime) -> None:
    """Give the DAG's run of that logical date, its tasks and its asset events the times that they would have had then.

    How long each of them took stays as it was.

    :param moment: the run's logical date; with a time zone.
    """
    from airflow.models.asset import AssetEvent
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.logical_date == moment)).one()
        tasks = session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run.run_id)
        ).all()
        events = session.scalars(
            select(AssetEvent).where(AssetEvent.source_dag_id == dag_id, AssetEvent.source_run_id == run.run_id)
        ).all()
        began = min(task.start_date for task in tasks if task.start_date)
        for task in tasks:
            _shift(task, moment - began, "start_date", "end_date", "queued_dttm", "scheduled_dttm")
        for event in events:
            _shift(event, moment - began, "timestamp")
        _shift(run, moment - began, "end_date")
        run.start_date = run.run_after = run.queued_at = moment


def _shift(row: Any, by: timedelta, *columns: str) -> None:
    for column in columns:
        if (value := getattr(row, column)) is not None:
            setattr(row, column, value + by)
