"""What OpenLineage's own provider emits for a real run of an audit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.demo.airflow import AirflowProcess, airflow_environment
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.sandbox import Sandbox

pytestmark = pytest.mark.airflow

TOKEN = "tok-lineage-51Hq"


def test_an_audit_is_a_dataset_and_its_numbers_are_a_facet(tmp_path: Path, migrated_database: Path) -> None:
    emitted = tmp_path / "events.jsonl"
    with Sandbox(token=TOKEN) as sandbox:
        sandbox.put_webhooks(list(BROKEN_PROGRAMME))
        environment = airflow_environment(tmp_path, sandbox.connection_json) | {
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(emitted), "append": True}
            )
        }
        shutil.copy(migrated_database, Path(environment["AIRFLOW_HOME"]) / "airflow.db")
        with AirflowProcess(environment, tmp_path / "airflow.log") as airflow:
            airflow("dags", "test", "partnero_webhook_audit")
        signatures = [webhook["signature"] for webhook in sandbox.webhooks()]

    text = emitted.read_text()
    assert not [secret for secret in (TOKEN, *signatures) if secret in text]
    events: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    [done] = [
        event
        for event in events
        if event["eventType"] == "COMPLETE" and event["job"]["name"] == "partnero_webhook_audit.audit"
    ]
    [output] = done["outputs"]
    assert (output["namespace"], output["name"]) == ("partnero://partnero_default", "audit")
    facet = done["run"]["facets"]["partneroAudit"]
    assert {name: value for name, value in facet.items() if not name.startswith("_")} == {
        "connection": "partnero_default",
        "webhooks": 8,
        "active": 7,
        "errors": 2,
        "warnings": 3,
        "findingsByRule": {"PW001": 1, "PW002": 1, "PW003": 1, "PW004": 1, "PW012": 1},
        "newFindings": 0,
        "goneFindings": 0,
    }
