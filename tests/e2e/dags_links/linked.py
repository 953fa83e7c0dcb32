"""Tasks whose pages lead to Partnero's page: an audit that fails its task, mapped audits, a plan, a create, a wait."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor

FOLDER = os.environ["PARTNERO_TEST_FOLDER"]
WEBHOOK: dict[str, Any] = {"name": "Linked", "url": "https://linked.example/x", "events": ["partner.created"]}

with DAG(dag_id="linked", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    audit = PartneroAuditWebhooksOperator(task_id="audit", report_path=f"{FOLDER}/report.html", fail_on="error")
    PartneroAuditWebhooksOperator.partial(task_id="mapped", fail_on="never").expand(
        report_path=[f"{FOLDER}/report-{number}.md" for number in range(2)]
    )
    plan = PartneroReconcileWebhooksOperator(task_id="plan", webhooks=[WEBHOOK], dry_run=True)
    create = PartneroCreateWebhookOperator(task_id="create", **WEBHOOK)
    (
        plan
        >> create
        >> PartneroWebhookActiveSensor(task_id="wait", webhook_key="{{ ti.xcom_pull(task_ids='create')['key'] }}")
    )
    audit >> EmptyOperator(task_id="over", trigger_rule="all_done")  # so that the run succeeds
