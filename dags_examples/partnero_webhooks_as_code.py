"""A file declares the webhooks of a programme; this DAG plans the changes, asks, applies them and audits."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param, task

from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroReconcileWebhooksOperator,
)

try:
    from airflow.providers.standard.operators.hitl import ApprovalOperator
except Exception:  # noqa: BLE001 - before Airflow 3.1 the module is missing, or raises an error of Airflow's own
    ApprovalOperator = None

DECLARATION = "partnero_webhooks_as_code.yaml"

with DAG(
    dag_id="partnero_webhooks_as_code",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # two runs at the same time might create a webhook twice
    params={"approve": Param("ask", enum=["ask", "yes", "no"], description="apply the plan? ask: a human decides")},
    tags=["partnero", "example"],
    doc_md="""
    ### Webhooks as code

    `partnero_webhooks_as_code.yaml`, beside this file, declares the webhooks. `plan` logs what differs. Then somebody
    approves it on the page *Required Actions* (Airflow 3.1 and later), unless the run was started with
    `{"approve": "yes"}`. `apply` makes the changes, deletes undeclared webhooks (at most five) and reads the result
    back; `audit` checks it.
    """,
):
    plan = PartneroReconcileWebhooksOperator(task_id="plan", webhooks=DECLARATION, prune=True, dry_run=True)

    @task.branch
    def decide(planned: dict, params: dict) -> str | None:
        """Ask for approval, unless the run came with a decision or the plan has no changes."""
        counts = planned["plan"]["counts"]
        if not (counts["create"] or counts["update"] or counts["delete"]):
            return "apply"
        if params["approve"] == "ask" and ApprovalOperator is not None:
            return "ask_a_human"
        return "apply" if params["approve"] == "yes" else None

    apply = PartneroReconcileWebhooksOperator(
        task_id="apply",
        webhooks=DECLARATION,
        prune=True,
        wait_until_active=True,
        trigger_rule="none_failed_min_one_success",
    )
    audit = PartneroAuditWebhooksOperator(task_id="audit", declared=DECLARATION, fail_on="warning")

    decided = decide(plan.output)
    decided >> apply >> audit
    if ApprovalOperator is not None:
        ask_a_human = ApprovalOperator(
            task_id="ask_a_human",
            subject="Change Partnero's webhooks?",
            body="{{ ti.xcom_pull(task_ids='plan')['plan']['summary'] }} The log of the task `plan` shows the diff.",
        )
        decided >> ask_a_human >> apply
