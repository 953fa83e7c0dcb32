"""The demo without an Airflow: its environment, its ports, its folder, and how it ends what it started."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.demo import cli
from airflow_provider_partnero.demo.airflow import AirflowProcess, DemoError, airflow_environment
from airflow_provider_partnero.demo.arrivals import UNHEARD, arrivals, subscribe_to_the_unheard
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.demo.sessions import end_session
from airflow_provider_partnero.demo.week import become, webhooks_of_the_week
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.audit import audit

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


def test_the_programme_gets_worse_and_better_within_the_week(partnero_sandbox: Sandbox) -> None:
    found = []
    for webhooks in [*webhooks_of_the_week(), BROKEN_PROGRAMME]:
        become(partnero_sandbox, webhooks)
        live = [Webhook.from_row(webhook) for webhook in partnero_sandbox.webhooks()]
        assert {webhook.key for webhook in live} == {webhook["key"] for webhook in webhooks}
        counts = audit(live).counts
        found.append((counts["errors"], counts["warnings"]))
    assert found == [(0, 0), (0, 1), (2, 1), (3, 2), (0, 1), (0, 2), (1, 2), (2, 3)]


def test_deliveries_that_arrive_differ_and_one_event_among_them_is_heard_by_no_example() -> None:
    arriving = list(arrivals())
    events = [event for event, _ in arriving]
    assert set(events) <= set(WebhookEvent)
    assert {"transaction.created", "transaction.deleted", UNHEARD} == set(events)
    assert len({(event, data["key"]) for event, data in arriving}) == len(arriving) == 15


def test_only_the_receivers_webhook_is_subscribed_to_the_event_that_nobody_hears(partnero_sandbox: Sandbox) -> None:
    receiver = {
        "key": "r",
        "url": "http://127.0.0.1:8080/partnero/webhooks/partnero_default",
        "events": ["lead.created"],
    }
    partnero_sandbox.put_webhooks([*BROKEN_PROGRAMME, receiver])
    before = {webhook["key"]: webhook for webhook in partnero_sandbox.webhooks()}
    subscribe_to_the_unheard(partnero_sandbox)
    after = {webhook["key"]: webhook for webhook in partnero_sandbox.webhooks()}
    assert after.pop("r")["events"] == [*before.pop("r")["events"], UNHEARD]
    assert after == before
