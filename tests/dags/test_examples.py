"""The example DAGs on a real Airflow, against the sandbox: they do what their stories say."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_partnero.demo.airflow import AirflowProcess, airflow_environment, dags_folder
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.operators.keys import derived_key
from airflow_provider_partnero.sandbox import Sandbox

pytestmark = pytest.mark.airflow

TOKEN = "tok-examples-51Hq"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> dict[str, str]:
    return airflow_environment(tmp_path_factory.mktemp("examples"), sandbox.connection_json)


@pytest.fixture(scope="module")
def airflow(environment: dict[str, str], migrated_database: Path) -> Iterator[AirflowProcess]:
    home = Path(environment["AIRFLOW_HOME"])
    shutil.copy(migrated_database, home / "airflow.db")
    with AirflowProcess(environment, home.parent / "airflow.log") as airflow:
        yield airflow


@pytest.fixture(autouse=True)
def _broken_programme(sandbox: Sandbox) -> None:
    sandbox.reset()
    sandbox.put_webhooks(list(BROKEN_PROGRAMME))


def _states(airflow: AirflowProcess, dag_id: str) -> dict[str, str]:
    return {task: state for task, state, _ in airflow.tasks(dag_id)}


def test_every_example_parses_with_the_dag_id_of_its_file(airflow: AirflowProcess) -> None:
    assert airflow("dags", "reserialize")["failure"] is None
    with closing(sqlite3.connect(airflow.database)) as connection:
        found = {dag_id for (dag_id,) in connection.execute("select dag_id from dag")}
        errors = connection.execute("select filename, stacktrace from import_error").fetchall()
    assert errors == []
    stories = {path.stem for path in dags_folder().glob("*.py")}
    assert found == stories | {"partnero_event_driven_switch"}


def test_every_example_says_in_the_list_of_dags_what_it_does(airflow: AirflowProcess) -> None:
    assert airflow("dags", "reserialize")["failure"] is None
    with closing(sqlite3.connect(airflow.database)) as connection:
        told = dict(connection.execute("select dag_id, description from dag").fetchall())
    assert {dag_id for dag_id, words in told.items() if not 20 < len(words or "") < 100} == set()
    assert len(set(told.values())) == len(told)


def test_the_audit_alerts_when_there_are_findings_and_only_then(airflow: AirflowProcess, sandbox: Sandbox) -> None:
    assert airflow("dags", "test", "partnero_webhook_audit")["failure"] is None
    assert "2 errors, 3 warnings in 8 webhooks" in airflow.returned("partnero_webhook_audit", "alert")

    for key in ("finCommissns", "datWarehous2", "oldBlogHook1", "slackAlerts1", "debugTuesday"):
        sandbox.delete_webhook(key)
    assert airflow("dags", "test", "partnero_webhook_audit")["failure"] is None
    assert _states(airflow, "partnero_webhook_audit") == {
        "audit": "success",
        "has_findings": "success",
        "alert": "skipped",
    }


def test_the_alarm_says_that_no_webhook_brings_transactions_to_this_airflow(airflow: AirflowProcess) -> None:
    dag_id = "partnero_silence_alarm"
    assert airflow("dags", "test", dag_id)["failure"] is None
    message = airflow.returned(dag_id, "alert")
    assert 'No "transaction.created" has ever come.' in message
    assert 'delivers to the receiver of connection "partnero_default"' in message


CODE = "partnero_webhooks_as_code"


def _run_code(airflow: AirflowProcess, **params: str) -> str | None:
    failure: str | None = airflow("dags", "test", CODE, "--conf", json.dumps(params))["failure"]
    return failure


def _planned(airflow: AirflowProcess, **params: str) -> str:
    """The fingerprint of a plan that a run made and did not apply."""
    assert _run_code(airflow, approve="no", **params) is None
    assert _states(airflow, CODE)["apply"] == "skipped"
    fingerprint: str = airflow.returned(CODE, "plan")["fingerprint"]
    return fingerprint


def _written(sandbox: Sandbox) -> set[str]:
    return {request.method for request in sandbox.requests()} - {"GET"}


def test_the_audit_of_many_programmes_reports_on_all_and_fails_only_for_one_that_cannot_be_audited(
    airflow: AirflowProcess, sandbox: Sandbox
) -> None:
    dag_id = "partnero_fleet_audit"
    assert airflow("dags", "test", dag_id)["failure"] is None
    [row] = airflow.returned(dag_id, "report")["programmes"]
    assert (row["conn_id"], row["counts"]["errors"], row["counts"]["warnings"]) == ("partnero_default", 2, 3)

    conf = json.dumps({"connections": ["nowhere", "partnero_default"]})
    assert airflow("dags", "test", dag_id, "--conf", conf)["failure"] is not None
    states = {(task, index): state for task, state, index in airflow.tasks(dag_id)}
    assert states == {
        ("connections", -1): "success",
        ("audit", 0): "failed",
        ("audit", 1): "success",
        ("report", -1): "failed",
    }


@pytest.mark.parametrize(
    ("prune", "written", "left"), [("owned", {"PUT"}, 8), ("true", {"PUT", "DELETE"}, 4), ("false", {"PUT"}, 8)]
)
def test_webhooks_as_code_are_written_when_the_plan_is_approved_and_not_before(
    airflow: AirflowProcess, sandbox: Sandbox, prune: str, written: set[str], left: int
) -> None:
    fingerprint = _planned(airflow, prune=prune)
    assert _written(sandbox) == set()
    failure = _run_code(airflow, approve=fingerprint, prune=prune)
    assert _states(airflow, CODE)["apply"] == "success"
    assert (_written(sandbox), len(sandbox.webhooks())) == (written, left)
    audited = _states(airflow, CODE)["audit"]
    assert (failure is None) == (audited == "success") == (prune == "true")  # "Old blog", left there, is not https


def test_webhooks_as_code_write_nothing_when_they_changed_after_the_approval(
    airflow: AirflowProcess, sandbox: Sandbox
) -> None:
    fingerprint = _planned(airflow, prune="true")
    sandbox.put_webhooks([{"key": "byHand000001", "name": "by hand", "url": "https://by-hand.example"}])
    assert _run_code(airflow, approve=fingerprint, prune="true") is not None
    assert _states(airflow, CODE)["decide"] == "failed"
    assert _written(sandbox) == set()


def test_webhooks_that_are_as_declared_are_not_written_again(airflow: AirflowProcess, sandbox: Sandbox) -> None:
    _run_code(airflow, approve=_planned(airflow, prune="true"), prune="true")
    sandbox.clear_requests()
    assert _run_code(airflow, approve="ask") is None
    assert _written(sandbox) == set()
    assert _states(airflow, CODE)["audit"] == "success"


def test_a_rotation_replaces_the_secret_without_showing_it(
    environment: dict[str, str], airflow: AirflowProcess, sandbox: Sandbox
) -> None:
    before = len(sandbox.webhooks())
    assert airflow("dags", "test", "partnero_rotate_signing_secret")["failure"] is None

    new_key = derived_key("rotated", "crmCustomers")
    live = {webhook["key"]: webhook for webhook in sandbox.webhooks()}
    assert len(live) == before
    assert "crmCustomers" not in live
    assert live[new_key]["name"] == "CRM: customers"
    kept = subprocess.run(
        [str(Path(sys.executable).parent / "airflow"), "variables", "get", "partnero_signing_secret"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert live[new_key]["signature"] in kept.stdout
    log = (Path(environment["AIRFLOW_HOME"]).parent / "airflow.log").read_text(encoding="utf-8", errors="replace")
    assert live[new_key]["signature"] not in log
    assert TOKEN not in log


def test_a_rotation_that_broke_off_half_way_is_finished_by_the_next_run(
    airflow: AirflowProcess, sandbox: Sandbox
) -> None:
    before = len(sandbox.webhooks())
    sandbox.put_webhooks([{"key": "crmCustomers", "name": "2024", "url": "https://crm.acme.example/x"}])
    sandbox.fault(method="POST", status=503)  # after which the create looks whether it has happened
    sandbox.fault(method="DELETE", status=403)
    assert airflow("dags", "test", "partnero_rotate_signing_secret")["failure"] is not None
    assert len(sandbox.webhooks()) == before + 1

    assert airflow("dags", "test", "partnero_rotate_signing_secret")["failure"] is None
    live = {webhook["key"]: webhook["name"] for webhook in sandbox.webhooks()}
    assert len(live) == before
    assert live[derived_key("rotated", "crmCustomers")] == "2024"


def test_a_lifecycle_whose_update_fails_leaves_no_webhook_behind(airflow: AirflowProcess, sandbox: Sandbox) -> None:
    before = sandbox.webhooks()
    sandbox.fault(method="PUT", status=422)
    assert airflow("dags", "test", "partnero_webhook_lifecycle")["failure"] is not None
    assert _states(airflow, "partnero_webhook_lifecycle")["delete"] == "success"
    assert sandbox.webhooks() == before
