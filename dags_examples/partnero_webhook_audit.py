"""Every morning, look over all webhooks of the programme and say what is wrong with them."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator

with DAG(
    dag_id="partnero_webhook_audit",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Are our webhooks in order?

    A webhook that is switched off, points to the wrong place or is set up twice makes commissions and CRMs drift,
    silently. `audit` reads all of them and reports what is wrong; with `fail_on="never"` the run goes on, and `alert`
    shows how to tell people, but only when there is something to tell.

    Set `fail_on="error"` instead when a finding shall fail the run and your `on_failure_callback` does the telling.
    """,
):
    audit = PartneroAuditWebhooksOperator(
        task_id="audit",
        fail_on="never",
        # A page for people, if the Variable says where: a path, s3://..., anything ObjectStoragePath takes.
        report_path="{{ var.value.get('partnero_report_path', '') }}",
    )

    @task.short_circuit
    def has_findings(report: dict) -> bool:
        """Go on only when there is something to tell."""
        return bool(report["findings"])

    @task
    def alert(report: dict) -> str:
        """Stands for your notifier: Slack, e-mail, a ticket."""
        counts = report["counts"]
        lines = [f"Partnero: {counts['errors']} errors, {counts['warnings']} warnings in {counts['webhooks']} webhooks"]
        lines += [f"- {finding['rule']} {finding['name']}: {finding['words']}" for finding in report["findings"]]
        message = "\n".join(lines)
        print(message)
        return message

    has_findings(audit.output) >> alert(audit.output)
