"""Servers that write names and URLs in their own way: nothing is created twice, and nobody writes without an end."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.operators.partnero import (
    PartneroCreateWebhookOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.profiles import CHOICES
from tests.conftest import MakeContext

TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
SECRET = "urlsecret77abc"
# Everything that a spelling may change: a long name with an ampersand and decomposed letters; a host that is not ASCII,
# a slash at the end of the path, two parameters, a fragment.
LONG = "R&D 'partners': Cafe\u0301 " + "x" * 60
URL = f"https://b\u00fccher.example/ho\u0308k/?a=1&token={SECRET}#top"
EVERYTHING: dict[str, Any] = {"name": LONG, "url": URL, "events": ["partner.created"]}
# The normal form does not cover these: the webhook really is another one then.
CHANGED = {"no-trailing-slash": "url", "html-escaped": "url", "cut-50": "name", "nfc": "url"}

each_spelling = pytest.mark.parametrize("spelling", CHOICES["spelling"])
each_profile = pytest.mark.parametrize("taken_key", TAKEN_KEY)


def methods(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests()]


@each_spelling
@each_profile
@pytest.mark.parametrize(
    "fault", [None, {"drop": "after"}, {"status": 503}, {"status": 504, "late_requests": 3}], ids=str
)
def test_a_create_makes_one_webhook(
    sandbox: Sandbox, make_context: MakeContext, spelling: Any, taken_key: Any, fault: dict[str, Any] | None
) -> None:
    sandbox.reset(Profile(spelling=spelling, taken_key=taken_key))
    if fault:
        sandbox.fault(method="POST", **fault)
    made = PartneroCreateWebhookOperator(task_id="create", **EVERYTHING).execute(make_context())
    assert [made["key"]] == [webhook["key"] for webhook in sandbox.webhooks()]


@each_spelling
@pytest.mark.parametrize("taken_key", ["422", "second"])
def test_a_retried_create_finds_what_an_earlier_try_made(
    sandbox: Sandbox, make_context: MakeContext, spelling: Any, taken_key: Any
) -> None:
    sandbox.reset(Profile(spelling=spelling, taken_key=taken_key))
    create = PartneroCreateWebhookOperator(task_id="create", **EVERYTHING)
    made = create.execute(make_context())
    assert create.execute(make_context(try_number=2)) == made
    assert methods(sandbox).count("POST") == 1


@each_spelling
@each_profile
def test_reconcile_creates_once_and_says_what_came_back_otherwise(
    sandbox: Sandbox, make_context: MakeContext, spelling: Any, taken_key: Any
) -> None:
    sandbox.reset(Profile(spelling=spelling, taken_key=taken_key))
    reconcile = PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=[EVERYTHING], prune=True)
    for number in range(3):
        sandbox.clear_requests()
        if spelling in CHANGED:
            with pytest.raises(AirflowFailException) as failed:
                reconcile.execute(make_context())
            field = CHANGED[spelling]
            assert f"{field}: sent " in str(failed.value)
            assert ", came back as " in str(failed.value)
            assert SECRET not in str(failed.value)
        else:
            reconcile.execute(make_context())
        [webhook] = sandbox.webhooks()
        assert methods(sandbox).count("POST") == (number == 0)
        assert methods(sandbox).count("DELETE") == 0
        assert methods(sandbox).count("PUT") <= (spelling in CHANGED)
        assert webhook["key"] in str(failed.value) if spelling in CHANGED else True


@pytest.mark.parametrize(
    "stored",
    ["my orders hook", "my-orders-hook", "My Orders ? Hook", "My Orders Hook", "My_Orders_Hook", "MY ORDERS HOOK"],
)
def test_reconcile_does_not_create_again_what_is_stored_under_a_respelled_name(
    sandbox: Sandbox, make_context: MakeContext, stored: str
) -> None:
    wanted = {**EVERYTHING, "name": "My <b>Orders</b> \U0001f600 Hook"}
    sandbox.put_webhooks([{**wanted, "name": stored, "key": "ignoredOurs1", "is_active": True}])
    with pytest.raises(AirflowFailException, match="seem to be there, stored otherwise"):
        PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=[wanted]).execute(make_context())
    assert len(sandbox.webhooks()) == 1


def test_a_webhook_that_another_declared_name_only_starts_with_is_no_reason_to_refuse_the_plan(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    declared = [EVERYTHING, {**EVERYTHING, "name": LONG[:50]}]
    PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=declared[1:]).execute(make_context())
    outcome = PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=declared).execute(make_context())
    assert [done["kind"] for done in outcome["done"]] == ["create"]
    assert len(sandbox.webhooks()) == 2


def test_a_field_that_reads_back_otherwise_than_it_was_answered_is_named_and_left_to_the_next_try(
    sandbox: Sandbox, make_context: MakeContext
) -> None:
    declared = {**EVERYTHING, "key": "declared0001"}
    elsewhere = {**declared, "url": f"https://else.example/?token={SECRET}", "is_active": True}
    sandbox.fault(method="GET", path="^/webhooks$", skip=1, mutate=[{"insert": elsewhere}])
    reconcile = PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks=[declared])
    with pytest.raises(Exception, match=r"\(to update\), url: sent .*, came back as .*else\.example") as failed:
        reconcile.execute(make_context())
    assert not isinstance(failed.value, AirflowFailException)
    assert SECRET not in str(failed.value)
    assert json.dumps(reconcile.execute(make_context())["done"]).count("update") == 1
