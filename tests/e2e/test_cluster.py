"""What only a whole Airflow can show: killed workers, restarted triggerers, shared polls, the connection form.

And drift: a changed webhook starts a DAG, once, and an audit starts those that wait for it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .cluster import Cluster
from .programme import SECRET, TOKEN, webhook

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

WATCHED = ("watched_webhooks", "also_watched_webhooks")
MARKS = count()


@pytest.fixture(autouse=True)
def _fresh_sandbox(e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.reset()


def test_a_create_whose_worker_is_killed_after_the_post_leaves_one_webhook(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.fault(method="POST", path="^/webhooks$", delay=25)
    run_id = cluster.trigger("killed_create")
    cluster.wait_for(e2e_sandbox.webhooks, "the webhook to be made")
    os.kill(int((cluster.folder / "create.pid").read_text()), signal.SIGKILL)

    cluster.succeed("killed_create", run_id)

    made = e2e_sandbox.webhooks()
    assert len(made) == 1
    assert [request.method for request in e2e_sandbox.requests()].count("POST") == 1
    [(tries,)] = cluster.rows("select try_number from task_instance where run_id = ?", run_id)
    assert tries == 2


def test_a_deferred_sensor_lives_through_a_killed_triggerer(cluster: Cluster, e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.put_webhooks([webhook("restartKey01", is_active=False)])
    dag_id = "waits_through_a_restart"
    run_id = cluster.trigger(dag_id)
    cluster.wait_for(lambda: cluster.state(dag_id, run_id, "wait") == "deferred", "the sensor to defer")
    polled = len(e2e_sandbox.requests())
    cluster.wait_for(lambda: len(e2e_sandbox.requests()) > polled, "the triggerer's first poll")

    cluster.kill("triggerer")
    cluster.wait_until_heard(dag_id, run_id, "wait")
    e2e_sandbox.put_webhooks([webhook("restartKey01", is_active=True)])
    assert cluster.state(dag_id, run_id, "wait") == "deferred"
    cluster.start("triggerer")

    cluster.succeed(dag_id, run_id)


def test_a_deferred_sensor_with_soft_fail_is_skipped_when_its_time_is_up(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.put_webhooks([webhook("neverActive1", is_active=False)])
    with _held(cluster, "times_out_softly") as run_id:
        pass
    cluster.succeed("times_out_softly", run_id)
    assert cluster.state("times_out_softly", run_id, "wait") == "skipped"


def test_a_sensor_in_reschedule_mode_succeeds_once_the_webhook_is_active(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.put_webhooks([webhook("reschedule01", is_active=False)])
    with _held(cluster, "reschedules") as run_id:
        assert cluster.state("reschedules", run_id, "wait") == "up_for_reschedule"
        e2e_sandbox.put_webhooks([webhook("reschedule01", is_active=True)])
    cluster.succeed("reschedules", run_id)
    assert cluster.state("reschedules", run_id, "wait") == "success"


@contextmanager
def _held(cluster: Cluster, dag_id: str) -> Iterator[str]:
    """A run of the DAG whose task has been run once; it is not queued again before the context ends."""
    run_id = cluster.trigger(dag_id)
    cluster.wait_for(lambda: cluster.state(dag_id, run_id, "wait") not in {None, "scheduled"}, f"{dag_id} to run")
    cluster.pause(dag_id, is_paused=True)
    cluster.wait_until_heard(dag_id, run_id, "wait")
    yield run_id
    cluster.pause(dag_id, is_paused=False)


@pytest.mark.parametrize(("option", "applied"), [("Approve", "success"), ("Reject", "skipped")])
def test_a_plan_waits_for_a_human_and_is_applied_only_when_approved(
    cluster: Cluster, e2e_sandbox: Sandbox, option: str, applied: str
) -> None:
    dag_id = "partnero_webhooks_as_code"
    run_id = cluster.trigger(dag_id)
    cluster.wait_for(lambda: cluster.state(dag_id, run_id, "ask_a_human") == "awaiting_input", "the question")
    assert e2e_sandbox.webhooks() == []
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/ask_a_human/-1/hitlDetails"
    question = cluster.api("GET", path)
    assert "4 to create, 0 to update, 0 to delete" in question["body"]
    assert question["body"].count("\n+ create ") == 4

    cluster.wait_until_heard(dag_id, run_id, "ask_a_human")
    cluster.api("PATCH", path, chosen_options=[option], params_input={})

    cluster.succeed(dag_id, run_id)
    assert cluster.state(dag_id, run_id, "apply") == cluster.state(dag_id, run_id, "audit") == applied
    assert len(e2e_sandbox.webhooks()) == (4 if option == "Approve" else 0)


def test_the_connection_form_has_token_base_url_and_the_four_extra_fields_and_hides_the_rest(cluster: Cluster) -> None:
    [form] = [form for form in cluster.api("GET", "/ui/connections/hook_meta") if form["connection_type"] == "partnero"]
    standard = form["standard_fields"]
    assert form["hook_name"] == "Partnero"
    assert standard["password"]["title"] == "API token"
    assert standard["host"]["title"] == "Base URL"
    assert {name for name, field in standard.items() if field and field["hidden"]} == {"login", "port", "url_schema"}
    assert set(form["extra_fields"]) == {"timeout", "max_attempts", "page_concurrency", "verify_tls", "store"}


@pytest.mark.parametrize(
    ("connection", "good", "words"),
    [
        ({}, True, "accepts the token"),
        ({"password": "wrong"}, False, "refuses the token"),
        ({"host": "http://partnero.invalid/v1"}, False, "host name partnero.invalid is unknown"),
        ({"host": "http://127.0.0.1:9/v1"}, False, "nothing answers"),
        ({"password": ""}, False, "has no API token"),
        ({"extra": '{"timeout": "soon"}'}, False, "timeout='soon'"),
    ],
)
def test_the_test_button_says_in_words_what_is_wrong(
    cluster: Cluster, e2e_sandbox: Sandbox, connection: dict[str, str], good: bool, words: str
) -> None:
    body = {
        "connection_id": "tried",
        "conn_type": "partnero",
        "password": TOKEN,
        "host": e2e_sandbox.base_url,
        "extra": "{}",
    } | connection
    answer = cluster.api("POST", "/api/v2/connections/test", **body)
    assert (answer["status"], words in answer["message"]) == (good, True), answer["message"]
    assert TOKEN not in answer["message"]


def test_sensors_that_workers_have_deferred_share_one_poll(cluster: Cluster, e2e_sandbox: Sandbox) -> None:
    number = 12
    e2e_sandbox.put_webhooks([webhook(f"many{position:08d}", is_active=False) for position in range(number)])
    run_id = cluster.trigger("many_wait", sensors=number)

    def states() -> list[str | None]:
        return cluster.states("many_wait", run_id, "wait")

    cluster.wait_for(lambda: states() == ["deferred"] * number, f"{number} sensors to defer")
    cluster.wait_until_heard("many_wait", run_id, "wait", number)
    alive = "select count(*) from trigger join task_instance on trigger_id = trigger.id where run_id = ?"
    cluster.wait_for(lambda: cluster.rows(alive, run_id) == [(number,)], f"{number} triggers")
    e2e_sandbox.clear_requests()
    polls = cluster.wait_for(lambda: requests if len(requests := e2e_sandbox.requests()) >= 3 else None, "3 polls")
    assert polls is not None
    assert {(request.method, request.path) for request in polls} == {("GET", "/webhooks")}
    seconds = polls[-1].at - polls[0].at
    assert len(polls) <= seconds / 5 + 2

    chosen = {3, 7, number - 1}
    e2e_sandbox.put_webhooks([webhook(f"many{position:08d}", is_active=True) for position in chosen])
    expected = ["success" if position in chosen else "deferred" for position in range(number)]
    cluster.wait_for(lambda: states() == expected, "the three to succeed, and no other")
    cluster.api("PATCH", f"/api/v2/dags/many_wait/dagRuns/{run_id}", state="failed")  # the others need not wait on


def _told(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    path = cluster.folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _polled(cluster: Cluster, sandbox: Sandbox, times: int = 3) -> None:
    """Wait until the triggerer has read the list so many times more."""
    sandbox.clear_requests()
    cluster.wait_for(lambda: len(sandbox.requests()) >= times, "the triggerer to poll")


def _until_remembered(cluster: Cluster, sandbox: Sandbox) -> None:
    """Wait until every watcher has stored the newest webhook; one that is killed before that fires again."""
    if not cluster.rows("select 1 from information_schema.tables where table_name = 'asset_state_store'"):  # before 3.3
        return
    remembered = "select 1 from asset_state_store where key = 'partnero_webhooks_seen:watched' and value like ?"
    newest = json.dumps(sandbox.webhooks()[-1]["key"])
    cluster.wait_for(lambda: len(cluster.rows(remembered, f"%{newest}%")) == 3, "what was seen to be remembered")


def _fires(cluster: Cluster, sandbox: Sandbox, change: Callable[[], object]) -> dict[str, Any]:
    """What both assets' DAGs are told about a change, and only once: the next they are told is the next change."""
    before = {name: len(_told(cluster, name)) for name in WATCHED}
    mark = f"mark {next(MARKS)}"
    causes: list[Callable[[], object]] = [change, lambda: sandbox.put_webhooks([webhook(mark)])]
    for number, cause in enumerate(causes, 1):
        cause()
        for name in WATCHED:
            cluster.wait_for(
                lambda name=name, number=number: len(_told(cluster, name)) >= before[name] + number,  # type: ignore[misc]
                f"a run for {name}",
            )
    told = [_told(cluster, name)[before[name] :] for name in WATCHED]
    assert told[0] == told[1]
    extra, marked = told[0]
    assert marked["payload"]["added"] == [{"key": mark, "name": f"Name {mark}"}]
    assert marked["payload"]["counts"] == {"added": 1, "removed": 0, "changed": 0}
    return extra


@pytest.fixture(scope="module")
def watching(cluster: Cluster, watched_sandbox: Sandbox) -> Sandbox:
    """A Partnero whose two webhooks the triggerer has seen, for each of three watched assets."""
    if cluster.rows("select 1 from information_schema.tables where table_name = 'asset_state_store'"):  # from 3.3
        remembered = "select 1 from asset_state_store where key = 'partnero_webhooks_seen:watched'"
        cluster.wait_for(lambda: len(cluster.rows(remembered)) == 3, "what was seen to be remembered")
    else:
        _polled(cluster, watched_sandbox, 10)  # several times by each of the two triggers
    return watched_sandbox


def test_a_changed_webhook_starts_the_dag_once_and_the_event_holds_the_difference(
    cluster: Cluster, watching: Sandbox
) -> None:
    extra = _fires(cluster, watching, lambda: watching.put_webhooks([webhook("a", is_active=False)]))
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
    _fires(cluster, watching, lambda: watching.put_webhooks([webhook("example", name="Put there by hand")]))

    def logged() -> str:
        logs = sorted(cluster.home.glob("logs/dag_id=partnero_drift_watch/**/task_id=tell/attempt=*.log"))
        return "".join(path.read_text() for path in logs)

    cluster.wait_for(lambda: "Put there by hand" in logged(), "the example to say what changed")
    [line] = [line for line in logged().splitlines() if "Put there by hand" in line and "webhooks changed" in line]
    assert "from_trigger" not in line
    # What changed before may be in the same line: the example polls less often than the others.
    assert "{'key': 'example', 'name': 'Put there by hand'}" in line
    audited = (
        "select 1 from task_instance where dag_id = 'partnero_drift_watch' and task_id = 'audit' and state = 'success'"
    )
    cluster.wait_for(lambda: cluster.rows(audited), "the example's audit")


def test_a_killed_triggerer_reports_nothing_twice_and_what_changed_meanwhile_once(
    cluster: Cluster, watching: Sandbox
) -> None:
    def kill_and_start() -> None:
        _until_remembered(cluster, watching)
        cluster.kill("triggerer")
        cluster.start("triggerer")
        _polled(cluster, watching)

    kill_and_start()
    extra = _fires(cluster, watching, lambda: watching.put_webhooks([webhook("after the kill")]))
    assert extra["payload"]["added"] == [{"key": "after the kill", "name": "Name after the kill"}]

    def change_and_start() -> None:
        _until_remembered(cluster, watching)
        cluster.kill("triggerer")
        watching.put_webhooks([webhook("meanwhile")])
        watching.delete_webhook("b")
        cluster.start("triggerer")

    extra = _fires(cluster, watching, change_and_start)
    assert extra["payload"]["counts"] == {"added": 1, "removed": 1, "changed": 0}
    assert extra["payload"]["removed"] == [{"key": "b"}]


def test_an_audit_starts_the_dag_scheduled_on_it_which_sees_the_counts(cluster: Cluster, watching: Sandbox) -> None:
    before = len(_told(cluster, "audits"))
    run_id = cluster.trigger("audits")
    cluster.succeed("audits", run_id)
    told = cluster.wait_for(lambda: _told(cluster, "audits")[before:], "the DAG scheduled on the audits")
    [(value,)] = cluster.rows(
        "select value from xcom where dag_id = 'audits' and run_id = ? and key = 'return_value'", run_id
    )
    report = json.loads(value) if isinstance(value, str) else value  # JSON in JSON before Airflow 3.1
    assert told[0]["counts"] == report["counts"]
    assert told[0]["counts"]["webhooks"] == len(watching.webhooks())
    assert len(told[0]["findings"]) == report["counts"]["findings"]


def test_an_audit_that_fails_its_task_starts_nothing(cluster: Cluster, watching: Sandbox) -> None:
    watching.put_webhooks([webhook("insecure", url="http://x.example/insecure")])
    events = cluster.rows("select count(*) from asset_event where source_dag_id = 'audits'")
    run_id = cluster.trigger("audits", fail_on="warning")
    assert cluster.end_of("audits", run_id) == "failed"
    assert cluster.rows("select count(*) from asset_event where source_dag_id = 'audits'") == events


def test_a_mapped_audit_succeeds_on_a_whole_airflow(cluster: Cluster, watching: Sandbox) -> None:
    cluster.succeed("audits_mapped", cluster.trigger("audits_mapped"))


def test_the_audits_of_a_fleet_start_each_programmes_dags_and_the_report_alone_fails_the_run(
    cluster: Cluster, e2e_sandbox: Sandbox, watching: Sandbox
) -> None:
    shared = {"signature": f"{SECRET}-shared"}
    watching.put_webhooks([webhook("here", **shared)])
    e2e_sandbox.put_webhooks([webhook("there", url="https://elsewhere.example/", **shared)])
    before = len(_told(cluster, "programme_b"))
    dag_id, fleet = "partnero_fleet_audit", ["programme_a", "programme_c", "nowhere", "programme_b"]
    run_id = cluster.trigger(dag_id, connections=fleet)

    assert cluster.end_of(dag_id, run_id) == "failed"
    report = json.loads((cluster.folder / "fleet.json").read_text())
    reasons = {row["conn_id"]: row["error"] for row in report["programmes"]}
    assert list(reasons) == ["programme_c", "nowhere", "programme_a", "programme_b"]
    assert "refuses the token" in reasons["programme_c"]
    assert "does not exist" in reasons["nowhere"]
    assert (reasons["programme_a"], reasons["programme_b"]) == (None, None)
    assert cluster.states(dag_id, run_id, "audit") == ["success", "failed", "failed", "success"]
    assert [found["rule"] for found in report["findings"]] == ["PW022"]

    told = cluster.wait_for(lambda: _told(cluster, "programme_b")[before:], "the DAG of programme_b")
    counts = told[0]["counts"]
    counts = json.loads(counts) if isinstance(counts, str) else counts  # a text on Airflow 3.0
    assert counts["webhooks"] == 1
    # Nobody is scheduled on this asset; its history is kept all the same.
    events = cluster.rows(
        "select count(*) from asset_event join asset on asset.id = asset_id where asset.uri = ?",
        "partnero://programme_a/audit",
    )
    assert events == [(1,)]


def test_a_signing_secret_is_handed_over_across_a_retry_and_no_other_place_has_it(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    run_id = cluster.trigger("hands_secrets_over")
    assert cluster.end_of("hands_secrets_over", run_id) == "failed"
    # The cluster logs at DEBUG, where Airflow itself would log the Variable.
    assert cluster.state("hands_secrets_over", run_id, "to_variable") == "failed"
    assert cluster.state("hands_secrets_over", run_id, "to_function") == "success"
    [made] = e2e_sandbox.webhooks()
    secret = made["signature"].encode()
    assert (cluster.folder / "tried-to-store").read_text() == str(len(secret))
    written = list(cluster.everything_written())
    assert any(b"cannot store ***" in content for _, content in written)
    assert [name for name, content in written if secret in content] == []


def test_no_secret_is_in_any_log_xcom_rendered_field_event_or_memory(cluster: Cluster) -> None:
    written = list(cluster.everything_written())
    assert any(name == "task_instance" for name, _ in written)
    assert any("attempt=1" in name for name, _ in written)
    leaks = [name for name, content in written if TOKEN.encode() in content or SECRET.encode() in content]
    assert leaks == []
