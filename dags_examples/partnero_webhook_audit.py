"""Check all webhooks of the programme every day, and report what is wrong with them."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator

with DAG(
    dag_id="partnero_webhook_audit",
    description="Report every day what is wrong with Partnero's webhooks",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Are our webhooks in order?

    When a webhook is switched off, delivers to the wrong address or exists twice, commissions and CRMs silently become
    wrong. `audit` reads all webhooks and reports such findings. With `fail_on="never"` the run goes on, and `alert`
    shows how to notify people if there are findings.

    Use `fail_on="error"` instead if findings should fail the run and your `on_failure_callback` notifies people.
    """,
):
    audit = PartneroAuditWebhooksOperator(
        task_id="audit",
        fail_on="never",
        # Where to write the report as a page, such as a path or s3://...; without the Variable there is no page.
        report_path="{{ var.value.get('partnero_report_path', '') }}",
    )

    @task.short_circuit
    def has_findings(report: dict) -> bool:
        """Go on only if there are findings."""
        return bool(report["findings"])

    @task
    def alert(report: dict) -> str:
        """Print the findings; put your notifier here, such as Slack, e-mail or a ticket."""
        counts = report["counts"]
        lines = [f"Partnero: {counts['errors']} errors, {counts['warnings']} warnings in {counts['webhooks']} webhooks"]
        lines += [f"- {finding['rule']} {finding['name']}: {finding['words']}" for finding in report["findings"]]
        message = "\n".join(lines)
        print(message)
        return message

    has_findings(audit.output) >> alert(audit.output)
