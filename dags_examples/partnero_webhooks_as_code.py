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
PRUNE = "{{ params.prune }}"

with DAG(
    dag_id="partnero_webhooks_as_code",
    description="Make Partnero's webhooks match a declaration, after a human has approved",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # two runs at the same time might create a webhook twice
    params={
        "approve": Param(
            "ask",
            type="string",
            pattern="^(ask|no|[0-9a-f]{64})$",
            description="ask: a human decides; no: only plan; or the fingerprint of the plan that is approved",
        ),
        "prune": Param(
            "owned",
            enum=["owned", "true", "false"],
            description="what to delete of what is not declared: owned: what this DAG created; true: all; false: none",
        ),
    },
    tags=["partnero", "example"],
    doc_md="""
    ### Webhooks as code

    `partnero_webhooks_as_code.yaml`, beside this file, declares the webhooks. `plan` logs what differs. Then somebody
    approves it on the page *Required Actions* (Airflow 3.1 and later), which shows the whole plan. Or start the run
    with `{"approve": "<fingerprint>"}`: the log of an earlier run's `plan` ends with it.

    `apply` writes what was approved and nothing else: if anybody changed a webhook or the file meanwhile, it fails
    and shows both plans. It deletes webhooks that were declared once and are no more, at most five, and reads the
    result back; `audit` checks it. What others created stays, and the audit tells of it; `{"prune": "true"}` deletes
    that, too, but for the webhook of this Airflow's own receiver.
    """,
):
    plan = PartneroReconcileWebhooksOperator(task_id="plan", webhooks=DECLARATION, prune=PRUNE, dry_run=True)

    @task.branch
    def decide(planned: dict, params: dict) -> list[str]:
        """Ask for approval, unless the run came with a decision or the plan has no changes."""
        approved = params["approve"]
        if not planned["steps"] or approved == planned["fingerprint"]:
            return ["apply"]
        if approved not in {"ask", "no"}:
            raise ValueError(f"the plan is not the approved one, {approved}, any more:\n{planned['diff_markdown']}")
        return ["ask_a_human"] if approved == "ask" and ApprovalOperator is not None else []

    apply = PartneroReconcileWebhooksOperator(
        task_id="apply",
        webhooks=DECLARATION,
        prune=PRUNE,
        plan=plan.output,
        wait_until_active=True,
        trigger_rule="none_failed_min_one_success",
    )
    audit = PartneroAuditWebhooksOperator(task_id="audit", declared=DECLARATION, fail_on="error")

    decided = decide(plan.output)
    decided >> apply >> audit
    if ApprovalOperator is not None:
        ask_a_human = ApprovalOperator(
            task_id="ask_a_human",
            subject="Change Partnero's webhooks?",
            body="{{ ti.xcom_pull(task_ids='plan')['diff_markdown'] }}",
        )
        decided >> ask_a_human >> apply
