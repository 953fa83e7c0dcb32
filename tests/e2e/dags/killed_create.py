"""A create whose worker dies after Partnero has made the webhook, before it answers."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator


def tell_pid(context: object) -> None:
    Path(os.environ["PARTNERO_TEST_FOLDER"], "create.pid").write_text(str(os.getpid()))


with DAG(dag_id="killed_create", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroCreateWebhookOperator(
        task_id="create",
        name="made by a worker that dies",
        url="https://hooks.example.com/dies",
        events=["partner.created"],
        retries=2,
        retry_delay=timedelta(seconds=1),
        on_execute_callback=tell_pid,
    )
