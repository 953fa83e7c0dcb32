"""Returns what was delivered, and returns again what it gets back as XCom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_partnero.assets import partnero_deliveries, partnero_event_asset

with DAG(
    "takes_anything",
    schedule=partnero_event_asset("transaction.created"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # Airflow 3.0 may fail a task that has just succeeded, when it hears of its end too early.
    default_args={"retries": 3, "retry_delay": timedelta(seconds=1)},
):
    # One XCom: with a dict as its type, Airflow makes one of each item, and 3.0 cannot store one that is None.
    @task(multiple_outputs=False)
    def take() -> dict[str, Any]:
        """The data of each delivery, by its id."""
        told = partnero_deliveries(get_current_context()["triggering_asset_events"])
        return {delivery.delivery_id: delivery.data for delivery in told}

    @task
    def take_back(taken: Any) -> Any:
        """The same."""
        return taken

    take_back(take())
