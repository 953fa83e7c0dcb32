"""The tutorial: its files are saved, its commands run in its order, and its outputs are the real ones."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox
from tests.unit.conftest import Airflow
from tests.unit.pages import page
from tests.unit.sandbox_command import words_at_start

TUTORIAL = page("tutorial.md")
ADDRESS = "http://127.0.0.1:8765"
AUDIT, PLAN, MEND, AUDIT_AGAIN, MEND_AGAIN = TUTORIAL.blocks("console")


class Reader:
    """Somebody who does what the page says. A run of ``airflow dags test`` is one in this process, which is quicker."""

    def __init__(self, folder: Path, airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._airflow = airflow
        self._capfd = capfd

    def save(self, name: str, text: str) -> None:
        """Save a snippet under the name that the page gives it."""
        assert f"`{name}`" in TUTORIAL.text
        (self.folder / name).write_text(text, encoding="utf-8")

    def type(self, block: str) -> tuple[str, str]:
        """The state of the run that a command starts, and what is logged."""
        [command] = block.splitlines()
        typed = shlex.split(command.removeprefix("$ airflow dags test "))
        [dag_id, *options] = typed
        assert not options or options[0] == "--conf"
        dag = self._dag(dag_id)
        self._airflow.store(dag)
        self._capfd.readouterr()
        run = dag.test(run_conf=json.loads(options[1]) if options else None)
        return run.state, _shown("".join(self._capfd.readouterr()))

    def _dag(self, dag_id: str) -> Any:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(self.folder / "dags" / f"{dag_id}.py")
        assert bag.import_errors == {}
        return bag.dags[dag_id]


def _shown(log: str) -> str:
    """What is logged, without the blanks that end a line of Airflow's."""
    return re.sub(r" +$", "", log, flags=re.MULTILINE)


def _without_secrets(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The live webhooks by key; Partnero draws their secrets anew."""
    return {webhook.pop("key"): webhook | {"signature": ""} for webhook in sandbox.webhooks()}


def test_the_tutorial_happens_as_it_is_told(
    airflow: Airflow,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dags").mkdir()
    reader = Reader(tmp_path, airflow, capfd)
    found, planned, mended, nothing = TUTORIAL.blocks("text")
    by_hand = TUTORIAL.block("python", "put_webhooks").replace(ADDRESS, sandbox.root_url)
    exec(by_hand)
    reader.save("dags/tutorial_audit.py", TUTORIAL.block("python", '"tutorial_audit"'))
    reader.save("dags/webhooks.yaml", TUTORIAL.block("yaml", "webhooks:"))
    reader.save("dags/tutorial_mend.py", TUTORIAL.block("python", '"tutorial_mend"'))

    state, log = reader.type(AUDIT)
    assert state == "failed"
    assert found.rstrip() in log
    assert "Blog" in (tmp_path / "audit.html").read_text(encoding="utf-8")

    before = _without_secrets(sandbox)
    state, log = reader.type(PLAN)
    assert state == "success"
    assert planned.rstrip() in log
    assert _without_secrets(sandbox) == before

    state, log = reader.type(MEND)
    assert state == "success"
    assert mended.rstrip() in log
    state, log = reader.type(AUDIT_AGAIN)
    assert state == "success"
    assert nothing.rstrip() in log

    good = _without_secrets(sandbox)
    exec(by_hand)
    assert _without_secrets(sandbox) == before
    assert reader.type(MEND_AGAIN)[0] == "success"
    assert _without_secrets(sandbox) == good


def test_the_commands_are_those_that_others_run() -> None:
    assert "token: demo" in words_at_start(TUTORIAL.block("bash", "sandbox"))
    install, folder, _, by_hand, connection = TUTORIAL.blocks("bash")
    assert "uv sync" in install
    assert "airflow db migrate" in folder
    assert by_hand == "python by_hand.py\n"
    [value] = re.findall(r"^export AIRFLOW_CONN_PARTNERO_DEFAULT='(.*)'$", connection, re.MULTILINE)
    assert json.loads(value) == {"conn_type": "partnero", "password": "demo", "host": f"{ADDRESS}/v1"}


def test_the_folder_is_made_as_the_page_says(tmp_path: Path) -> None:
    typed = TUTORIAL.block("bash", "airflow db migrate").replace("airflow db migrate", "env")
    done = subprocess.run(["bash", "-ec", typed], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=True)
    assert f"AIRFLOW__CORE__DAGS_FOLDER={tmp_path}/tutorial/dags\n" in done.stdout
    assert (tmp_path / "tutorial" / "dags").is_dir()
