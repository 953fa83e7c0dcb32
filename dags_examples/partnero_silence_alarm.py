"""Raise an alarm when transactions stop arriving, although nothing has failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, task

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator

with DAG(
    dag_id="partnero_silence_alarm",
    description="Raise an alarm when Partnero's transactions stop arriving",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),  # quiet hours are in this time zone
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Do transactions still arrive?

    A webhook that somebody switched off, or a proxy that refuses what it passed yesterday, fails no task: deliveries
    just stop. `listen` looks when Partnero last delivered `transaction.created` to this Airflow's receiver, which takes
    Airflow 3.2. After 24 hours without one, `alert` says so, and why, as far as the webhooks tell. Nights and Christmas
    do not count.

    Use `fail_on="error"` instead if the run should fail and your `on_failure_callback` notifies people.
    """,
):
    listen = PartneroAuditWebhooksOperator(
        task_id="listen",
        expect_events={"transaction.created": timedelta(hours=24)},
        quiet_hours=["* 0-6 * * *", "* * 25 12 *"],
        fail_on="never",
    )

    @task.short_circuit
    def silences(report: dict) -> list[str]:
        """Go on only if an event is missing; other findings are another DAG's."""
        return [finding["words"] for finding in report["findings"] if finding["rule"] == "PW016"]

    @task
    def alert(silences: list[str]) -> str:
        """Print what is missing; put your notifier here, such as Slack, e-mail or a pager."""
        message = "\n".join(["Partnero has gone silent:", *silences])
        print(message)
        return message

    alert(silences(listen.output))
