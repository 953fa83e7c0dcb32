"""Which modules an import of ours loads in a process that parses DAG files, and which it must not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.operators.partnero import PartneroGetWebhookOperator, PartneroRetryPolicy

pytestmark = pytest.mark.airflow  # each test starts a Python that imports Airflow

PLAIN = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, task; BaseOperator, BaseSensorOperator, task"
HEAVY = {"requests", "tenacity", "fastapi", "urllib3", "uvicorn", "httpx", "yaml", "pydantic"}


def _loaded(statement: str, *, after: str = "") -> set[str]:
    """The top-level modules that a statement loads in a fresh process, beyond what ``after`` loads."""
    code = f"import sys, json\n{after}\nbefore = set(sys.modules)\n{statement}\n"
    code += "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_what_a_dag_file_imports_is_light() -> None:
    modules = ("operators.partnero", "sensors.partnero", "assets", "operators.keys", "api.errors")
    loaded = _loaded("\n".join(f"import airflow_provider_partnero.{module}" for module in modules), after=PLAIN)
    assert "airflow_provider_partnero" in loaded
    assert loaded & HEAVY == set()


def test_what_a_dag_file_with_an_asset_watcher_imports_is_light() -> None:
    loaded = _loaded(
        "import airflow_provider_partnero.triggers.partnero", after=f"{PLAIN}\nimport airflow.triggers.base"
    )
    assert loaded & HEAVY == set()


def test_operators_are_declared_without_anything_heavy() -> None:
    declared = (
        "from airflow_provider_partnero.operators.partnero import *\n"
        "from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor\n"
        "PartneroGetWebhookOperator(task_id='a', webhook_key='k')\n"
        "PartneroWebhookActiveSensor(task_id='b', webhook_key='k')\n"
        "PartneroAuditWebhooksOperator(task_id='c', partnero_conn_id='{{ x }}')\n"
    )
    assert _loaded(declared, after=PLAIN) & {"requests", "tenacity", "fastapi", "urllib3"} == set()


def test_the_api_server_shows_the_connection_form_without_importing_the_hook() -> None:
    code = (
        "import sys\n"
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService\n"
        "[form] = [hook for hook in HookMetaService.hook_meta_data() if hook.connection_type == 'partnero']\n"
        "print(*form.extra_fields, 'airflow_provider_partnero.hooks.partnero' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "timeout max_attempts page_concurrency verify_tls store False"


def test_the_provider_info_is_read_without_importing_airflow() -> None:
    loaded = _loaded("import airflow_provider_partnero as p; p.get_provider_info(); p.__version__")
    assert loaded & (HEAVY | {"airflow"}) == set()


def test_every_module_and_class_that_the_provider_info_names_exists() -> None:
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                assert __import__(module, fromlist=["x"])
    for connection in info["connection-types"]:
        module, _, name = connection["hook-class-name"].rpartition(".")
        hook = getattr(__import__(module, fromlist=[name]), name)
        assert hook.conn_type == connection["connection-type"]
        assert hook.hook_name == connection["hook-name"]
    for assets in info["asset-uris"]:
        module, _, name = assets["handler"].rpartition(".")
        assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_the_provider_info_is_plain_json_and_new_every_time() -> None:
    first = get_provider_info()
    assert json.loads(json.dumps(first)) == first
    first["connection-types"].clear()
    assert get_provider_info()["connection-types"] != []


def test_a_dag_with_operator_and_retry_policy_goes_through_airflows_serialization() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("unit_serialized", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        PartneroGetWebhookOperator(task_id="get", webhook_key="k", retry_policy=PartneroRetryPolicy(), retries=1)
    data = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    again = DagSerialization.from_dict(data)
    assert again.get_task("get").task_type == "PartneroGetWebhookOperator"
    assert "Fetch one webhook" in str(data)
