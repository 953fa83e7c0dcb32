"""The five operators, each ``execute``d against the sandbox."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api import (
    PartneroConnectionError,
    PartneroError,
    PartneroRateLimitError,
    PartneroServerError,
)
from airflow_provider_partnero.operators import partnero as operators
from airflow_provider_partnero.operators.base import introduction
from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroDrainDeliveriesOperator,
    PartneroFleetReportOperator,
    PartneroGetWebhookOperator,
    PartneroListWebhooksOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext

FIELDS = {"key", "name", "url", "is_active", "events"}
DEMO: dict[str, Any] = {"name": "Demo", "url": "https://receiver.example/demo", "events": ["partner.created"]}
NEEDED: dict[str, dict[str, Any]] = {
    "PartneroCreateWebhookOperator": DEMO,
    "PartneroReconcileWebhooksOperator": {"webhooks": []},
    "PartneroListWebhooksOperator": {},
    "PartneroAuditWebhooksOperator": {},
    "PartneroRegisterReceiverOperator": {"events": ["partner.created"]},
    "PartneroUnregisterReceiverOperator": {},
    "PartneroProbeReceiverOperator": {},
}
CONNECTED = {name for name in operators.__all__ if name.endswith("Operator")} - {
    "PartneroDrainDeliveriesOperator",
    "PartneroFleetReportOperator",
}
ALL = [getattr(operators, name) for name in sorted(CONNECTED)]


def _create(**arguments: Any) -> PartneroCreateWebhookOperator:
    return PartneroCreateWebhookOperator(task_id="create", **{**DEMO, **arguments})


def _methods(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests()]


def test_list_returns_all_pages_without_signatures(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.seed(137)
    listed = PartneroListWebhooksOperator(task_id="list").execute(make_context())
    assert [webhook["key"] for webhook in listed] == [webhook["key"] for webhook in sandbox.webhooks()]
    assert {frozenset(webhook) for webhook in listed} == {frozenset(FIELDS)}


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ({}, ["a", "b", "c"]),
        ({"is_active": True}, ["a", "c"]),
        ({"is_active": "False"}, ["b"]),
        ({"is_active": None}, ["a", "b", "c"]),
        ({"events": ["partner.created"]}, ["a", "b"]),
        ({"events": "partner.updated, customer.created"}, ["b", "c"]),
        ({"events": "['partner.updated']", "is_active": "true"}, []),
    ],
)
def test_list_filters_by_state_and_by_any_of_the_events(
    sandbox: Sandbox, make_context: MakeContext, arguments: dict[str, Any], keys: list[str]
) -> None:
    sandbox.put_webhooks(
        [
            {"key": "a", "events": ["partner.created"], "is_active": True},
            {"key": "b", "events": ["partner.created", "partner.updated"], "is_active": False},
            {"key": "c", "events": ["customer.created"], "is_active": True},
        ]
    )
    listed = PartneroListWebhooksOperator(task_id="list", **arguments).execute(make_context())
    assert [webhook["key"] for webhook in listed] == keys


def test_a_webhook_is_created_fetched_changed_and_deleted(sandbox: Sandbox, make_context: MakeContext) -> None:
    context = make_context()
    made = _create().execute(context)
    assert set(made) == FIELDS
    key = made["key"]
    changed = PartneroUpdateWebhookOperator(task_id="u", webhook_key=key, is_active="False", events="partner.updated")
    assert changed.execute(context) == made | {"is_active": False, "events": ["partner.updated"]}
    fetched = PartneroGetWebhookOperator(task_id="g", webhook_key=key).execute(context)
    assert fetched["is_active"] is False
    assert PartneroDeleteWebhookOperator(task_id="d", webhook_key=key).execute(context) is None
    assert sandbox.webhooks() == []


def test_the_signature_is_returned_only_on_request(sandbox: Sandbox, make_context: MakeContext) -> None:
    context = make_context()
    made = _create(include_signature=True).execute(context)
    secret = sandbox.webhooks()[0]["signature"]
    assert made["signature"] == secret
    open_handed = [
        PartneroGetWebhookOperator(task_id="g", webhook_key=made["key"], include_signature=True).execute(context),
        PartneroListWebhooksOperator(task_id="l", include_signature=True).execute(context)[0],
        PartneroUpdateWebhookOperator(task_id="u", webhook_key=made["key"], name="x", include_signature=True).execute(
            context
        ),
    ]
    assert {type(webhook["signature"]) for webhook in open_handed} == {str}
    assert {webhook["signature"] for webhook in open_handed} == {secret}


def test_the_first_try_of_a_create_looks_for_key_and_content_and_posts_once(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    _create().execute(make_context())
    assert _methods(sandbox) == ["GET", "GET", "POST"]


def test_the_derived_key_depends_on_connection_dag_task_run_and_map_index(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    base = _create().execute(make_context())["key"]
    assert _create().execute(make_context(try_number=2))["key"] == base
    fields: list[dict[str, Any]] = [
        {"dag_id": "x"},
        {"task_id": "x"},
        {"run_id": "x"},
        {"map_index": 0},
        {"map_index": 1},
    ]
    others = [_create(name=str(number)).execute(make_context(**field))["key"] for number, field in enumerate(fields)]
    assert len({base, *others}) == 6
    assert all(len(key) == 12 and key.isalnum() and key.isascii() for key in others)


@pytest.mark.parametrize("taken_key", ["422", "409", "upsert", "second"])
@pytest.mark.parametrize("delay", [0, 600])
def test_a_task_retried_after_its_worker_died_finds_the_webhook_it_made(
    one_attempt: Sandbox, make_context: MakeContext, taken_key: Any, delay: float
) -> None:
    one_attempt.reset(Profile(taken_key=taken_key))
    one_attempt.set_activation_delay(delay)
    one_attempt.fault(method="POST", drop="after")
    one_attempt.fault(method="GET", skip=1, drop="before", times=50)
    with pytest.raises(PartneroError):
        _create().execute(make_context(try_number=1))
    one_attempt.clear_faults()

    adopted = _create().execute(make_context(try_number=2))

    [only] = one_attempt.webhooks()
    assert adopted["key"] == only["key"]


def test_an_existing_webhook_with_the_key_is_adopted_or_fails_as_if_exists_says(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    first = _create(webhook_key="mine").execute(make_context())
    assert _create(webhook_key="mine").execute(make_context()) == first
    with pytest.raises(AirflowFailException, match="exists already"):
        _create(webhook_key="mine", if_exists="fail").execute(make_context())
    with pytest.raises(AirflowFailException, match="differs in name"):
        _create(webhook_key="mine", name="Other").execute(make_context())
    assert len(sandbox.webhooks()) == 1


def test_a_create_without_key_whose_outcome_is_unknown_fails_at_once(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    sandbox.fault(method="POST", drop="after")
    with pytest.raises(AirflowFailException, match="may have happened"):
        _create(idempotent=False).execute(make_context())
    assert _methods(sandbox) == ["POST"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
def test_an_error_that_a_retry_cannot_fix_fails_the_task_at_once_with_its_cause(
    sandbox: Sandbox, make_context: MakeContext, status: int
) -> None:
    sandbox.fault(status=status, times=9)
    with pytest.raises(AirflowFailException, match=str(status)) as failed:
        PartneroGetWebhookOperator(task_id="g", webhook_key="k").execute(make_context())
    assert isinstance(failed.value.__cause__, PartneroError)
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, PartneroRateLimitError),
        ({"status": 503}, PartneroServerError),
        ({"drop": "after"}, PartneroConnectionError),
    ],
)
def test_a_passing_error_is_left_to_airflows_retries(
    one_attempt: Sandbox, make_context: MakeContext, fault: dict[str, Any], error: type[Exception]
) -> None:
    one_attempt.fault(**fault)
    with pytest.raises(error):
        PartneroGetWebhookOperator(task_id="g", webhook_key="k").execute(make_context())


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x"},
        {"events": []},
        {"name": ""},
        {"is_active": "maybe"},
        {"events": "[1,"},
        {"webhook_key": "a/b"},
    ],
)
def test_a_wrong_argument_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, wrong: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match=next(iter(wrong)).removeprefix("webhook_")):
        _create(**wrong).execute(make_context())
    assert sandbox.requests() == []


def test_a_delete_of_a_missing_webhook_fails_only_on_request(sandbox: Sandbox, make_context: MakeContext) -> None:
    assert PartneroDeleteWebhookOperator(task_id="d", webhook_key="none").execute(make_context()) is None
    with pytest.raises(AirflowFailException, match="404"):
        PartneroDeleteWebhookOperator(task_id="d", webhook_key="none", if_missing="fail").execute(make_context())


@pytest.mark.parametrize(
    ("operator", "argument"),
    [(PartneroCreateWebhookOperator, {**DEMO, "if_exists": "x"}), (PartneroDeleteWebhookOperator, {"if_missing": "x"})],
)
def test_a_wrong_choice_is_refused_when_the_dag_is_parsed(operator: Any, argument: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        operator(task_id="t", **({"webhook_key": "k"} | argument))


def test_every_template_field_renders(sandbox: Sandbox, make_context: MakeContext) -> None:
    with DAG("templates", schedule=None, start_date=datetime(2026, 1, 1)):
        create = PartneroCreateWebhookOperator(
            task_id="c",
            name="{{ 'N' }}",
            url="https://{{ 'a.example' }}/",
            events=["{{ 'partner.created' }}"],
            is_active="{{ 1 == 2 }}",
            webhook_key="{{ 'thekey' }}",
            partnero_conn_id="{{ 'partnero_default' }}",
        )
    create.render_template_fields({})
    made = create.execute(make_context())
    assert made == {
        "key": "thekey",
        "name": "N",
        "url": "https://a.example/",
        "is_active": False,
        "events": ["partner.created"],
    }


@pytest.mark.parametrize("operator", ALL, ids=lambda operator: operator.__name__)
def test_the_connection_is_templated_and_the_task_page_says_what_it_does(operator: Any) -> None:
    assert "partnero_conn_id" in operator.template_fields
    arguments = NEEDED.get(operator.__name__, {"webhook_key": "k"})
    made = operator(task_id="t", **arguments)
    assert len(made.doc_md) > 30
    assert ":param" not in made.doc_md
    assert operator(task_id="t2", doc_md="mine", **arguments).doc_md == "mine"


@pytest.mark.parametrize("operator", ALL, ids=lambda operator: operator.__name__)
def test_every_operator_can_be_mapped_and_used_beside_taskflow(operator: Any) -> None:
    with DAG("mapped", schedule=None, start_date=datetime(2026, 1, 1)) as dag:

        @task
        def connections() -> list[str]:
            return ["partnero_default"]

        partial = NEEDED.get(operator.__name__, {"webhook_key": "k"})
        operator.partial(task_id="t", **partial).expand(partnero_conn_id=connections())
    assert dag.get_task("t").upstream_task_ids == {"connections"}


@pytest.mark.parametrize(
    "operator",
    [*ALL, PartneroFleetReportOperator, PartneroDrainDeliveriesOperator, PartneroWebhookActiveSensor],
    ids=lambda operator: operator.__name__,
)
def test_the_page_of_a_mapped_task_says_what_it_does_as_that_of_any_other(operator: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("introduced", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        operator.partial(task_id="t").expand_kwargs([{}])
        operator.partial(task_id="own", doc_md="mine").expand_kwargs([{}])
    shown = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert shown.get_task("t").doc_md == introduction(operator)
    assert len(introduction(operator)) > 30
    assert shown.get_task("own").doc_md == "mine"
