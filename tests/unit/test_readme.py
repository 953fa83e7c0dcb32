"""The README is the front page: what it shows is run here, as it stands there."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_partnero import __version__, get_provider_info
from airflow_provider_partnero.api import PartneroClient, verify
from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.hooks import partnero as hooks
from airflow_provider_partnero.hooks.connection import settings_of
from airflow_provider_partnero.ledger import entries
from airflow_provider_partnero.operators import partnero as operators
from airflow_provider_partnero.plugin.receiver import answers, receiver
from airflow_provider_partnero.plugin.receiver.signers import registry
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow
from tests.unit.sandbox_command import words_at_start

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r'(?:src|srcset)="([^"]+\.png)"', README)
    assert len(pictures) == 6
    assert {path for path in pictures if not 0 < (ROOT / path).stat().st_size < 200_000} == set()


def _run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "AIRFLOW_HOME": str(folder / "airflow"), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def _dag(dag_id: str, folder: Path, **replaced: str) -> Any:
    """A DAG of the README, out of a file of its own."""
    from airflow.dag_processing.dagbag import DagBag

    [code] = [code for code in _blocks("python") if f'DAG("{dag_id}"' in code]
    for old, new in replaced.items():
        assert old in code
        code = code.replace(old, new)
    path = folder / f"{dag_id}.py"
    path.write_text(code, encoding="utf-8")
    bag = DagBag(path)
    assert bag.import_errors == {}
    return bag.dags[dag_id]


def test_the_audit_of_the_readme_has_ten_lines_fails_on_errors_and_writes_a_page(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path
) -> None:
    page = tmp_path / "audit.html"
    dag = _dag("webhook_audit", tmp_path, **{"/tmp/partnero-audit.html": str(page)})
    assert len([line for line in Path(dag.fileloc).read_text(encoding="utf-8").splitlines() if line]) == 10
    sandbox.put_webhooks(list(BROKEN_PROGRAMME))
    assert airflow.run(dag)["audit"][0].state == "failed"
    assert "Old blog" in page.read_text(encoding="utf-8")


def test_the_webhooks_of_the_readme_are_created_once(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> None:
    [declaration] = _blocks("yaml")
    (tmp_path / "webhooks.yaml").write_text(declaration, encoding="utf-8")
    dag = _dag("webhooks_as_code", tmp_path)
    assert airflow.run(dag)["reconcile"][0].state == "success"
    [webhook] = sandbox.webhooks()
    assert webhook["name"] == "Finance: commissions"

    sandbox.clear_requests()
    assert airflow.run(dag)["reconcile"][0].state == "success"
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_the_dag_of_the_readme_that_events_start_waits_for_them_and_runs(airflow: Airflow, tmp_path: Path) -> None:
    dag = _dag("book", tmp_path)
    assert dag.timetable.asset_condition.uri == "partnero://partnero_default/transaction.created"
    assert airflow.run(dag)["book"][0].state == "success"


def test_the_registration_of_the_readme_leads_to_the_address_of_the_readme(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    [ini] = _blocks("ini")
    shown = ConfigParser()
    shown.read_string(ini)
    for option, value in shown["partnero"].items():
        monkeypatch.setenv(f"AIRFLOW__PARTNERO__{option.upper()}", value)
    [code] = re.findall(r"`(PartneroRegisterReceiverOperator\(.*?\))`", README)
    eval(code, vars(operators)).execute(make_context())
    [webhook] = sandbox.webhooks()
    assert webhook["url"] == "https://airflow.example.com/partnero/webhooks/partnero_default"


@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv: pip install uv")
def test_the_install_command_of_the_readme_installs_this_package(tmp_path: Path) -> None:
    [line] = [line for block in _blocks("bash") for line in block.splitlines() if line == "pip install ."]
    command = ["uv", *shlex.split(line), "--no-deps", "--python", sys.executable, "--target", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bin" / "partnero-demo").is_file()
    assert (tmp_path / "airflow_provider_partnero" / "_dags_examples" / "partnero_webhook_audit.py").is_file()


@pytest.mark.airflow
def test_the_sandbox_test_of_the_readme_passes_under_pytest(tmp_path: Path) -> None:
    [code] = [code for code in _blocks("python") if "partnero_sandbox" in code]
    (tmp_path / "test_readme_snippet.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_readme_snippet.py"],
        cwd=tmp_path,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_client_snippet_runs_without_airflow_against_the_sandbox(tmp_path: Path) -> None:
    [code] = [code for code in _blocks("python") if "PartneroClient(" in code]
    with Sandbox() as sandbox:
        sandbox.seed(3)
        sandbox.put_webhooks([sandbox.webhooks()[0] | {"is_active": False}])
        here = code.replace('PartneroClient("YOUR-API-TOKEN")', f'PartneroClient("demo", {sandbox.base_url!r})')
        done = _run(here + "\nimport sys; print(len(inactive), 'airflow' in sys.modules)", tmp_path)
    assert done.stdout.split() == ["1", "False"], done.stderr


def test_the_commands_of_the_readme_take_over_a_live_programme(tmp_path: Path) -> None:
    [block] = [block for block in _blocks("bash") if "PARTNERO_TOKEN" in block]
    token, *commands = block.splitlines()
    assert token == "export PARTNERO_TOKEN=YOUR-API-TOKEN"
    (tmp_path / "dags").mkdir()
    with Sandbox() as sandbox:
        sandbox.seed(3)
        said = [
            subprocess.run(
                [sys.executable, *shlex.split(command)[1:], "--base-url", sandbox.base_url],
                cwd=tmp_path,
                env={**os.environ, "PARTNERO_TOKEN": sandbox.token},
                capture_output=True,
                text=True,
                timeout=600,
                check=True,
            ).stdout
            for command in commands
        ]
    assert "0 to create, 0 to update, 0 to delete, 3 unchanged" in said[1]
    assert "0 errors, 0 warnings" in said[2]


@pytest.mark.airflow
@pytest.mark.parametrize(
    "line", [line for block in _blocks("bash") for line in block.splitlines() if "AIRFLOW_CONN" in line]
)
def test_the_connections_of_the_readme_are_read_as_meant(line: str, tmp_path: Path) -> None:
    name, _, value = shlex.split(line)[1].partition("=")
    code = (
        "from airflow_provider_partnero.hooks.partnero import PartneroHook\n"
        "hook = PartneroHook()\n"
        "print(hook.get_conn().base_url, hook.get_connection('partnero_default').password)"
    )
    done = _run(code, tmp_path, **{name: value})
    assert done.stdout.split()[-2:] == ["https://api.partnero.com/v1", "YOUR-API-TOKEN"], done.stderr


def test_the_connections_add_command_of_the_readme_is_accepted_by_airflow(airflow: Airflow, tmp_path: Path) -> None:
    [line] = [line for block in _blocks("bash") for line in block.splitlines() if "connections add" in line]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    airflow.copy_database(tmp_path / "airflow.db")
    done = subprocess.run(shlex.split(line), env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert "Successfully added" in done.stdout + done.stderr
    assert done.returncode == 0


def test_the_sandbox_command_of_the_readme_starts_and_tells_the_connection() -> None:
    [line] = [
        line for block in _blocks("bash") for line in block.splitlines() if "airflow_provider_partnero.sandbox" in line
    ]
    said = words_at_start(line)
    assert "AIRFLOW_CONN_PARTNERO_DEFAULT=" in said
    assert "demo" in said


def test_the_profile_of_the_readme_is_valid() -> None:
    from airflow_provider_partnero.sandbox import Profile

    [text] = re.findall(r"--profile (\S+?)`", README)
    assert Profile.parse(text).taken_key == "upsert"


def test_the_two_commands_are_those_of_the_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for block in _blocks("bash") for line in block.splitlines() if "uv run" in line]
    assert commands == ["pip install uv && uv run partnero-demo", "pip install uv && uv run pytest"]
    assert commands[1] in ci
    assert "uv run partnero-demo" in ci


def test_the_configuration_of_the_readme_is_what_the_provider_declares() -> None:
    shown = ConfigParser()
    shown.read_string("".join(_blocks("ini")))
    declared = get_provider_info()["config"]
    assert {section: set(shown[section]) for section in shown.sections()} == {
        section: set(described["options"]) for section, described in declared.items()
    }


def test_the_answers_of_the_readme_are_the_receivers() -> None:
    rows = README.split("| answer, within 2 s | when |\n| --- | --- |\n")[1].split("\n\n")[0].splitlines()
    told = [(int(status), row.split("|")[1]) for row in rows for status in re.findall(r"\d{3}", row.split("|")[1])]
    known = [answer for answer in vars(answers).values() if isinstance(answer, answers.Answer)]
    assert {status for status, _ in told} == {answer.status for answer in known}
    assert len(told) == len(known)
    assert {answer.status for answer in known if answer.retry_after} == {
        status for status, cell in told if "Retry-After" in cell
    }
    assert receiver.LIMITS.deadline < 2


def test_what_is_not_templated_is_what_the_readme_says() -> None:
    [sentence] = re.findall(r"Operators' arguments are templated, but for ([^;]+);", README)
    fixed = set()
    for name in operators.__all__:
        operator = getattr(operators, name)
        if name.endswith("Operator"):
            arguments = set(inspect.signature(operator).parameters) - {"kwargs"}
            fixed |= arguments - set(operator.template_fields)
    fixed -= {"dry_run"}  # templated under another name
    assert "plan_only" in operators.PartneroReconcileWebhooksOperator.template_fields
    assert set(re.findall(r"`(\w+)`", sentence)) == fixed


def test_the_numbers_of_the_readme_are_those_of_the_code() -> None:
    reconcile = inspect.signature(operators.PartneroReconcileWebhooksOperator).parameters
    client = inspect.signature(PartneroClient).parameters
    assert f"more than `max_deletes` ({reconcile['max_deletes'].default}) webhooks is refused" in README
    assert f"honoured (up to {client['max_wait'].default} s)" in README
    assert f"at most {hooks._MOST_MASKED} of a task" in README
    assert f"recorded the same body in the last {receiver.OLDEST_DAYS} days" in README
    assert f"its `created_at` is {receiver.OLDEST_DAYS} days ago" in README
    assert f"What is older than {entries.KEPT_FOR.days} days is deleted" in README
    assert f"keeps them for {registry.WEBHOOKS.known_for / 60:.0f} minutes, or for a day while" in README
    assert registry.WEBHOOKS.stale_for == 24 * 60 * 60
    assert f"at most once in {registry.WEBHOOKS.refresh_every:.0f} seconds" in README


def test_the_defaults_of_the_connection_are_those_of_the_readme() -> None:
    empty: Any = SimpleNamespace(conn_id="x", host=None, schema=None, port=None, password="t", extra=None)
    settings = settings_of(empty)
    connect, read = settings.timeout
    table = README.split("| field |")[1].split("\n\n")[0]
    told = dict(re.findall(r"^\| (?:extra )?`?(\w+)`?.* \| ([^|]+) \|$", table, re.MULTILINE))
    assert told["host"] == f"`{settings.base_url}`"
    assert told["timeout"] == f"{read:g} (connecting: {connect:g})"
    assert told["max_attempts"] == str(settings.max_attempts)
    assert told["page_concurrency"] == str(settings.page_concurrency)
    assert told["verify_tls"] == f"`{json.dumps(settings.verify)}`"


def test_the_table_of_rules_is_the_registry() -> None:
    table = README.split("<!-- rules -->\n")[1].split("<!-- end of rules -->")[0].splitlines()[2:]
    told = [(rule.id, rule.severity, rule.title, rule.remedy) for rule in RULES]
    told += [(rule.id, rule.severity, rule.title, rule.remedy) for rule in RULES_ACROSS]
    assert table == [f"| {' | '.join(cells)} |" for cells in told]


def test_every_public_name_of_the_table_can_be_imported() -> None:
    from airflow_provider_partnero import assets
    from airflow_provider_partnero.sensors import partnero as sensors
    from airflow_provider_partnero.triggers import partnero as triggers

    names = re.findall(r"^\| `(\w*[Pp]artnero\w+)[`(]", README, re.MULTILINE)
    homes = [operators, sensors, triggers, hooks, assets]
    assert len(names) > 10
    assert [name for name in names if not any(hasattr(home, name) for home in homes)] == []
    signatures = re.findall(r"^\| `(partnero_\w+)\(([^)]*)\)`", README, re.MULTILINE)
    for name, arguments in signatures:
        parameters = list(inspect.signature(getattr(assets, name)).parameters)
        assert arguments.split(", ") == parameters[: len(arguments.split(", "))]
    assert len(signatures) == 3
    assert f"`verify({', '.join(inspect.signature(verify).parameters)})`" in README


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_example_dag_is_there_and_named_like_its_file() -> None:
    examples = sorted(dags_folder().glob("*.py"))
    assert len(examples) >= 6
    assert [path.name for path in examples if f'dag_id="{path.stem}"' not in path.read_text(encoding="utf-8")] == []
