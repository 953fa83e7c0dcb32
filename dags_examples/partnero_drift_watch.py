"""When somebody changes a webhook by hand, this DAG starts within minutes and says what changed."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.triggers.partnero import PartneroWebhooksChangedTrigger

WEBHOOKS = Asset(
    "partnero_webhooks",
    watchers=[AssetWatcher(name="drift", trigger=PartneroWebhooksChangedTrigger(poke_interval=300))],
)

with DAG(
    dag_id="partnero_drift_watch",
    description="Audit Partnero's webhooks as soon as somebody changes them",
    schedule=[WEBHOOKS],
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Drift between audits

    The triggerer reads the webhooks every five minutes and starts a run when they have changed since the last reading.
    `tell` logs what changed, `audit` says whether it matters.
    """,
):

    @task
    def tell(triggering_asset_events: dict) -> list[dict]:
        """Log what changed, as the events that started this run say."""
        # Airflow puts a trigger's event under "payload"; an event created by hand has no payload.
        changes = [event.extra.get("payload") or event.extra for event in triggering_asset_events.get(WEBHOOKS, [])]
        for change in changes:
            print(f"Partnero's webhooks changed: {change}")
        return changes

    tell() >> PartneroAuditWebhooksOperator(task_id="audit", fail_on="never")
