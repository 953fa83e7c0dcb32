"""What only a whole Airflow can show: killed workers, restarted triggerers, shared polls, the connection form."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import TOKEN, Cluster, everything_written, wait_for

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def _fresh_sandbox(e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.reset()


def _webhook(key: str, **others: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": key,
        "url": "https://hooks.example.com/x",
        "events": ["partner.created"],
        "is_active": True,
        "signature": f"sig-{key}",
    } | others


def test_a_create_whose_worker_is_killed_after_the_post_leaves_one_webhook(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.fault(method="POST", path="^/webhooks$", delay=20)
    run_id = cluster.trigger("killed_create")
    wait_for(e2e_sandbox.webhooks, "the webhook to be made")
    os.kill(int((cluster.folder / "create.pid").read_text()), signal.SIGKILL)

    wait_for(lambda: cluster.run_state("killed_create", run_id) == "success", "the retry to succeed")

    made = e2e_sandbox.webhooks()
    assert len(made) == 1
    assert [request.method for request in e2e_sandbox.requests()].count("POST") == 1
    [(tries,)] = cluster.rows("select try_number from task_instance where run_id = ?", run_id)
    assert tries == 2


def test_a_deferred_sensor_lives_through_a_killed_triggerer(cluster: Cluster, e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.put_webhooks([_webhook("restartKey01", is_active=False)])
    run_id = cluster.trigger("waits_through_a_restart")
    wait_for(lambda: cluster.state("waits_through_a_restart", run_id, "wait") == "deferred", "the sensor to defer")
    polled = len(e2e_sandbox.requests())
    wait_for(lambda: len(e2e_sandbox.requests()) > polled, "the triggerer's first poll")

    cluster.kill("triggerer")
    e2e_sandbox.put_webhooks([_webhook("restartKey01", is_active=True)])
    assert cluster.state("waits_through_a_restart", run_id, "wait") == "deferred"
    cluster.start("triggerer")

    wait_for(lambda: cluster.run_state("waits_through_a_restart", run_id) == "success", "the sensor to succeed")


def test_a_deferred_sensor_with_soft_fail_is_skipped_when_its_time_is_up(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.put_webhooks([_webhook("neverActive1", is_active=False)])
    run_id = cluster.trigger("times_out_softly")
    wait_for(lambda: cluster.run_state("times_out_softly", run_id) == "success", "the run to end")
    assert cluster.state("times_out_softly", run_id, "wait") == "skipped"


def test_a_sensor_in_reschedule_mode_succeeds_once_the_webhook_is_active(
    cluster: Cluster, e2e_sandbox: Sandbox
) -> None:
    e2e_sandbox.put_webhooks([_webhook("reschedule01", is_active=False)])
    run_id = cluster.trigger("reschedules")
    wait_for(lambda: cluster.state("reschedules", run_id, "wait") == "up_for_reschedule", "the sensor to reschedule")
    e2e_sandbox.put_webhooks([_webhook("reschedule01", is_active=True)])
    wait_for(lambda: cluster.run_state("reschedules", run_id) == "success", "the sensor to succeed")
    assert cluster.state("reschedules", run_id, "wait") == "success"


@pytest.mark.parametrize(("option", "applied"), [("Approve", "success"), ("Reject", "skipped")])
def test_a_plan_waits_for_a_human_and_is_applied_only_when_approved(
    cluster: Cluster, e2e_sandbox: Sandbox, option: str, applied: str
) -> None:
    dag_id = "partnero_webhooks_as_code"
    run_id = cluster.trigger(dag_id)
    wait_for(lambda: cluster.state(dag_id, run_id, "ask_a_human") == "awaiting_input", "the question")
    assert e2e_sandbox.webhooks() == []
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/ask_a_human/-1/hitlDetails"
    question = cluster.api("GET", path)
    assert "4 to create, 0 to update, 0 to delete" in question["body"]

    # No human answers within a second; Airflow 3.3.2 fails a task that is queued again before its scheduler has heard
    # from the executor that the first half ended.
    time.sleep(6)
    cluster.api("PATCH", path, chosen_options=[option], params_input={})

    wait_for(lambda: cluster.run_state(dag_id, run_id) == "success", "the run to end")
    assert cluster.state(dag_id, run_id, "apply") == cluster.state(dag_id, run_id, "audit") == applied
    assert len(e2e_sandbox.webhooks()) == (4 if option == "Approve" else 0)


def test_the_connection_form_has_token_base_url_and_the_four_extra_fields_and_hides_the_rest(cluster: Cluster) -> None:
    [form] = [form for form in cluster.api("GET", "/ui/connections/hook_meta") if form["connection_type"] == "partnero"]
    standard = form["standard_fields"]
    assert form["hook_name"] == "Partnero"
    assert standard["password"]["title"] == "API token"
    assert standard["host"]["title"] == "Base URL"
    assert {name for name, field in standard.items() if field and field["hidden"]} == {"login", "port", "url_schema"}
    assert set(form["extra_fields"]) == {"timeout", "max_attempts", "page_concurrency", "verify_tls"}


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


def test_two_hundred_deferred_sensors_share_one_poll(cluster: Cluster, e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.put_webhooks([_webhook(f"many{number:08d}", is_active=False) for number in range(200)])
    run_id = cluster.trigger("many_wait")

    def deferred() -> int:
        [(count,)] = cluster.rows(
            "select count(*) from task_instance where run_id = ? and task_id = 'wait' and state = 'deferred'", run_id
        )
        return int(count)

    def succeeded() -> list[int]:
        return [
            index
            for (index,) in cluster.rows(
                "select map_index from task_instance where run_id = ? and task_id = 'wait' and state = 'success' "
                "order by map_index",
                run_id,
            )
        ]

    wait_for(lambda: deferred() == 200, "200 sensors to defer", patience=400)
    wait_for(lambda: cluster.rows("select count(*) from trigger")[0][0] == 200, "200 triggers")
    e2e_sandbox.clear_requests()
    polls = wait_for(
        lambda: len(requests) >= 6 and requests if (requests := e2e_sandbox.requests()) else None, "3 polls"
    )
    assert {(request.method, request.path) for request in polls} == {("GET", "/webhooks")}
    seconds = polls[-1].at - polls[0].at
    assert len(polls) <= 2 * (seconds / 5 + 2)

    chosen = [7, 77, 177]
    e2e_sandbox.put_webhooks([_webhook(f"many{number:08d}", is_active=True) for number in chosen])
    wait_for(lambda: succeeded() == chosen, "the three to succeed, and no other")


def test_neither_token_nor_signatures_are_in_any_log_xcom_or_rendered_field(cluster: Cluster) -> None:
    written = list(everything_written(cluster.folder))
    assert any(name.endswith("airflow.db") for name, _ in written)
    assert any("attempt=1" in name for name, _ in written)
    leaks = [name for name, content in written if TOKEN.encode() in content or b"sig-" in content]
    assert leaks == []
