"""The audit of many programmes, as in the example, and a DAG that waits for the audit of one of them."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, task

from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.demo.airflow import dags_folder

PROGRAMME_B = partnero_audit_asset("programme_b")

with DAG(dag_id="reacts_to_programme_b", schedule=PROGRAMME_B, start_date=datetime(2026, 1, 1), catchup=False):

    @task
    def tell_programme(triggering_asset_events: dict) -> None:
        lines = [json.dumps(event.extra) for event in triggering_asset_events[PROGRAMME_B]]
        with Path(os.environ["PARTNERO_TEST_FOLDER"], "programme_b.jsonl").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    tell_programme()

# The example as it stands, except that nothing but the test starts it.
example = (dags_folder() / "partnero_fleet_audit.py").read_text()
assert example.count('schedule="@daily"') == 1
exec(compile(example.replace('schedule="@daily"', "schedule=None"), __file__, "exec"), globals())
