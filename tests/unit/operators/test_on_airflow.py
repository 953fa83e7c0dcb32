"""Operators as tasks of real runs: XCom, TaskFlow, mapping, Airflow's own retries."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from airflow.sdk import DAG, task

from airflow_provider_partnero.api.keyed_create import PAUSES
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroListWebhooksOperator,
    PartneroReconcileWebhooksOperator,
    PartneroRetryPolicy,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.unit.conftest import Airflow

DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
NO_WAIT = timedelta(0)
TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])


def _dag(name: str, **options: Any) -> DAG:
    return DAG(f"unit_{name}", schedule=None, start_date=datetime(2026, 1, 1), catchup=False, **options)


def test_a_webhooks_life_cycle_beside_taskflow(airflow: Airflow, sandbox: Sandbox) -> None:
    with _dag("life") as dag:

        @task
        def content() -> dict[str, Any]:
            return {"name": "From a task", "events": ["partner.created", "customer.created"]}

        wanted: Any = content()
        create = PartneroCreateWebhookOperator(
            task_id="create",
            name=wanted["name"],
            url="https://a.example/{{ dag.dag_id }}",
            events=wanted["events"],
            multiple_outputs=True,
        )
        made: Any = create.output
        key = made["key"]  # needs multiple_outputs
        wait = PartneroWebhookActiveSensor(task_id="wait", webhook_key=key, deferrable=True, poke_interval=0.2)
        update = PartneroUpdateWebhookOperator(task_id="update", webhook_key=key, is_active="{{ 1 > 2 }}")
        get = PartneroGetWebhookOperator(task_id="get", webhook_key="{{ ti.xcom_pull(task_ids='create')['key'] }}")
        listing = PartneroListWebhooksOperator(
            task_id="list", is_active="{{ ti.xcom_pull(task_ids='get')['is_active'] }}"
        )

        @task
        def names(webhooks: list[dict[str, Any]]) -> list[str]:
            return [webhook["name"] for webhook in webhooks]

        listed: Any = listing.output
        delete = PartneroDeleteWebhookOperator(task_id="delete", webhook_key=key)
        wait >> update >> get >> listing >> names(listed) >> delete

    sandbox.set_activation_delay(0.5)
    done = airflow.run(dag)

    assert {run.state for runs in done.values() for run in runs} == {"success"}
    [created] = done["create"]
    assert created.returned["url"] == "https://a.example/unit_life"
    assert created.returned["events"] == ["partner.created", "customer.created"]
    assert done["wait"][0].returned["is_active"] is True
    assert done["get"][0].returned["is_active"] is False
    assert done["names"][0].returned == ["From a task"]
    assert sandbox.webhooks() == []


def test_every_operator_and_the_sensor_are_mapped_over_what_a_task_returns(airflow: Airflow, sandbox: Sandbox) -> None:
    sandbox.put_webhooks({"key": f"k{n}", "is_active": True, "name": f"Webhook {n}"} for n in range(3))
    with _dag("mapped") as dag:

        @task
        def keys() -> list[str]:
            return ["k0", "k1", "k2"]

        @task
        def created() -> list[dict[str, Any]]:
            return [{**DEMO, "name": f"Mapped {n}", "is_active": n > 0} for n in range(3)]

        @task
        def declarations() -> list[list[dict[str, Any]]]:
            return [[DEMO], [{**DEMO, "name": "Other"}]]

        waits = PartneroWebhookActiveSensor.partial(task_id="wait", deferrable=True).expand(webhook_key=keys())
        gets = PartneroGetWebhookOperator.partial(task_id="get").expand(webhook_key=keys())
        updates = PartneroUpdateWebhookOperator.partial(task_id="update", is_active=False).expand(webhook_key=keys())
        lists = PartneroListWebhooksOperator.partial(task_id="list").expand(is_active=[True, False, None])
        creates = PartneroCreateWebhookOperator.partial(task_id="create").expand_kwargs(created())
        plans = PartneroReconcileWebhooksOperator.partial(task_id="plan", dry_run=True).expand(webhooks=declarations())
        audits = PartneroAuditWebhooksOperator.partial(task_id="audit").expand(fail_on=["never", "never"])
        deletes = PartneroDeleteWebhookOperator.partial(task_id="delete").expand(webhook_key=keys())
        waits >> gets >> updates >> lists >> creates >> plans >> audits >> deletes

    done = airflow.run(dag)

    assert {
        name: [run.state for run in runs] for name, runs in done.items() if {r.state for r in runs} != {"success"}
    } == {}
    assert [run.returned["key"] for run in done["get"]] == ["k0", "k1", "k2"]
    assert [run.returned["is_active"] for run in done["update"]] == [False] * 3
    assert [len(run.returned) for run in done["list"]] == [0, 3, 3]
    assert [(run.returned["name"], run.returned["is_active"]) for run in done["create"]] == [
        ("Mapped 0", False),
        ("Mapped 1", True),
        ("Mapped 2", True),
    ]
    assert {webhook["name"] for webhook in sandbox.webhooks()} == {"Mapped 0", "Mapped 1", "Mapped 2"}
    assert len({run.returned["key"] for run in done["create"]}) == 3


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_airflows_retry_of_a_create_finds_what_the_first_try_made(
    airflow: Airflow, one_attempt: Sandbox, taken_key: str
) -> None:
    one_attempt.reset(Profile(taken_key=taken_key))  # type: ignore[arg-type]
    one_attempt.set_activation_delay(600)
    one_attempt.fault(method="POST", drop="after")
    one_attempt.fault(method="GET", skip=1, drop="before", times=len(PAUSES) + 3)
    with _dag(f"retried_{taken_key}") as dag:
        PartneroCreateWebhookOperator(task_id="create", **DEMO, retries=2, retry_delay=NO_WAIT)

    [create] = airflow.run(dag)["create"]

    assert create.tries == 2
    [made] = one_attempt.webhooks()
    if taken_key == "ignored":  # nothing tells that it is not another run's
        assert create.state == "failed"
        return
    assert (create.state, create.returned["key"]) == ("success", made["key"])
    assert [request.method for request in one_attempt.requests()].count("POST") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_final_error_is_not_retried_by_airflow(airflow: Airflow, sandbox: Sandbox, status: int) -> None:
    sandbox.fault(status=status, times=9)
    with _dag(f"final_{status}") as dag:
        PartneroGetWebhookOperator(task_id="get", webhook_key="k", retries=3, retry_delay=NO_WAIT)
    [get] = airflow.run(dag)["get"]
    assert (get.state, get.tries) == ("failed", 1)
    assert len(sandbox.requests()) == 1


def test_a_passing_error_is_retried_by_airflow(airflow: Airflow, one_attempt: Sandbox) -> None:
    one_attempt.put_webhooks([{"key": "k"}])
    one_attempt.fault(status=503, times=2)
    with _dag("passing") as dag:
        PartneroGetWebhookOperator(task_id="get", webhook_key="k", retries=3, retry_delay=NO_WAIT)
    [get] = airflow.run(dag)["get"]
    assert (get.state, get.tries) == ("success", 3)


def test_with_the_retry_policy_airflow_waits_as_long_as_partnero_asks(airflow: Airflow, one_attempt: Sandbox) -> None:
    one_attempt.put_webhooks([{"key": "k"}])
    one_attempt.fault(status=429, retry_after=10)
    one_attempt.fault(status=429, skip=1)  # without Retry-After: the task's own delay
    with _dag("policy") as dag:
        PartneroGetWebhookOperator(
            task_id="get", webhook_key="k", retries=2, retry_delay=NO_WAIT, retry_policy=PartneroRetryPolicy()
        )
    [get] = airflow.run(dag)["get"]
    assert (get.state, get.tries) == ("success", 3)
    first, second, third = one_attempt.requests()
    assert second.at - first.at >= 10
    assert third.at - second.at < 10


def test_a_mapped_task_that_gets_none_for_a_plan_writes_nothing(airflow: Airflow, sandbox: Sandbox) -> None:
    with _dag("no_plan") as dag:

        @task
        def approved() -> list[None]:
            return [None]

        PartneroReconcileWebhooksOperator.partial(
            task_id="apply", webhooks=[{"name": "A", "url": "https://a.example/x", "events": ["partner.created"]}]
        ).expand(plan=approved())
    assert [(run.state, run.tries) for run in airflow.run(dag)["apply"]] == [("failed", 1)]
    assert sandbox.requests() == []


def test_the_connection_may_come_from_default_args(airflow: Airflow, sandbox: Sandbox, monkeypatch: Any) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": True}])
    monkeypatch.setenv("AIRFLOW_CONN_SECOND", sandbox.connection_json)
    monkeypatch.delenv("AIRFLOW_CONN_PARTNERO_DEFAULT")
    with _dag("default_args", default_args={"partnero_conn_id": "second"}) as dag:
        PartneroGetWebhookOperator(task_id="get", webhook_key="k")
        PartneroGetWebhookOperator.partial(task_id="mapped").expand(webhook_key=["k"])
        PartneroWebhookActiveSensor(task_id="wait", webhook_key="k", deferrable=True)
        PartneroListWebhooksOperator(task_id="list")
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"success"}


def test_no_secret_is_in_the_database_unless_requested(airflow: Airflow, sandbox: Sandbox) -> None:
    hidden, opened = (f"sEcReT-{number}-of-this-test" for number in (1, 2))  # Airflow stores the DAG's source, too
    sandbox.put_webhooks([{"key": "k", "is_active": True, "signature": hidden}])
    sandbox.put_webhooks([{"key": "open", "is_active": True, "signature": opened}])
    with _dag("secrets") as dag:
        PartneroGetWebhookOperator(task_id="get", webhook_key="k")
        PartneroUpdateWebhookOperator(task_id="update", webhook_key="k", name="New")
        PartneroWebhookActiveSensor(task_id="wait", webhook_key="k")
        PartneroListWebhooksOperator(task_id="list", is_active=True)
        PartneroGetWebhookOperator(task_id="asked", webhook_key="open", include_signature=True)

        @task
        def taskflow() -> Any:
            hook = PartneroHook()
            return {"one": hook.get_webhook("k"), "all": list(hook.iter_webhooks())}

        taskflow()
    done = airflow.run(dag)
    assert {run.state for runs in done.values() for run in runs} == {"success"}
    assert '"key": "k"' in json.dumps(done["taskflow"][0].returned)
    assert done["asked"][0].returned["signature"] == opened

    stored = airflow.stored()
    assert hidden.encode() not in stored
    assert opened.encode() in stored


def test_what_operators_return_is_plain_json(airflow: Airflow, sandbox: Sandbox) -> None:
    sandbox.seed(3)
    with _dag("plain") as dag:
        PartneroListWebhooksOperator(task_id="list")
        PartneroDeleteWebhookOperator(task_id="delete", webhook_key="none")
    done = airflow.run(dag)
    listed = done["list"][0].returned
    assert json.loads(json.dumps(listed)) == listed
    assert all(type(webhook["is_active"]) is bool for webhook in listed)
    assert done["delete"][0].returned is None
