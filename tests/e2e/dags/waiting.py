"""Sensors that wait in the triggerer."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, task

from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor

with DAG(dag_id="waits_through_a_restart", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroWebhookActiveSensor(
        task_id="wait", webhook_key="restartKey01", deferrable=True, poke_interval=1, timeout=3600
    )

with DAG(dag_id="times_out_softly", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroWebhookActiveSensor(
        task_id="wait", webhook_key="neverActive1", deferrable=True, poke_interval=1, timeout=10, soft_fail=True
    )

with DAG(dag_id="reschedules", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroWebhookActiveSensor(
        task_id="wait", webhook_key="reschedule01", mode="reschedule", poke_interval=5, timeout=3600
    )

with DAG(
    dag_id="many_wait",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={"sensors": 1},
):

    @task
    def keys(params: dict) -> list[str]:
        return [f"many{number:08d}" for number in range(params["sensors"])]

    PartneroWebhookActiveSensor.partial(
        task_id="wait", deferrable=True, poke_interval=5, timeout=3600, partnero_conn_id="partnero_default"
    ).expand(webhook_key=keys())
