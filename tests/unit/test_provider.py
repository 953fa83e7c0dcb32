"""What Airflow sees of the provider before anything of it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from importlib.resources import files

import jsonschema  # type: ignore[import-untyped]
import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk.definitions.retry_policy import RetryAction

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.api import PartneroRateLimitError, PartneroServerError
from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.retry_policy import PartneroRetryPolicy


def test_the_provider_info_is_what_airflows_schema_asks_for() -> None:
    for name in ("provider_info.schema.json", "provider.yaml.schema.json"):
        schema = files("airflow") / name
        if schema.is_file():
            wanted = json.loads(schema.read_text())
            wanted.pop("required", None)
            jsonschema.validate(get_provider_info(), {**wanted, "additionalProperties": True})
    assert (files("airflow") / "provider_info.schema.json").is_file()


def test_airflow_finds_provider_connection_type_and_form() -> None:
    manager = ProvidersManager()  # type: ignore[no-untyped-call]
    assert "airflow-provider-partnero" in manager.providers
    assert manager.hooks["partnero"] is not None
    assert manager.field_behaviours["partnero"]["relabeling"] == {"password": "API token", "host": "Base URL"}
    fields = {name for name in manager.connection_form_widgets if name.startswith("extra__partnero__")}
    assert fields == {f"extra__partnero__{f}" for f in ("timeout", "max_attempts", "page_concurrency", "verify_tls")}


def test_an_audit_asset_names_its_connection_and_a_wrong_uri_is_refused() -> None:
    from airflow.sdk import Asset

    assert partnero_audit_asset("other").uri == "partnero://other/audit"
    with pytest.raises(ValueError, match="allowed is partnero://"):
        Asset("partnero:///nothing")


def test_a_rate_limit_with_retry_after_becomes_the_tasks_delay() -> None:
    policy = PartneroRetryPolicy()
    asked = policy.evaluate(PartneroRateLimitError(429, "slow down", retry_after=90.0), 1, 3)
    assert (asked.action, asked.retry_delay) == (RetryAction.RETRY, timedelta(seconds=90))
    for other in (PartneroRateLimitError(429, "slow down"), PartneroServerError(500, "x"), ValueError()):
        assert policy.evaluate(other, 1, 3).action is RetryAction.DEFAULT
    assert isinstance(PartneroRetryPolicy.deserialize(policy.serialize()), PartneroRetryPolicy)


def test_dag_files_import_no_http_client_because_of_us() -> None:
    code = (
        "import sys\n"
        "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, task\n"
        "BaseOperator, BaseSensorOperator, task\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_partnero.operators.partnero, airflow_provider_partnero.sensors.partnero\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(m for m in new if m.split('.')[0] in ('requests', 'tenacity', 'fastapi', 'urllib3', 'yaml')))\n"
        "import airflow_provider_partnero.triggers.partnero\n"
        "print('requests' in set(sys.modules) - before, 'fastapi' in set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[]", "False False"]


def test_the_package_itself_imports_no_airflow() -> None:
    code = "import sys, airflow_provider_partnero as p; p.get_provider_info(); print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
