"""The README is the front page: what it shows is run here, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_partnero import __version__
from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS
from tests.unit.conftest import Airflow
from tests.unit.pages import ROOT, DocumentationPage, page

README = DocumentationPage(ROOT / "README.md")
CONNECTION = page("connection.md")


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r'(?:src|srcset)="([^"]+\.png)"', README.text)
    assert len(pictures) == 2
    assert {path for path in pictures if not 0 < (ROOT / path).stat().st_size < 200_000} == set()


def test_the_audit_of_the_readme_has_ten_lines_fails_on_errors_and_writes_a_page(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path
) -> None:
    report = tmp_path / "audit.html"
    dag = README.dag("webhook_audit", tmp_path, {"/tmp/partnero-audit.html": str(report)})
    assert len([line for line in Path(dag.fileloc).read_text(encoding="utf-8").splitlines() if line]) == 10
    sandbox.put_webhooks(list(BROKEN_PROGRAMME))
    assert airflow.run(dag)["audit"][0].state == "failed"
    assert "Old blog" in report.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv: pip install uv")
def test_the_install_command_of_the_readme_installs_this_package(tmp_path: Path) -> None:
    line = README.block("bash", "pip install .").strip()
    command = ["uv", *shlex.split(line), "--no-deps", "--python", sys.executable, "--target", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bin" / "partnero-demo").is_file()
    assert (tmp_path / "airflow_provider_partnero" / "_dags_examples" / "partnero_webhook_audit.py").is_file()
    assert not (tmp_path / "airflow_provider_partnero" / "docs").exists()


@pytest.mark.airflow
@pytest.mark.parametrize("line", CONNECTION.block("bash", "AIRFLOW_CONN").splitlines()[:2])
def test_the_connections_of_the_readme_are_read_as_meant(line: str, tmp_path: Path) -> None:
    name, _, value = shlex.split(line)[1].partition("=")
    code = (
        "from airflow_provider_partnero.hooks.partnero import PartneroHook\n"
        "hook = PartneroHook()\n"
        "print(hook.get_conn().base_url, hook.get_connection('partnero_default').password)"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow"), name: value}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout.split()[-2:] == ["https://api.partnero.com/v1", "YOUR-API-TOKEN"], done.stderr


def test_the_connections_add_command_of_the_readme_is_accepted_by_airflow(airflow: Airflow, tmp_path: Path) -> None:
    line = CONNECTION.block("bash", "AIRFLOW_CONN").splitlines()[2]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PATH": path}
    airflow.copy_database(tmp_path / "airflow.db")
    done = subprocess.run(shlex.split(line), env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert "Successfully added" in done.stdout + done.stderr
    assert done.returncode == 0


def test_the_connections_of_the_readme_are_those_of_its_own_page() -> None:
    assert README.block("bash", "AIRFLOW_CONN") == CONNECTION.block("bash", "AIRFLOW_CONN")


def test_the_two_commands_are_those_of_the_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for block in README.blocks("bash") for line in block.splitlines() if "uv run" in line]
    assert commands == ["pip install uv && uv run partnero-demo", "pip install uv && uv run pytest"]
    assert commands[1] in ci
    assert "uv run partnero-demo" in ci


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README.text)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_links_every_example() -> None:
    examples = {path.name for path in dags_folder().glob("*.py")}
    assert set(re.findall(r"\]\(dags_examples/([^)]+)\)", README.text)) == examples


def test_the_number_of_rules_is_that_of_the_registry() -> None:
    assert f"with {len(RULES) + len(RULES_ACROSS)} [rules]" in README.text


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_example_dag_is_there_and_named_like_its_file() -> None:
    examples = sorted(dags_folder().glob("*.py"))
    assert len(examples) >= 6
    assert [path.name for path in examples if f'dag_id="{path.stem}"' not in path.read_text(encoding="utf-8")] == []
