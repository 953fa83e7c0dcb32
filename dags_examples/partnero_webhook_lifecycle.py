"""One webhook from its creation to its deletion, which happens even if the run fails."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor

KEY = "{{ ti.xcom_pull(task_ids='create')['key'] }}"

with DAG(
    dag_id="partnero_webhook_lifecycle",
    description="Create a Partnero webhook, wait for it, change it, delete it",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### A webhook's life

    `create` -> `wait_until_active` (in the triggerer, without a worker slot) -> `update` -> `fetch` -> `delete`.
    `create` is a setup task and `delete` its teardown, so the webhook is deleted even if a task in between fails.
    However often `create` is retried or cleared, it creates one webhook.
    """,
):
    create = PartneroCreateWebhookOperator(
        task_id="create",
        name="Airflow lifecycle {{ run_id }}",
        url="https://hooks.example.com/partnero",
        events=["partner.created", "transaction.created"],
    )
    wait_until_active = PartneroWebhookActiveSensor(
        task_id="wait_until_active", webhook_key=KEY, deferrable=True, poke_interval=1, timeout=600
    )
    update = PartneroUpdateWebhookOperator(
        task_id="update", webhook_key=KEY, events=["partner.created", "transaction.created", "transaction.deleted"]
    )
    fetch = PartneroGetWebhookOperator(task_id="fetch", webhook_key=KEY)
    delete = PartneroDeleteWebhookOperator(task_id="delete", webhook_key=KEY)

    create >> wait_until_active >> update >> fetch >> delete.as_teardown(setups=create)
