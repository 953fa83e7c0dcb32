"""A task for each kind of operator and sensor that meets a failure, and one that shows what a child is given."""

from __future__ import annotations

import subprocess
from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroListWebhooksOperator,
    PartneroReconcileWebhooksOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor

with DAG(dag_id="provoked", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroListWebhooksOperator(task_id="list", partnero_conn_id="hostile_garbage")
    PartneroUpdateWebhookOperator(task_id="update", webhook_key="a", name="B", partnero_conn_id="hostile_invalid")
    PartneroCreateWebhookOperator(
        task_id="create", name="N", url="https://a.example", events=["a.b"], partnero_conn_id="hostile_repeated"
    )
    PartneroAuditWebhooksOperator(task_id="audit", partnero_conn_id="hostile_half_error")
    PartneroReconcileWebhooksOperator(
        task_id="reconcile",
        webhooks=[{"name": "A", "url": "https://b.example", "events": ["a.b"]}],
        partnero_conn_id="hostile_tells_later",
    )
    # It polls in the triggerer, where the token is refused.
    PartneroWebhookActiveSensor(
        task_id="wait", webhook_key="a", deferrable=True, poke_interval=1, timeout=60, partnero_conn_id="late"
    )

    @task
    def children() -> None:
        """Start a child as any task may, after the hook has been used."""
        hook = PartneroHook()
        print(hook, hook.list_webhooks())
        print(subprocess.run(["env"], capture_output=True, text=True, check=True).stdout)
        raise ValueError("a failure after the hook was used")

    children()
