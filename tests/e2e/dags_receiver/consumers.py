"""DAGs scheduled on Partnero's events, in every way that Airflow has; each writes down what its runs were told."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_partnero.assets import partnero_deliveries, partnero_event_asset

CREATED = partnero_event_asset("transaction.created")
DELETED = partnero_event_asset("transaction.deleted")
PARTNER = partnero_event_asset("partner.created")
BOTH_KINDS = partnero_event_asset("reward.created")

SCHEDULES = {
    "hears_one": [CREATED],
    "hears_any": CREATED | DELETED,
    "hears_all": DELETED & PARTNER,
    "hears_without_partitions": [BOTH_KINDS],
}
try:  # from 3.2
    from airflow.sdk import IdentityMapper, PartitionedAssetTimetable
except (ImportError, AttributeError):
    pass
else:
    SCHEDULES["hears_partitions"] = PartitionedAssetTimetable(
        assets=BOTH_KINDS, default_partition_mapper=IdentityMapper()
    )


def write_down(dag_id: str) -> None:
    """One line a run, with the deliveries it was told."""
    context = get_current_context()
    told = [[delivery.event, delivery.data] for delivery in partnero_deliveries(context["triggering_asset_events"])]
    line = {"run": context["dag_run"].run_id, "told": told}
    with Path(os.environ["PARTNERO_TEST_FOLDER"], f"{dag_id}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


for dag_id, schedule in SCHEDULES.items():
    with DAG(dag_id=dag_id, schedule=schedule, start_date=datetime(2026, 1, 1), catchup=False):

        @task
        def tell(dag_id: str) -> None:
            write_down(dag_id)

        tell(dag_id)
