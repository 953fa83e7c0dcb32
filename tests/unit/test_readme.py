"""The README is the front page: what it shows is run here, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from airflow_provider_partnero import __version__, get_provider_info
from airflow_provider_partnero.demo_airflow import dags_folder
from airflow_provider_partnero.plugin import answers
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.rules import RULES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def _run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "AIRFLOW_HOME": str(folder / "airflow"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("code", [code for code in _blocks("python") if "with DAG(" in code])
def test_the_dags_of_the_readme_parse(code: str, tmp_path: Path) -> None:
    done = _run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_sandbox_test_of_the_readme_passes_under_pytest(tmp_path: Path) -> None:
    [code] = [code for code in _blocks("python") if "partnero_sandbox" in code]
    (tmp_path / "test_readme_snippet.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_readme_snippet.py"],
        cwd=tmp_path,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow")},
        capture_output=True,
        text=True,
        timeout=120,
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


def test_the_connections_add_command_of_the_readme_is_accepted_by_airflow(tmp_path: Path) -> None:
    [line] = [line for block in _blocks("bash") for line in block.splitlines() if "connections add" in line]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["airflow", "db", "migrate"], env=environment, capture_output=True, timeout=120, check=True)
    done = subprocess.run(shlex.split(line), env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Successfully added" in done.stdout + done.stderr
    assert done.returncode == 0


def test_the_sandbox_command_of_the_readme_starts_and_tells_the_connection(tmp_path: Path) -> None:
    [line] = [
        line for block in _blocks("bash") for line in block.splitlines() if "airflow_provider_partnero.sandbox" in line
    ]
    command = [sys.executable, *shlex.split(line)[1:]]
    command[command.index("8765")] = "0"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said and (heard := process.stdout.readline()):
            said += heard
        process.terminate()
    assert "AIRFLOW_CONN_PARTNERO_DEFAULT=" in said
    assert "demo" in said


def test_the_profile_of_the_readme_is_one() -> None:
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
    told = {int(status) for status in re.findall(r"\b[245]\d\d\b", README.split("| answer, within 2 s |")[1][:900])}
    assert told == {answer.status for answer in vars(answers).values() if isinstance(answer, answers.Answer)}


def test_the_table_of_rules_is_the_registry() -> None:
    table = README.split("<!-- rules -->\n")[1].split("<!-- end of rules -->")[0].splitlines()[2:]
    assert table == [f"| {rule.id} | {rule.severity} | {rule.title} | {rule.remedy} |" for rule in RULES]


def test_every_public_name_of_the_table_can_be_imported() -> None:
    from airflow_provider_partnero import assets
    from airflow_provider_partnero.hooks import partnero as hooks
    from airflow_provider_partnero.operators import partnero as operators
    from airflow_provider_partnero.sensors import partnero as sensors
    from airflow_provider_partnero.triggers import partnero as triggers

    names = re.findall(r"^\| `(\w*[Pp]artnero\w+)[`(]", README, re.MULTILINE)
    homes = [operators, sensors, triggers, hooks, assets]
    assert len(names) > 10
    assert [name for name in names if not any(hasattr(home, name) for home in homes)] == []


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_example_dag_is_there_and_named_like_its_file() -> None:
    examples = sorted(dags_folder().glob("*.py"))
    assert len(examples) >= 6
    assert [path.name for path in examples if f'dag_id="{path.stem}"' not in path.read_text(encoding="utf-8")] == []
