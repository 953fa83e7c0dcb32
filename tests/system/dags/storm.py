"""What is under way while parts of Airflow are killed: creates, a reconcile, sensors, and a DAG that hears deliveries.

Each has a connection, and so a Partnero, of its own. Tasks are retried as often as they are killed.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task
from airflow.triggers.base import StartTriggerArgs

from airflow_provider_partnero.assets import partnero_deliveries, partnero_event_asset
from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

BEGINNING = datetime(2026, 1, 1)
WILL_BE_KILLED = {"retries": 60, "retry_delay": timedelta(seconds=1)}
CREATES, DECLARED = 30, 200
SENSORS, SENSORS_A_DAG = int(os.environ["PARTNERO_TEST_SENSORS"]), 20
INTERVAL = 5  # seconds

# No more at a time than the workers take: what waits for a worker for long is taken for lost.
with DAG("storm_creates", schedule=None, start_date=BEGINNING, catchup=False, max_active_tasks=6):
    PartneroCreateWebhookOperator.partial(
        task_id="create",
        url="https://hooks.example.com/storm",
        events=["partner.created"],
        partnero_conn_id="creates",
        **WILL_BE_KILLED,
    ).expand(name=[f"Storm {number:02d}" for number in range(CREATES)])

with DAG("storm_reconcile", schedule=None, start_date=BEGINNING, catchup=False):
    PartneroReconcileWebhooksOperator(
        task_id="apply",
        webhooks=[
            {"name": f"Declared {n:03d}", "url": f"https://hooks.example.com/{n}", "events": ["partner.created"]}
            for n in range(DECLARED)
        ],
        partnero_conn_id="reconciles",
        **WILL_BE_KILLED,
    )


def sensor(number: int) -> None:
    """A sensor that Airflow itself starts in the triggerer: a worker would take a second for each, only to defer."""
    key = f"waited{number:06d}"
    waits = PartneroWebhookActiveSensor(
        task_id=f"wait_{number}", webhook_key=key, deferrable=True, poke_interval=INTERVAL, partnero_conn_id="waits"
    )
    waits.start_from_trigger = True
    waits.start_trigger_args = StartTriggerArgs(
        trigger_cls=f"{PartneroWebhookActiveTrigger.__module__}.{PartneroWebhookActiveTrigger.__qualname__}",
        trigger_kwargs={"webhook_key": key, "partnero_conn_id": "waits", "poke_interval": INTERVAL},
        next_method="execute_complete",
    )


# Airflow sends the whole DAG along with each of these triggers: one DAG of all sensors would stall it.
for first in range(0, SENSORS, SENSORS_A_DAG):
    with DAG(f"storm_sensors_{first}", schedule=None, start_date=BEGINNING, catchup=False, max_active_tasks=SENSORS):
        for number in range(first, first + SENSORS_A_DAG):
            sensor(number)

with DAG("storm_hears", schedule=[partnero_event_asset("transaction.created")], start_date=BEGINNING, catchup=False):

    @task(**WILL_BE_KILLED)
    def tell() -> None:
        """Write down what this run was told; it is told the same when it is tried again."""
        context = get_current_context()
        told = [delivery.data["key"] for delivery in partnero_deliveries(context["triggering_asset_events"])]
        line = json.dumps({"run": context["dag_run"].run_id, "told": told})
        with Path(os.environ["PARTNERO_TEST_FOLDER"], "heard.jsonl").open("a") as file:
            file.write(f"{line}\n")

    tell()
