"""A plan too long to be shown whole, and the approval of it."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator

try:
    from airflow.providers.standard.operators.hitl import ApprovalOperator
except Exception:
    ApprovalOperator = None

with DAG("long_plan", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    plan = PartneroReconcileWebhooksOperator(
        task_id="plan",
        webhooks=[
            {"name": f"Webhook {n:03d}", "url": f"https://hooks.example.com/{n}", "events": ["partner.created"]}
            for n in range(300)
        ],
        dry_run=True,
    )
    if ApprovalOperator is not None:
        plan >> ApprovalOperator(
            task_id="ask_a_human",
            subject="All of these?",
            body="{{ ti.xcom_pull(task_ids='plan')['diff_markdown'] }}",
        )
