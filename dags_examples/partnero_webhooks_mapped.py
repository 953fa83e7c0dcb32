"""One mapped task instance per webhook: create webhooks from a list, check each of them, delete them again."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
)

with DAG(
    dag_id="partnero_webhooks_mapped",
    description="Create a Partnero webhook for each system that wants events",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Dynamic task mapping

    `destinations` lists the systems that want events; your list may come from a table, a Variable or a file. Each entry
    becomes a mapped `create`. Its key is derived from the map index, so each one may be retried alone.
    """,
):

    @task
    def destinations() -> list[dict]:
        """The webhooks to create."""
        return [
            {"name": "CRM", "url": "https://crm.example.com/partnero", "events": ["customer.created"]},
            {"name": "Finance", "url": "https://finance.example.com/partnero", "events": ["transaction.created"]},
            {"name": "Newsletter", "url": "https://news.example.com/partnero", "events": ["partner.created"]},
        ]

    @task
    def key_of(webhook: dict) -> str:
        """The key of a created webhook."""
        return webhook["key"]

    create = PartneroCreateWebhookOperator.partial(task_id="create").expand_kwargs(destinations())
    keys = key_of.expand(webhook=create.output)
    check = PartneroGetWebhookOperator.partial(task_id="check").expand(webhook_key=keys)
    delete = PartneroDeleteWebhookOperator.partial(task_id="delete").expand(webhook_key=keys)

    check >> delete.as_teardown(setups=create)
