"""DAGs that are paused, that fail, and one that is scheduled late; each writes down what its runs were told."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_partnero.assets import partnero_deliveries, partnero_event_asset

FOLDER = Path(os.environ["PARTNERO_TEST_FOLDER"])
SCHEDULES: dict[str, Any] = {
    "waits": [partnero_event_asset("transaction.created")],
    "fails": [partnero_event_asset("partner.created")],
}
if (FOLDER / "late-is-there").exists():
    SCHEDULES["late"] = [partnero_event_asset("lead.submitted")]
try:  # from 3.2
    from airflow.sdk import IdentityMapper, PartitionedAssetTimetable
except (ImportError, AttributeError):
    pass
else:
    SCHEDULES["waits_by_partition"] = PartitionedAssetTimetable(
        assets=partnero_event_asset("transaction.created"), default_partition_mapper=IdentityMapper()
    )


def write_down(dag_id: str) -> None:
    """One line a run, with the deliveries it was told; fails if the test wants that."""
    if (FOLDER / f"{dag_id}-is-broken").exists():
        raise RuntimeError("broken by the test")
    deliveries = partnero_deliveries(get_current_context()["triggering_asset_events"])
    with (FOLDER / f"{dag_id}.jsonl").open("a") as file:
        file.write(json.dumps([[delivery.data["key"], delivery.replay] for delivery in deliveries]) + "\n")


for dag_id, schedule in SCHEDULES.items():
    with DAG(dag_id=dag_id, schedule=schedule, start_date=datetime(2026, 1, 1), catchup=False):

        @task
        def tell(dag_id: str) -> None:
            write_down(dag_id)

        tell(dag_id)
