"""Drift on a whole Airflow: a changed webhook starts a DAG, once, and an audit starts those that wait for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import TOKEN, Cluster, everything_written, wait_for

pytestmark = pytest.mark.airflow

WATCHED = ("watched_webhooks", "also_watched_webhooks")
SECRET = "sgn-of-the-drift-test"


def _webhook(key: str, **others: Any) -> dict[str, Any]:
    return {"key": key, "name": f"Name {key}", "url": "https://x.example/", "signature": f"{SECRET}-{key}"} | others


def _told(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    path = cluster.folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _polled(sandbox: Sandbox, times: int = 3) -> None:
    """Wait until the triggerer has read the list so many times more."""
    before = len(sandbox.requests())
    wait_for(lambda: len(sandbox.requests()) >= before + times, "the triggerer to poll", patience=180)


def _fires(cluster: Cluster, sandbox: Sandbox, change: Callable[[], None]) -> dict[str, Any]:
    """What both assets' DAGs are told about a change, and only once."""
    cluster.revive()
    before = {name: len(_told(cluster, name)) for name in WATCHED}
    change()
    for name in WATCHED:
        wait_for(lambda name=name: len(_told(cluster, name)) > before[name], f"a run for {name}", patience=180)  # type: ignore[misc]
    _polled(sandbox)
    time.sleep(3)  # what a scheduler takes to start a run
    told = [_told(cluster, name)[before[name] :] for name in WATCHED]
    assert [len(events) for events in told] == [1, 1]
    assert told[0] == told[1]
    extra: dict[str, Any] = told[0][0]
    return extra


@pytest.fixture(scope="module")
def watching() -> Iterator[Sandbox]:
    """A Partnero of its own: a watcher's polls would disturb the other tests' request log."""
    with Sandbox(token=TOKEN) as sandbox:
        sandbox.put_webhooks([_webhook("a"), _webhook("b")])
        yield sandbox


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, watching: Sandbox, migrated_database: Path) -> Iterator[Cluster]:
    """An Airflow whose triggerer has seen the two webhooks, for each of three watched assets."""
    cluster = Cluster(tmp_path_factory.mktemp("drift"), watching, migrated_database)
    cluster.environment["PARTNERO_TEST_DRIFT"] = "1"
    cluster.start("api-server", "scheduler", "dag-processor", "triggerer")
    try:
        if cluster.rows("select 1 from sqlite_master where name = 'asset_state_store'"):  # from 3.3
            remembered = "select 1 from asset_state_store where key = 'partnero_webhooks_seen:partnero_default'"
            wait_for(lambda: len(cluster.rows(remembered)) == 3, "what was seen to be remembered", patience=240)
        else:
            _polled(watching, 10)  # several times by each of the two triggers
        yield cluster
    finally:
        cluster.stop()


def test_a_changed_webhook_starts_the_dag_once_and_the_event_holds_the_difference(
    cluster: Cluster, watching: Sandbox
) -> None:
    extra = _fires(cluster, watching, lambda: watching.put_webhooks([_webhook("a", is_active=False)]))
    assert extra == {
        "from_trigger": True,
        "payload": {
            "counts": {"added": 0, "removed": 0, "changed": 1},
            "added": [],
            "removed": [],
            "changed": [{"key": "a", "name": "Name a"}],
        },
    }


def test_the_example_logs_the_difference_and_audits(cluster: Cluster, watching: Sandbox) -> None:
    watching.put_webhooks([_webhook("example", name="Put there by hand")])

    def logged() -> str:
        logs = sorted(cluster.home.glob("logs/dag_id=partnero_drift_watch/**/task_id=tell/attempt=*.log"))
        return "".join(path.read_text() for path in logs)

    wait_for(lambda: "Put there by hand" in logged(), "the example to say what changed", patience=180)
    [line] = [line for line in logged().splitlines() if "Put there by hand" in line and "webhooks changed" in line]
    assert "from_trigger" not in line
    assert "'added': 1" in line
    wait_for(
        lambda: cluster.rows(
            "select 1 from task_instance where dag_id = 'partnero_drift_watch' and task_id = 'audit' "
            "and state = 'success'"
        ),
        "the example's audit",
    )


def test_a_killed_triggerer_reports_nothing_twice_and_what_changed_meanwhile_once(
    cluster: Cluster, watching: Sandbox
) -> None:
    _fires(cluster, watching, lambda: watching.put_webhooks([_webhook("before the kill")]))
    told = {name: _told(cluster, name) for name in WATCHED}

    cluster.kill("triggerer")
    cluster.start("triggerer")
    _polled(watching, 6)
    time.sleep(5)
    assert {name: _told(cluster, name) for name in WATCHED} == told

    cluster.kill("triggerer")

    def change_and_start() -> None:
        watching.put_webhooks([_webhook("meanwhile")])
        watching.delete_webhook("b")
        cluster.start("triggerer")

    extra = _fires(cluster, watching, change_and_start)
    assert extra["payload"]["counts"] == {"added": 1, "removed": 1, "changed": 0}
    assert extra["payload"]["removed"] == [{"key": "b"}]


def test_an_audit_starts_the_dag_scheduled_on_it_which_sees_the_counts(cluster: Cluster, watching: Sandbox) -> None:
    before = len(_told(cluster, "audits"))
    run_id = cluster.trigger("audits")
    wait_for(lambda: cluster.run_state("audits", run_id) == "success", "the audit")
    told = wait_for(lambda: _told(cluster, "audits")[before:], "the DAG scheduled on the audits")
    [(value,)] = cluster.rows(
        "select value from xcom where dag_id = 'audits' and run_id = ? and key = 'return_value'", run_id
    )
    report = json.loads(value)
    report = json.loads(report) if isinstance(report, str) else report
    assert told[0]["counts"] == report["counts"]
    assert told[0]["counts"]["webhooks"] == len(watching.webhooks())
    assert len(told[0]["findings"]) == report["counts"]["findings"]


def test_an_audit_that_fails_its_task_starts_nothing(cluster: Cluster, watching: Sandbox) -> None:
    watching.put_webhooks([_webhook("insecure", url="http://x.example/insecure")])
    events = cluster.rows("select count(*) from asset_event where source_dag_id = 'audits'")
    run: dict[str, str] = cluster.api(
        "POST", "/api/v2/dags/audits/dagRuns", logical_date=None, conf={"fail_on": "warning"}
    )
    run_id = run["dag_run_id"]
    wait_for(lambda: cluster.run_state("audits", run_id) == "failed", "the audit to fail")
    assert cluster.rows("select count(*) from asset_event where source_dag_id = 'audits'") == events


def test_a_mapped_audit_succeeds_on_a_whole_airflow(cluster: Cluster, watching: Sandbox) -> None:
    run_id = cluster.trigger("audits_mapped")
    wait_for(lambda: cluster.run_state("audits_mapped", run_id) in {"success", "failed"}, "the mapped audit")
    assert cluster.run_state("audits_mapped", run_id) == "success"


def test_no_secret_is_in_any_log_event_or_memory(cluster: Cluster, watching: Sandbox) -> None:
    written = list(everything_written(cluster.folder))
    assert any(b"partnero_webhooks_seen" in content for name, content in written if "airflow.db" in name)
    leaks = [name for name, content in written if TOKEN.encode() in content or SECRET.encode() in content]
    assert leaks == []
