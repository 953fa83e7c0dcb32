"""Watching the webhooks, and reacting to audits; only where asked for, since a watcher polls all the time."""

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

# Two assets, one trigger: Airflow runs equal triggers once.
WATCHED = [
    Asset(name, watchers=[AssetWatcher(name="drift", trigger=PartneroWebhooksChangedTrigger(poke_interval=1))])
    for name in ("watched_webhooks", "also_watched_webhooks")
]
AUDITS = partnero_audit_asset("partnero_default")


def told(name: str, asset: Asset, triggering_asset_events: dict) -> None:
    """Write down the extras of the events that started this run, one line an event."""
    lines = [json.dumps(event.extra) for event in triggering_asset_events[asset]]
    with Path(os.environ["PARTNERO_TEST_FOLDER"], f"{name}.jsonl").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


if os.environ.get("PARTNERO_TEST_DRIFT"):
    for watched in WATCHED:
        with DAG(
            dag_id=f"reacts_to_{watched.name}", schedule=[watched], start_date=datetime(2026, 1, 1), catchup=False
        ):

            @task
            def tell(name: str, number: int, triggering_asset_events: dict) -> None:
                told(name, WATCHED[number], triggering_asset_events)

            tell(watched.name, WATCHED.index(watched))

    with DAG(dag_id="audits", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
        PartneroAuditWebhooksOperator(task_id="audit", fail_on="{{ dag_run.conf.get('fail_on', 'never') }}")

    with DAG(dag_id="audits_mapped", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
        PartneroAuditWebhooksOperator.partial(task_id="audit", fail_on="never").expand(
            partnero_conn_id=["partnero_default"]
        )

    with DAG(dag_id="reacts_to_audits", schedule=[AUDITS], start_date=datetime(2026, 1, 1), catchup=False):

        @task
        def tell_audit(triggering_asset_events: dict) -> None:
            told("audits", AUDITS, triggering_asset_events)

        tell_audit()

    # The example as it stands, except that it does not wait five minutes.
    example = (dags_folder() / "partnero_drift_watch.py").read_text()
    assert "poke_interval=300" in example
    exec(compile(example.replace("poke_interval=300", "poke_interval=1.5"), __file__, "exec"), globals())
