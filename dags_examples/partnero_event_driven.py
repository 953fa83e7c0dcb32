"""A transaction at Partnero starts a DAG within seconds. A second DAG switches the deliveries on and off."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, task

from airflow_provider_partnero.assets import partnero_deliveries, partnero_event_asset
from airflow_provider_partnero.operators.partnero import (
    PartneroRegisterReceiverOperator,
    PartneroUnregisterReceiverOperator,
)

EVENTS = ["transaction.created", "transaction.deleted"]

with DAG(
    dag_id="partnero_event_driven",
    description="Start a run when Partnero delivers a transaction",
    schedule=partnero_event_asset("transaction.created") | partnero_event_asset("transaction.deleted"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    doc_md="""
    ### Partnero's events start a run

    Airflow's API server receives the deliveries (`[partnero] receiver_enabled = True`), checks their signatures, and
    records each one as an asset event before it answers. A delivery that arrives while a run starts is in that run or
    in the next one.
    """,
):
    # A delivery comes once: a run that a restart of Airflow has interrupted must not lose it.
    @task(retries=5, retry_delay=timedelta(seconds=10))
    def book(triggering_asset_events: dict) -> list[str]:
        """Print what was delivered; a real DAG would write it to a ledger."""
        lines = []
        for delivery in partnero_deliveries(triggering_asset_events):
            transaction = delivery.data or {}
            lines.append(f"{delivery.event}: {transaction.get('key')} of {transaction.get('amount')}")
            print(f"{lines[-1]} (delivery {delivery.delivery_id})")
        return lines

    book()

with DAG(
    dag_id="partnero_event_driven_switch",
    description="Switch Partnero's deliveries to this Airflow on or off",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["partnero", "example"],
    params={"on": Param(True, type="boolean", description="deliver to this Airflow, or stop delivering")},
    doc_md="""
    ### Switch the deliveries on or off

    On: creates or updates the webhook that delivers to this Airflow, and waits until it is active.
    Off: deletes that webhook. Both may run as often as you like.
    """,
):

    @task.branch
    def on_or_off(params: dict) -> str:
        """Choose the task to run."""
        return "switch_on" if params["on"] else "switch_off"

    on_or_off() >> [
        PartneroRegisterReceiverOperator(task_id="switch_on", events=EVENTS, wait_until_active=True),
        PartneroUnregisterReceiverOperator(task_id="switch_off"),
    ]
