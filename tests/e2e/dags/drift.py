"""Watching the webhooks of the connection ``watched``, and reacting to audits of it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.triggers.partnero import PartneroWebhooksChangedTrigger

CONNECTION = "watched"
# Two assets, one trigger: Airflow runs equal triggers once.
WATCHED = [
    Asset(name, watchers=[AssetWatcher(name="drift", trigger=PartneroWebhooksChangedTrigger(CONNECTION, 1))])
    for name in ("watched_webhooks", "also_watched_webhooks")
]
AUDITS = partnero_audit_asset(CONNECTION)


def told(name: str, asset: Asset, triggering_asset_events: dict) -> None:
    """Write down the extras of the events that started this run, one line an event."""
    lines = [json.dumps(event.extra) for event in triggering_asset_events[asset]]
    with Path(os.environ["PARTNERO_TEST_FOLDER"], f"{name}.jsonl").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


for watched in WATCHED:
    with DAG(dag_id=f"reacts_to_{watched.name}", schedule=[watched], start_date=datetime(2026, 1, 1), catchup=False):

        @task
        def tell(name: str, number: int, triggering_asset_events: dict) -> None:
            told(name, WATCHED[number], triggering_asset_events)

        tell(watched.name, WATCHED.index(watched))

with DAG(dag_id="audits", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroAuditWebhooksOperator(
        task_id="audit", partnero_conn_id=CONNECTION, fail_on="{{ dag_run.conf.get('fail_on', 'never') }}"
    )

with DAG(dag_id="audits_mapped", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PartneroAuditWebhooksOperator.partial(task_id="audit", fail_on="never").expand(partnero_conn_id=[CONNECTION])

with DAG(dag_id="reacts_to_audits", schedule=[AUDITS], start_date=datetime(2026, 1, 1), catchup=False):

    @task
    def tell_audit(triggering_asset_events: dict) -> None:
        told("audits", AUDITS, triggering_asset_events)

    tell_audit()

# The example as it stands, except for the connection, and that it does not wait five minutes.
example = (dags_folder() / "partnero_drift_watch.py").read_text()
for old, new in {
    "Trigger(poke_interval=300)": f"Trigger({CONNECTION!r}, 1.5)",
    'Operator(task_id="audit"': f'Operator(task_id="audit", partnero_conn_id={CONNECTION!r}',
}.items():
    assert example.count(old) == 1
    example = example.replace(old, new)
exec(compile(example, __file__, "exec"), globals())
