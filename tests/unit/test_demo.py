"""The demo without an Airflow: its environment, its ports, its folder, and how it ends what it started."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from airflow_provider_partnero.demo import cli
from airflow_provider_partnero.demo.airflow import AirflowProcess, DemoError, airflow_environment
from airflow_provider_partnero.demo.sessions import end_session

SESSION_WITH_A_TASK = """
import os, subprocess, sys, time
task = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(task.pid, flush=True)
time.sleep(600)
"""


def test_a_session_ends_with_processes_in_groups_of_their_own_such_as_airflows_tasks() -> None:
    leader = subprocess.Popen(
        [sys.executable, "-c", SESSION_WITH_A_TASK], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert leader.stdout is not None
    task = int(leader.stdout.readline())
    end_session(leader)
    assert not _is_running(task)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_settings_of_the_users_airflow_do_not_reach_the_demos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_HOME", "AIRFLOW__PARTNERO__STORE", "AIRFLOW_CONN_PARTNERO_DEFAULT", "AIRFLOW_VAR_X"):
        monkeypatch.setenv(name, "the user's")
    assert "the user's" not in airflow_environment(tmp_path, "{}").values()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": ".acme.example"}, ".acme.example,127.0.0.1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_no_proxy_comes_between_the_demo_and_its_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert airflow_environment(tmp_path, "{}")["no_proxy"] == expected


def test_port_0_becomes_a_free_one() -> None:
    port = cli._checked_port(0, "--port")
    assert port
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_error_about_a_temporary_folder_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(DemoError, match=r"no temporary folder can be made .* set TMPDIR"):
        cli._make_folder()


def test_modules_in_the_working_folder_do_not_replace_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "airflow.log"
    with AirflowProcess(airflow_environment(tmp_path, "{}"), log) as airflow:
        while not (log.exists() or airflow.has_ended(patience=0.05)):
            pass
        assert log.exists()


def test_the_error_about_a_dead_process_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "no" / "such.log"
    with (
        AirflowProcess(airflow_environment(tmp_path, "{}"), log) as airflow,
        pytest.raises(DemoError, match=f"died; its log tells why: {log}"),
    ):
        airflow("version")
