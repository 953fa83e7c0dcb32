"""The commands as users have them: from the built wheel without Airflow, and in Airflow's own CLI."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .packages import install_alone

TOKEN = "tok-3Vd8-never-seen"
SECRET = "sgn-4Xw9-never-seen"
PATIENCE = 300


@dataclass(frozen=True)
class Done:
    """What a user sees of a command; without the secrets, which are searched for here."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def partnero() -> Iterator[Sandbox]:
    with Sandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _programme(partnero: Sandbox) -> None:
    partnero.reset()
    partnero.put_webhooks(
        [
            {
                "key": f"key{name}",
                "name": name,
                "url": f"https://hooks.example.com/{name.lower()}",
                "events": ["partner.created"],
                "signature": f"{SECRET}-{name}",
                "is_active": True,
            }
            for name in ("Crm", "Finance")
        ]
    )


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, requests, tenacity and PyYAML, and nothing else."""
    return install_alone(wheel, tmp_path_factory.mktemp("alone"), "requests", "tenacity", "PyYAML")


def _run(command: list[str], folder: Path, **environment: str) -> Done:
    unwanted = ("PYTEST", "COV", "PYTHONPATH", "AIRFLOW", "PARTNERO")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    for secret in (TOKEN, SECRET):
        assert secret not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run_alone(alone: Path, partnero: Sandbox, tmp_path: Path) -> Run:
    """Run a command of the wheel, where there is no Airflow."""

    def run(*arguments: str, **environment: str) -> Done:
        command = [str(alone / "bin" / "python"), "-m", "airflow_provider_partnero", *arguments]
        base_url = [] if {"schema", "--help"} & {*arguments} else ["--base-url", partnero.base_url]
        return _run([*command, *base_url], tmp_path, **({"PARTNERO_TOKEN": TOKEN} | environment))

    return run


def test_a_newcomer_takes_over_a_live_programme_and_changes_it(
    run_alone: Run, partnero: Sandbox, tmp_path: Path
) -> None:
    assert run_alone("export", "--out", "webhooks.yaml") == Done(0, "", "2 webhooks written to webhooks.yaml.\n")
    schema = run_alone("schema")
    assert [schema.code, schema.err] == [0, ""]
    assert json.loads(schema.out)["$defs"]["webhook"]["required"] == ["name", "url", "events"]
    clean = run_alone("plan", "webhooks.yaml", "--prune", "true")
    assert clean == Done(0, "Plan: 0 to create, 0 to update, 0 to delete, 2 unchanged.\n", "")

    declaration = tmp_path / "webhooks.yaml"
    text = declaration.read_text(encoding="utf-8").replace("/finance", "/money")
    declaration.write_text(text, encoding="utf-8")
    shown = (
        "Plan: 0 to create, 1 to update, 0 to delete, 1 unchanged.\n\n"
        '  ~ update "Finance" (key keyFinance)\n'
        "      url        https://hooks.example.com/finance -> https://hooks.example.com/money\n"
    )
    plan = run_alone("plan", "webhooks.yaml", "--out", "plan.json")
    call = f"python -m airflow_provider_partnero apply plan.json --base-url {partnero.base_url}"
    assert plan == Done(2, shown, f"Saved. This applies it, and nothing else: {call}\n")
    saved = (tmp_path / "plan.json").read_text(encoding="utf-8")
    assert TOKEN not in saved
    assert SECRET not in saved
    assert run_alone("plan", "webhooks.yaml", "--markdown").out.startswith("**Plan: 0 to create, 1 to update")

    audit = run_alone("audit", "webhooks.yaml", "--report", "audit.sarif", "--report", "audit.xml")
    assert audit.code == 2
    assert audit.err == "Report written to audit.sarif.\nReport written to audit.xml.\n"
    assert "1 error" in audit.out
    assert "PW010" in audit.out

    applied = run_alone("apply", "plan.json")
    assert applied == Done(0, f"{shown}updated 'Finance' (key keyFinance)\nApplied: 1 write.\n", "")
    assert run_alone("apply", "plan.json") == Done(0, "Nothing to write.\n", "")
    assert run_alone("audit", "webhooks.yaml").code == 0
    assert {webhook["url"] for webhook in partnero.webhooks()} >= {"https://hooks.example.com/money"}


def test_without_airflow_a_missing_token_is_said_in_clear_words(alone: Path, tmp_path: Path) -> None:
    done = _run([str(alone / "bin" / "python"), "-m", "airflow_provider_partnero", "export"], tmp_path)
    assert done == Done(
        1,
        "",
        "error: no API token: set the environment variable PARTNERO_TOKEN to the programme's token (Partnero shows it "
        "under Integration > API). Where Airflow is installed, an Airflow connection does as well (--conn-id)\n",
    )


def test_without_airflow_what_goes_wrong_is_said_in_clear_words(run_alone: Run, tmp_path: Path) -> None:
    refused = run_alone("export", PARTNERO_TOKEN="wrong")
    assert [refused.code, refused.out] == [1, ""]
    assert refused.err.startswith("error: Partnero refuses the token (GET /")
    assert run_alone("plan", "gone.yaml") == Done(1, "", "error: gone.yaml: there is no such file\n")
    assert run_alone("audit", "--html", "a.html") == Done(
        1, "", "error: a report in HTML needs Jinja2, which is not installed here: pip install Jinja2\n"
    )
    assert run_alone("plan").code == 1
    (tmp_path / "webhooks.yaml").write_text("webhooks:\n  - {name: A, url: https://a.example, event: [a.b]}\n")
    wrong = run_alone("plan", "webhooks.yaml")
    assert [wrong.code, wrong.out] == [1, ""]
    assert wrong.err.startswith("error: webhooks.yaml: ")
    assert "did you mean 'events'?" in wrong.err


def test_a_refused_plan_shows_both_side_by_side(run_alone: Run, partnero: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "webhooks.json").write_text("[]", encoding="utf-8")
    assert run_alone("plan", "webhooks.json", "--prune", "true", "--out", "plan.json").code == 2
    by_hand = {"key": "byHand", "name": "By hand", "url": "https://hand.example.com", "events": ["partner.created"]}
    partnero.put_webhooks([by_hand])
    done = run_alone("apply", "plan.json")
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith("error: the plan is not the approved one, and nothing was written")
    assert [line.split() for line in done.err.splitlines() if line.split() == ["approved", "now"]]
    assert "By hand" in done.err
    assert [webhook["key"] for webhook in partnero.webhooks()] == ["keyCrm", "keyFinance", "byHand"]


def test_without_airflow_apply_asks_nobody_and_takes_yes(run_alone: Run, partnero: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "webhooks.json").write_text("[]", encoding="utf-8")
    refused = run_alone("apply", "webhooks.json", "--prune", "true")
    assert refused.code == 1
    assert "there is no terminal to ask on. Give --yes" in refused.err
    done = run_alone("apply", "webhooks.json", "--prune", "true", "--keep", "crm", "--yes")
    assert done.code == 0
    assert done.out.endswith("deleted 'Finance' (key keyFinance)\nApplied: 1 write.\n")
    assert [webhook["key"] for webhook in partnero.webhooks()] == ["keyCrm"]


def test_without_airflow_the_doctor_looks_at_what_it_can(run_alone: Run, partnero: Sandbox) -> None:
    done = run_alone("doctor")
    assert done == Done(
        0,
        f"ok    token      Partnero at {partnero.base_url} accepts it\n"
        "ok    programme  Demo programme (Affiliate)\n"
        "ok    clock      agrees with Partnero's\n"
        "ok    webhooks   2 webhooks, 0 inactive\n"
        "warn  airflow    is not installed here, so the receiver and what Airflow lacks were not looked at\n"
        "                 -> run this where the API server runs\n",
        "",
    )


@pytest.mark.parametrize("command", ["export", "plan", "apply", "audit", "doctor", "schema"])
def test_without_airflow_each_command_explains_itself(run_alone: Run, command: str) -> None:
    done = run_alone(command, "--help")
    assert [done.code, done.err] == [0, ""]
    assert f"examples:\n  python -m airflow_provider_partnero {command}" in done.out


@pytest.fixture
def run_airflow(partnero: Sandbox, tmp_path: Path, migrated_database: Path) -> Run:
    """Run a command of Airflow's own CLI."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(migrated_database, home / "airflow.db")
    environment = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_PARTNERO_DEFAULT": partnero.connection_json,
    }

    def run(*arguments: str, **others: str) -> Done:
        program = str(Path(sys.executable).parent / "airflow")
        return _run([program, "partnero", *arguments], tmp_path, **(environment | others))

    return run


@pytest.mark.airflow
def test_airflows_cli_does_the_same_through_a_connection(run_airflow: Run, partnero: Sandbox, tmp_path: Path) -> None:
    exported = run_airflow("export", "--out", "webhooks.yaml")
    assert [exported.code, exported.out] == [0, ""]
    assert exported.err.endswith("2 webhooks written to webhooks.yaml.\n")
    declaration = tmp_path / "webhooks.yaml"
    text = declaration.read_text(encoding="utf-8").replace("/finance", "/money")
    declaration.write_text(text, encoding="utf-8")
    plan = run_airflow("plan", "webhooks.yaml", "--json", "--out", "plan.json")
    assert plan.code == 2
    assert json.loads(plan.out)["counts"]["update"] == 1
    assert "apply it" not in plan.out
    assert "airflow partnero apply plan.json" in plan.err
    applied = run_airflow("apply", "plan.json")
    assert applied.code == 0
    assert applied.out.startswith("Plan: 0 to create, 1 to update, 0 to delete, 1 unchanged.\n")
    assert applied.out.endswith("updated 'Finance' (key keyFinance)\nApplied: 1 write.\n")
    assert run_airflow("audit", "webhooks.yaml", "--html", "audit.html").code == 0
    assert "<html" in (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert run_airflow("plan").code == 2  # Airflow's own parser decides
    missing = run_airflow("plan", "webhooks.yaml", "--conn-id", "gone")
    assert [missing.code, missing.out] == [1, ""]
    assert "error: there is no Airflow connection 'gone': add it" in missing.err
    named = run_airflow("plan", "webhooks.yaml", "--base-url", partnero.base_url)
    assert named.code == 1
    assert "--base-url goes with PARTNERO_TOKEN, which is not set" in named.err


@pytest.mark.airflow
def test_the_doctor_looks_at_the_receiver_and_its_database(run_airflow: Run, partnero: Sandbox) -> None:
    url = "https://airflow.example.com/partnero/webhooks/partnero_default"
    receiver = {"key": "keyR", "name": "Receiver", "url": url, "events": ["partner.created"], "signature": SECRET}
    partnero.put_webhooks([receiver])
    done = run_airflow(
        "doctor",
        AIRFLOW__PARTNERO__RECEIVER_ENABLED="True",
        AIRFLOW__PARTNERO__RECEIVER_BASE_URL="http://127.0.0.1:9",
    )
    verdicts = {line.split()[1]: line.split()[0] for line in done.out.splitlines() if "->" not in line}
    assert done.code == 2
    assert verdicts == {
        "token": "ok",
        "programme": "ok",
        "clock": "ok",
        "webhooks": "ok",
        "airflow": "ok",
        "settings": "ok",
        "receiver": "ok",
        "address": "fail",
        "delivery": "ok",
        "tables": "ok",
        "secrets": "ok",
        "kept": "ok",
        "last": "warn",  # nothing was delivered yet
        "unheard": "ok",
    }


@pytest.mark.airflow
def test_airflows_help_names_the_commands(run_airflow: Run) -> None:
    done = run_airflow("--help")
    assert done.code == 0
    # A group of commands has its text on the next line up to Python 3.12.
    listed = re.findall(r"^    (\w+)(?:$| {2,}\w)", done.out, re.MULTILINE)
    assert listed == ["apply", "audit", "deliveries", "doctor", "export", "plan", "schema"]
