"""The story of taking over a live programme: its commands run in its order, and its outputs are the real ones."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.sandbox import Sandbox
from tests.unit.conftest import Airflow
from tests.unit.sandbox_command import words_at_start

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "take_over.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILE = "dags/partnero_webhooks_as_code.yaml"
ADDRESS = "http://127.0.0.1:8765/v1"
KEY = re.compile(r"(?<=key )\w{12}\b")


def _blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


class Terminal:
    """A shell in the repository, where the page's second block has been typed in."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        _, typed = _blocks("bash")[:2]
        self.folder = folder
        self._address = sandbox.base_url
        self._start = typed.replace(ADDRESS, sandbox.base_url).replace("=demo", f"={sandbox.token}")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = kept | {"PATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}

    def type(self, block: str) -> str:
        """What the terminal shows when a block's commands are typed in; keys are drawn by Partnero, so ``KEY``."""
        commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        echo = "code=$?; printf '%s\\n' {}; (exit $code)\n{}"
        script = "\n".join(echo.format(shlex.quote(f"$ {command}"), command) for command in commands)
        done = subprocess.run(
            ["bash", "-c", f"exec 2>&1\n{self._start}\n{script}"],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        return _without_keys(done.stdout.replace(self._address, ADDRESS))


def _without_keys(text: str) -> str:
    return KEY.sub("KEY", text)


def _edit(folder: Path) -> None:
    """Apply the page's change as ``git apply`` does; the keys in its context are those of this programme."""
    declaration = (folder / FILE).read_text("utf-8")
    [patch] = [text for text in _blocks("diff") if text.startswith("---")]
    for line in [line for line in patch.splitlines() if "# key" in line]:
        name = patch.split(f"{line}\n", 1)[1].splitlines()[0]
        [live] = re.findall(rf"  # key (\w+)\n{re.escape(name[1:])}\n", declaration)
        patch = patch.replace(line, f"   # key {live}")
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch, text=True, check=True)


def test_the_story_happens_as_it_is_told(
    airflow: Airflow, sandbox: Sandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    sandbox.seed(4)
    (tmp_path / "dags").mkdir()
    terminal = Terminal(tmp_path, sandbox)
    exported, planned, applied, moved = _blocks("console")

    assert terminal.type(exported) == exported
    [shown] = _blocks("yaml")
    assert _without_keys(shown) in _without_keys((tmp_path / FILE).read_text("utf-8"))
    assert not any(webhook["signature"] in (tmp_path / FILE).read_text("utf-8") for webhook in sandbox.webhooks())

    _edit(tmp_path)
    assert terminal.type(planned) == _without_keys(planned)
    fingerprint = json.loads((tmp_path / "plan.json").read_text("utf-8"))["fingerprint"]

    before = sandbox.webhooks()
    sandbox.put_webhooks([webhook | {"is_active": webhook["name"] != "Webhook 3"} for webhook in before])
    refused, _, told_code = moved.partition("…\n")
    said = terminal.type(moved)
    assert said.startswith(refused)
    assert said.endswith(told_code)
    assert not any(webhook["name"] == "CRM" for webhook in sandbox.webhooks())
    sandbox.put_webhooks(before)

    sandbox.clear_requests()
    shutil.copy(dags_folder() / "partnero_webhooks_as_code.py", tmp_path / "dags")
    dag: Any = DagBag(tmp_path / "dags" / "partnero_webhooks_as_code.py").dags["partnero_webhooks_as_code"]
    airflow.store(dag)
    capfd.readouterr()
    run = dag.test(run_conf={"approve": fingerprint})
    log = _without_keys("".join(capfd.readouterr()))
    assert run.state == "success"
    approval = [text for text in _blocks("diff") if text.startswith("! update")]
    asked = {ti.task_id: ti.xcom_pull(task_ids="plan") for ti in run.get_task_instances()}["plan"]
    assert [_without_keys(text) in _without_keys(asked["diff_markdown"]) for text in approval] == [True]
    [done] = _blocks("text")
    assert _without_keys(done).rstrip() in log.replace("Done: \n", "Done:\n")
    writes = [(request.method, request.path.split("/")[1]) for request in sandbox.requests() if request.method != "GET"]
    assert writes == [("POST", "webhooks"), ("PUT", "webhooks")]

    assert terminal.type(applied) == applied


def test_the_command_with_a_fingerprint_is_accepted_by_airflow_and_by_the_dag(airflow: Airflow, tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    [command] = [text for text in _blocks("bash") if "dags trigger" in text]
    program, *arguments = shlex.split(command)
    dag: Any = DagBag(dags_folder() / "partnero_webhooks_as_code.py").dags["partnero_webhooks_as_code"]
    airflow.store(dag)
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments, "--output", "json"],
        env=os.environ, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(arguments[-1])["approve"] in done.stdout


def test_the_sandbox_of_the_story_starts() -> None:
    assert "token: demo" in words_at_start(_blocks("bash")[0])


def test_every_block_of_the_page_is_run_or_compared_here() -> None:
    counted = {kind: len(_blocks(kind)) for kind, _ in BLOCKS}
    assert counted == {"bash": 3, "console": 4, "yaml": 1, "diff": 2, "text": 1}
