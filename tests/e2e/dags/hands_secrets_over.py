"""Webhooks whose signing secrets go to a Variable, and to a function that fails first and quotes the secret then."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator

HOOKS = {"url": "https://hooks.example.com/x", "events": ["partner.created"]}


def store(key: str, secret: str) -> None:
    """Fail at the first try with an error that quotes the secret, and store it at the second."""
    mark = Path(os.environ["PARTNERO_TEST_FOLDER"], "tried-to-store")
    if not mark.exists():
        mark.touch()
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise OSError(f"cannot store {secret}") from error
    mark.write_text(str(len(secret)))


with DAG(dag_id="hands_secrets_over", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroCreateWebhookOperator(task_id="to_variable", name="V", **HOOKS, secret_to="variable:{{ dag.dag_id }}")
    PartneroCreateWebhookOperator(
        task_id="to_function",
        name="F",
        **HOOKS,
        secret_to=f"{Path(__file__).stem}.store",
        retries=1,
        retry_delay=timedelta(seconds=1),
    )
