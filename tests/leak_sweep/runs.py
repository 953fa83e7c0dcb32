"""The example DAGs, and one whose tasks meet failures."""

from __future__ import annotations

from airflow_provider_partnero.demo.airflow import dags_folder
from tests.e2e.cluster import AIRFLOW

from .home import Home
from .tested import CODE, MAPPED, ROTATION

RECEIVER = "partnero_event_driven_switch"
LIFECYCLE = "partnero_webhook_lifecycle"
PROVOKED = "provoked"
# Airflow's scheduler runs these, with the triggerer; those in the second group start by themselves.
STARTED = (PROVOKED, RECEIVER, LIFECYCLE)
BY_THEMSELVES = ("partnero_webhook_audit", "partnero_fleet_audit", "partnero_silence_alarm", "partnero_drift_watch")
# `airflow dags test` runs these.
TESTED = (MAPPED, CODE, ROTATION)
DELIVERED = "partnero_event_driven"
# At DEBUG, Airflow logs the Variables that tasks write, and the example refuses to write one (signing_secrets.md).
_AT_INFO = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}


def check_that_all_examples_run() -> None:
    """A new example is in the sweep, too."""
    examples = {path.stem for path in dags_folder().glob("*.py")} | {RECEIVER}
    assert examples == {*STARTED, *BY_THEMSELVES, *TESTED, DELIVERED} - {PROVOKED}


def start(home: Home) -> None:
    """Start what the scheduler runs, once its DAG is parsed. Before, it would run what is only tested, too."""
    home.cluster.start("scheduler")
    for dag_id in STARTED:
        home.cluster.wait_until_parsed(dag_id)
        said = home.forks.airflow("dags", "trigger", dag_id)
        assert said.code == "None", said.err


def run_tested(home: Home) -> None:
    """Run the others, first at DEBUG where a Variable is refused, then where it is not."""
    module = "tests.leak_sweep.tested"
    said = home.forks.run(module, "", "dags", "test")
    assert said.code == "None", said.err
    before = {webhook["key"]: webhook["signature"] for webhook in home.sandbox.webhooks()}
    assert home.start_alone("rotation", AIRFLOW, "dags", "test", ROTATION, **_AT_INFO) == 0
    home.marks.previous.append(before["crmCustomers"])


def wait_for_writers(home: Home) -> None:
    """Wait until no run changes a webhook any more: a saved plan would not be applied then."""
    for dag_id in (RECEIVER, LIFECYCLE):
        home.cluster.wait_for(lambda dag_id=dag_id: _states(home, dag_id) == ["success"], f"the end of {dag_id}")  # type: ignore[misc]


def wait_for_all(home: Home) -> None:
    """Wait until the scheduler has nothing left to do, and every example has succeeded."""
    cluster = home.cluster
    for dag_id in (*STARTED, *BY_THEMSELVES, DELIVERED):
        cluster.wait_for(lambda dag_id=dag_id: _states(home, dag_id), f"a run of {dag_id}")  # type: ignore[misc]
    cluster.wait_until_idle()
    states = {dag_id: _states(home, dag_id) for dag_id in (*STARTED, *BY_THEMSELVES, DELIVERED)}
    assert {dag_id for dag_id, found in states.items() if "failed" in found} == {PROVOKED}, states
    tasks = cluster.rows("select task_id, state from task_instance where dag_id = ?", PROVOKED)
    assert {state for _, state in tasks} == {"failed"}, tasks


def _states(home: Home, dag_id: str) -> list[str]:
    return [state for (state,) in home.cluster.rows("select state from dag_run where dag_id = ?", dag_id)]
