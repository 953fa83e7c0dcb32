"""One odd webhook in the list spoils nothing: not for the operators, not for sensors and triggers on the others."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroListWebhooksOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext

SOUND: dict[str, Any] = {
    "key": "odd",
    "name": "Odd",
    "url": "https://hooks.example.com/odd",
    "is_active": True,
    "events": ["partner.created"],
    "signature": "sEcReTsEcReT1234",
}
ODD: list[dict[str, Any]] = [
    {"name": None},
    {"url": None},
    {"is_active": "1"},
    {"is_active": None},
    {"key": 7},
    {"events": {"0": "partner.created"}},
    {"events": None},
    {"signature": 7},
    {"name": None, "url": None, "is_active": None, "events": "partner.created", "signature": None},
]
WRITES = {"POST", "PUT", "DELETE"}


def entry(number: int) -> dict[str, Any]:
    return {"name": f"W{number}", "url": f"https://hooks.example.com/{number}", "events": ["partner.created"]}


@pytest.fixture(params=ODD, ids=str)
def odd(request: pytest.FixtureRequest, sandbox: Sandbox) -> dict[str, Any]:
    """An odd webhook between four sound ones, ``k0`` to ``k3``."""
    row: dict[str, Any] = SOUND | request.param
    sandbox.put_webhooks([entry(number) | {"key": f"k{number}"} for number in range(2)])
    sandbox.put_webhooks([row], whole=True)
    sandbox.put_webhooks([entry(number) | {"key": f"k{number}"} for number in (2, 3)])
    return row


def writes(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.path}" for request in sandbox.requests() if request.method in WRITES]


def reconcile(context: Any, webhooks: list[dict[str, Any]], **options: Any) -> Any:
    return PartneroReconcileWebhooksOperator(task_id="t", webhooks=webhooks, **options).execute(context)


def test_the_list_has_all_webhooks_and_marks_the_odd_one(odd: dict[str, Any], make_context: MakeContext) -> None:
    listed = PartneroListWebhooksOperator(task_id="t").execute(make_context())
    assert [webhook["key"] for webhook in listed] == ["k0", "k1", str(odd["key"]), "k2", "k3"]
    assert [number for number, webhook in enumerate(listed) if "oddities" in webhook] == [2]


def test_the_audit_reports_the_odd_webhook_alone(odd: dict[str, Any], make_context: MakeContext) -> None:
    report = PartneroAuditWebhooksOperator(task_id="t", fail_on="never").execute(make_context())
    assert [finding["key"] for finding in report["findings"] if finding["rule"] == "PW017"] == [str(odd["key"])]
    assert {finding["key"] for finding in report["findings"]} == {str(odd["key"])}


def test_reconcile_does_its_work_beside_an_odd_webhook(
    sandbox: Sandbox, odd: dict[str, Any], make_context: MakeContext
) -> None:
    declared = [entry(number) | {"key": f"k{number}"} for number in range(3)]
    declared[1]["events"] = ["partner.updated"]
    outcome = reconcile(make_context(), [*declared, entry(8)])
    assert outcome["plan"]["counts"] == {"create": 1, "update": 1, "delete": 0, "unchanged": 2, "undeclared": 2}
    assert writes(sandbox) == ["POST /webhooks", "PUT /webhooks/k1"]


@pytest.mark.parametrize("odd", [{"name": None}, {"url": None}, {"is_active": None}], indirect=True, ids=str)
def test_reconcile_leaves_alone_a_declared_webhook_that_it_cannot_read_and_says_so_at_the_end(
    sandbox: Sandbox, odd: dict[str, Any], make_context: MakeContext
) -> None:
    declared = {name: SOUND[name] for name in ("key", "name", "url", "events")}
    with pytest.raises(PartneroError, match=r"'Odd' \(key odd, \w+ is null\)"):
        reconcile(make_context(), [declared, entry(8)], prune=True)
    deleted = [f"DELETE /webhooks/k{number}" for number in range(4)]
    assert sorted(writes(sandbox)) == [*deleted, "POST /webhooks"]
    assert reconcile(make_context(), [declared], dry_run=True)["plan"]["counts"]["unreadable"] == 1


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_sensor_on_a_sound_webhook_succeeds(odd: dict[str, Any], make_context: MakeContext, deferrable: bool) -> None:
    sensor = PartneroWebhookActiveSensor(task_id="t", webhook_key="k2", deferrable=deferrable)
    assert sensor.execute(make_context())["key"] == "k2"


@pytest.mark.parametrize("odd", [{"is_active": "1"}, {"name": None}, {"events": None}], indirect=True, ids=str)
def test_a_sensor_on_an_odd_but_active_webhook_succeeds_with_its_oddities(
    odd: dict[str, Any], make_context: MakeContext
) -> None:
    found = PartneroWebhookActiveSensor(task_id="t", webhook_key="odd", deferrable=False).execute(make_context())
    assert found["is_active"] is True
    assert found["oddities"]
    assert "sEcReT" not in str(found)


@pytest.mark.parametrize("odd", [{"is_active": None}], indirect=True, ids=str)
def test_a_sensor_waits_while_is_active_is_null_and_says_why(
    odd: dict[str, Any], make_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    poked = PartneroWebhookActiveSensor(task_id="t", webhook_key="odd", deferrable=False).poke(make_context())
    assert poked.is_done is False
    assert "not active yet (is_active is null)" in capsys.readouterr().out


def test_one_webhook_whose_answer_cannot_be_read_holds_up_no_other(sandbox: Sandbox) -> None:
    from airflow_provider_partnero.api import PartneroClient
    from airflow_provider_partnero.triggers.polling import AwaitedKeys

    sandbox.reset(Profile())
    sandbox.put_webhooks([{"key": "k0"}, {"key": "k1"}])
    sandbox.fault(path="/webhooks/k0$", body="cut", times=99)
    awaited = AwaitedKeys(pages=2)
    awaited.add("k0", is_needed=True)
    awaited.add("k1", is_needed=True)
    with PartneroClient(sandbox.token, sandbox.base_url, max_attempts=1) as client:
        result = awaited.poll(client)
    assert set(result.webhooks) == {"k1"}
    assert result.failure is None
    assert result.trouble
