"""Fifty waits at servers that never finish an answer, and what must not be late because of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

HANGING = [
    Asset(
        f"hanging{number}",
        watchers=[
            AssetWatcher(
                name="hanging",
                trigger=PartneroWebhookActiveTrigger("k", f"hanging{number}", poke_interval=1),
            )
        ],
    )
    for number in range(50)
]

with DAG(dag_id="never_starts", schedule=HANGING, start_date=datetime(2026, 1, 1), catchup=False):

    @task
    def nothing() -> None: ...

    nothing()

with DAG(dag_id="punctual", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    TimeDeltaSensor(task_id="wait", delta=timedelta(minutes=1), deferrable=True, end_from_trigger=True)

with DAG(dag_id="answered", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroWebhookActiveSensor(
        task_id="wait", webhook_key="k", partnero_conn_id="quick", deferrable=True, poke_interval=1, timeout=3600
    )
