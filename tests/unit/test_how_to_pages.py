"""The how-to pages: their snippets run as they stand there, and their tables and numbers are the code's."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.api import PartneroClient, sign, verify
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.hooks import partnero as hooks
from airflow_provider_partnero.hooks.connection import settings_of
from airflow_provider_partnero.ledger import entries
from airflow_provider_partnero.operators import partnero as operators
from airflow_provider_partnero.plugin.receiver import answers, receiver
from airflow_provider_partnero.plugin.receiver.signers import registry
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow
from tests.unit.pages import page
from tests.unit.sandbox_command import words_at_start

EVENTS, AS_CODE, OPERATORS, TESTING = map(page, ("events.md", "webhooks_as_code.md", "operators.md", "testing.md"))
FLEET, WITHOUT, CONNECTION = map(page, ("fleet.md", "without_airflow.md", "connection.md"))
RECEIVER, GUARANTEES, MIGRATING = map(page, ("receiver.md", "guarantees.md", "migrating.md"))


def test_the_declared_webhooks_are_created_once(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> None:
    [declaration] = AS_CODE.blocks("yaml")
    (tmp_path / "webhooks.yaml").write_text(declaration, encoding="utf-8")
    dag = AS_CODE.dag("webhooks_as_code", tmp_path)
    assert airflow.run(dag)["reconcile"][0].state == "success"
    [webhook] = sandbox.webhooks()
    assert webhook["name"] == "Finance: commissions"

    sandbox.clear_requests()
    assert airflow.run(dag)["reconcile"][0].state == "success"
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_the_limit_of_deletes_is_the_operators() -> None:
    reconcile = inspect.signature(operators.PartneroReconcileWebhooksOperator).parameters
    assert f"more than `max_deletes` ({reconcile['max_deletes'].default}) webhooks is refused" in AS_CODE.text


def test_the_dag_that_events_start_waits_for_them_and_runs(airflow: Airflow, tmp_path: Path) -> None:
    dag = EVENTS.dag("book", tmp_path)
    assert dag.timetable.asset_condition.uri == "partnero://partnero_default/transaction.created"
    assert airflow.run(dag)["book"][0].state == "success"


def test_the_registration_leads_to_the_address_of_the_configuration(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    [ini] = EVENTS.blocks("ini")
    shown = ConfigParser()
    shown.read_string(ini)
    for option, value in shown["partnero"].items():
        monkeypatch.setenv(f"AIRFLOW__PARTNERO__{option.upper()}", value)
    [code] = re.findall(r"`(PartneroRegisterReceiverOperator\(.*?\))`", EVENTS.text)
    eval(code, vars(operators)).execute(make_context())
    [webhook] = sandbox.webhooks()
    assert webhook["url"] == "https://airflow.example.com/partnero/webhooks/partnero_default"


def test_the_configuration_shown_has_every_option() -> None:
    shown = ConfigParser()
    shown.read_string("".join(EVENTS.blocks("ini")))
    assert shown.sections() == ["partnero"]
    assert set(shown["partnero"]) == set(get_provider_info()["config"]["partnero"]["options"])


def test_the_table_of_answers_is_the_receivers() -> None:
    rows = RECEIVER.text.split("| answer, within 2 s | when |\n| --- | --- |\n")[1].split("\n\n")[0].splitlines()
    told = [(int(status), row.split("|")[1]) for row in rows for status in re.findall(r"\d{3}", row.split("|")[1])]
    known = [answer for answer in vars(answers).values() if isinstance(answer, answers.Answer)]
    assert {status for status, _ in told} == {answer.status for answer in known}
    assert len(told) == len(known)
    assert {answer.status for answer in known if answer.retry_after} == {
        status for status, cell in told if "Retry-After" in cell
    }
    assert receiver.LIMITS.deadline < 2


def test_the_numbers_about_the_receiver_are_those_of_the_code() -> None:
    assert f"recorded the same body in the last {receiver.OLDEST_DAYS} days" in RECEIVER.text
    assert f"its `created_at` is {receiver.OLDEST_DAYS} days ago" in RECEIVER.text
    assert f"What is older than {entries.KEPT_FOR.days} days is deleted" in EVENTS.text
    assert f"keeps them for {registry.WEBHOOKS.known_for / 60:.0f} minutes, or for a day while" in EVENTS.text
    assert registry.WEBHOOKS.stale_for == 24 * 60 * 60
    assert f"at most once in {registry.WEBHOOKS.refresh_every:.0f} seconds" in EVENTS.text


def test_the_numbers_of_the_guarantees_are_those_of_the_client() -> None:
    client = inspect.signature(PartneroClient).parameters
    assert f"honoured (up to {client['max_wait'].default} s)" in GUARANTEES.text
    assert f"one call ends within {client['deadline'].default:g} s" in GUARANTEES.text
    assert f"most {hooks._MOST_MASKED} of a task" in GUARANTEES.text


def test_the_defaults_of_the_connection_are_those_of_the_hook() -> None:
    empty: Any = SimpleNamespace(conn_id="x", host=None, schema=None, port=None, password="t", extra=None)
    settings = settings_of(empty)
    connect, read = settings.timeout
    table = CONNECTION.text.split("| field |")[1].split("\n\n")[0]
    told = dict(re.findall(r"^\| (?:extra )?`?(\w+)`?.* \| ([^|]+) \|$", table, re.MULTILINE))
    assert told["host"] == f"`{settings.base_url}`"
    assert told["timeout"] == f"{read:g} (connecting: {connect:g})"
    assert told["max_attempts"] == str(settings.max_attempts)
    assert told["page_concurrency"] == str(settings.page_concurrency)
    assert told["verify_tls"] == f"`{json.dumps(settings.verify)}`"
    [form] = get_provider_info()["connection-types"]
    assert set(form["conn-fields"]) < set(told)


def test_what_is_not_templated_is_what_the_page_says() -> None:
    [sentence] = re.findall(r"Operators' arguments are templated, but for ([^;]+);", OPERATORS.text)
    fixed = set()
    for name in operators.__all__:
        operator = getattr(operators, name)
        if name.endswith("Operator"):
            arguments = set(inspect.signature(operator).parameters) - {"kwargs"}
            fixed |= arguments - set(operator.template_fields)
    fixed -= {"dry_run"}  # templated under another name
    assert "plan_only" in operators.PartneroReconcileWebhooksOperator.template_fields
    assert set(re.findall(r"`(\w+)`", sentence)) == fixed


def test_the_operators_return_what_the_page_shows(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks(list(BROKEN_PROGRAMME))
    steps = re.findall(r"^```python\n(.*?)^```(?:\n\n```json\n(.*?)^```)?", OPERATORS.text, re.DOTALL | re.MULTILINE)
    names = vars(operators) | {"PartneroWebhookActiveSensor": PartneroWebhookActiveSensor}
    with DAG("page", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        for code, shown in steps:
            task = eval(code, dict(names))
            returned = task.execute(make_context())
            if shown:
                assert returned == json.loads(shown)
    used = {type(task).__name__ for task in dag.tasks}
    assert {name for name in names if name.startswith("Partnero") and name not in used and "Webhook" in name} == {
        "PartneroWebhookLink"
    }


def test_every_operator_is_on_the_page() -> None:
    assert [name for name in operators.__all__ if name.endswith("Operator") and name not in OPERATORS.text] == []


def test_the_fleet_is_audited_and_reported_on(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_SHOP", sandbox.connection_json)
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_CLUB", sandbox.connection_json.replace("demo", "revoked"))
    report = tmp_path / "fleet.html"
    runs = airflow.run(FLEET.dag("fleet", tmp_path, {"/tmp/fleet.html": str(report)}))
    assert [run.state for run in runs["audit"]] == ["success", "failed"]
    assert runs["report"][0].state == "failed"
    assert "partnero_club" in report.read_text(encoding="utf-8")


def test_the_tasks_that_replace_http_operators_run(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [connection] = [block for block in MIGRATING.blocks("json") if '"partnero"' in block]
    fields = json.loads(connection) | {"password": sandbox.token, "host": sandbox.base_url}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(fields))
    runs = airflow.run(MIGRATING.dag("after", tmp_path))
    assert {task_id: run[0].state for task_id, run in runs.items()} == dict.fromkeys(
        ("create", "wait", "delete"), "success"
    )
    assert "signature" not in str(runs)
    assert sandbox.webhooks() == []


def test_every_operator_that_replaces_a_request_exists() -> None:
    names = re.findall(r"^\| .* \| `(Partnero\w+)`", MIGRATING.text, re.MULTILINE)
    assert len(names) == 6
    assert [name for name in names if not hasattr(operators, name)] == [PartneroWebhookActiveSensor.__name__]


@pytest.mark.airflow
def test_the_tests_of_the_page_pass_under_pytest(migrated_database: Path, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "inactive_webhooks.py").write_text(TESTING.block("python", "with DAG("), encoding="utf-8")
    tests = [code for code in TESTING.blocks("python") if "def test_" in code]
    for number, code in enumerate(tests):
        (tmp_path / f"test_snippet_{number}.py").write_text(code, encoding="utf-8")
    (tmp_path / "airflow.db").write_bytes(migrated_database.read_bytes())
    home = {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "pythonpath=dags", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, env=os.environ | home, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert f"{len(tests)} passed" in done.stdout, done.stdout + done.stderr
    assert len(tests) == 3


def test_the_sandbox_command_starts_and_tells_the_connection() -> None:
    said = words_at_start(TESTING.block("bash", "airflow_provider_partnero.sandbox"))
    assert "AIRFLOW_CONN_PARTNERO_DEFAULT=" in said
    assert "demo" in said


def test_the_profile_of_the_page_is_valid() -> None:
    [text] = re.findall(r"--profile (\S+?)`", TESTING.text)
    assert Profile.parse(text).taken_key == "upsert"


def test_the_client_snippet_runs_without_airflow_against_the_sandbox(tmp_path: Path) -> None:
    code = WITHOUT.block("python", "PartneroClient(")
    with Sandbox() as sandbox:
        sandbox.seed(3)
        sandbox.put_webhooks([sandbox.webhooks()[0] | {"is_active": False}])
        here = code.replace('PartneroClient("YOUR-API-TOKEN")', f'PartneroClient("demo", {sandbox.base_url!r})')
        here += "\nimport sys; print(len(inactive), 'airflow' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", here], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )
    assert done.stdout.split() == ["1", "False"], done.stderr


def test_the_check_of_a_signature_takes_genuine_bodies_only() -> None:
    space: dict[str, Any] = {"verify": verify}
    exec(WITHOUT.block("python", "def genuine"), space)
    body, secret = b'{"event": "partner.created"}', "k" * 16
    request = SimpleNamespace(get_data=lambda: body, headers={"Signature": sign(body, secret)})
    assert space["genuine"](request, secret)
    assert not space["genuine"](request, "another")
    assert f"`verify({', '.join(inspect.signature(verify).parameters)})`" in WITHOUT.text
