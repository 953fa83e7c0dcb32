"""Which programme is this? The connection test, the audit and the plan say so, and none of them needs to know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.webhooks.audit import audit
from tests.conftest import MakeContext
from tests.unit.webhooks.builders import found, webhook

EVENTS = ["partner.created", "customer.created", "subscriber.created", "reward.paid", "coupon.used"]
LIVE: dict[str, Any] = {"key": "k", "name": "CRM", "url": "https://hooks.example.com/", "is_active": True}
LIVE |= {"events": ["subscriber.created", "partner.created"], "signature": "sEcReTsEcReT1234"}


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ({"data": {"program": {"name": "A", "public_id": "P", "type": "Referral"}}}, Program("A", "P", "Referral")),
        ({"data": {"name": "A", "public_id": 7, "type": "Affiliate"}}, Program("A", "7", "Affiliate")),
        ({"data": {"program": {"type": "Newsletter", "name": None}}}, Program("", "", "Newsletter")),
        ({"data": {"program": {"name": ["A"], "type": True}}}, None),
        ({"data": {"program": "A"}}, None),
        ({"data": []}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_programme_is_read_in_every_shape_as_far_as_it_goes(answer: dict[str, Any], program: Program | None) -> None:
    assert Program.from_api(answer) == program


@pytest.mark.parametrize(
    ("type_", "offered"),
    [
        ("Affiliate", {"partner.created", "customer.created"}),
        ("referral", {"customer.created"}),
        ("Newsletter", {"subscriber.created"}),
        ("Marketplace", {"partner.created", "customer.created", "subscriber.created"}),
        ("", {"partner.created", "customer.created", "subscriber.created"}),
    ],
)
def test_events_of_another_type_of_programme_are_warned_about_and_unknown_ones_never(
    type_: str, offered: set[str]
) -> None:
    program = Program("Demo", "D", type_)
    assert {event for event in EVENTS if program.offers(event)} == offered | {"reward.paid", "coupon.used"}
    findings = found("PW020", [webhook(events=tuple(EVENTS))], program=program)
    assert len(findings) == (len(offered) < 3)
    for finding in findings:
        assert finding.severity == "warning"
        assert all((event in finding.words) is (event not in offered) for event in EVENTS[:3])
        assert "reward" not in finding.words


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_the_hook_and_the_connection_test_say_which_programme_it_is(sandbox: Sandbox, form: Any) -> None:
    sandbox.set_profile(Profile(program_form=form, program_type="Referral"))
    sandbox.set_program("Friends \u202e & Co", "FR1")
    assert PartneroHook().get_program() == Program("Friends \u202e & Co", "FR1", "Referral")
    good, words = PartneroHook().test_connection()
    assert good
    assert words.endswith("accepts the token. It belongs to the programme Friends <U+202E> & Co (Referral).")


FAILURES: list[dict[str, Any]] = [
    {"status": 404},
    {"status": 403},
    {"status": 500},
    {"status": 429},
    {"drop": "after"},
    {"body": "html"},
    {"body": "status-0"},
]


@pytest.mark.parametrize("fault", FAILURES, ids=str)
def test_a_programme_that_cannot_be_read_fails_neither_audit_nor_plan_nor_connection_test(
    sandbox: Sandbox, make_context: MakeContext, fault: dict[str, Any]
) -> None:
    sandbox.put_webhooks([LIVE])
    sandbox.fault(path="/program", times=99, **fault)
    good, words = PartneroHook().test_connection()
    assert good
    assert words.endswith("accepts the token.")
    counts = PartneroAuditWebhooksOperator(task_id="a", fail_on="never").execute(make_context())["counts"]
    assert "PW020" not in counts["by_rule"]
    wanted = [{"name": "New", "url": "https://new.example.com/", "events": ["partner.created"]}]
    done = PartneroReconcileWebhooksOperator(task_id="r", webhooks=wanted).execute(make_context())
    assert [entry["kind"] for entry in done["done"]] == ["create"]
    asked = [request for request in sandbox.requests() if request.path == "/program"]
    assert len(asked) == 3, "it is asked for once each time"


def test_without_the_endpoint_the_programme_is_unknown_and_an_outage_is_an_error(sandbox: Sandbox) -> None:
    sandbox.set_profile(Profile(program_form="missing"))
    assert PartneroHook().get_program() is None
    sandbox.fault(path="/program", status=500)
    with pytest.raises(PartneroError):
        PartneroHook().get_program()


@pytest.mark.parametrize("suffix", [".json", ".md", ".html"])
def test_the_audits_report_names_the_programme_and_warns_of_events_it_does_not_offer(
    sandbox: Sandbox, make_context: MakeContext, tmp_path: Path, suffix: str
) -> None:
    sandbox.put_webhooks([LIVE])
    sandbox.set_program("A <b> & c", "AF1")
    path = tmp_path / f"report{suffix}"
    audits = PartneroAuditWebhooksOperator(task_id="a", fail_on="never", report_path=str(path))
    counts = audits.execute(make_context())["counts"]
    assert counts["by_rule"]["PW020"] == 1
    text = path.read_text()
    if suffix == ".json":
        assert json.loads(text)["program"] == {"name": "A <b> & c", "public_id": "AF1", "type": "Affiliate"}
    else:
        assert "A &lt;b&gt; &amp; c (Affiliate)" in text
    assert audit([webhook()], program=Program("D", "1", "Affiliate")).to_table().startswith("Programme D (Affiliate)\n")


def test_a_plan_that_writes_events_of_another_type_warns_and_one_that_writes_nothing_does_not_ask(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    wanted = [{key: LIVE[key] for key in ("key", "name", "url", "events")}]
    with DAG("plans", schedule=None):
        plans = PartneroReconcileWebhooksOperator(task_id="plan", webhooks=wanted, dry_run=True)
    [warning] = plans.execute(make_context())["plan"]["warnings"]
    assert '"CRM" subscribes to "subscriber.created": a programme of the type "Affiliate"' in warning
    sandbox.put_webhooks([LIVE])
    sandbox.clear_requests()
    assert "warnings" not in plans.execute(make_context())["plan"]
    assert [request.path for request in sandbox.requests()] == ["/webhooks"]
