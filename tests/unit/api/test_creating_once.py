"""A create makes one webhook, whatever becomes of the answers and whatever Partnero does with a taken key."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroClient,
    PartneroConflictError,
    PartneroError,
    PartneroValidationError,
    Webhook,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import DEMO, MakeClient

TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
KEY = "demoKey00001"


def _methods(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests()]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
@pytest.mark.parametrize(
    "faults",
    [
        [{"method": "POST", "drop": "after"}],
        [{"method": "POST", "drop": "before"}],
        [{"method": "POST", "status": 500, "applied": True}],
        [{"method": "POST", "body": "truncated"}],
        [{"method": "POST", "body": "cut"}],
        [{"method": "POST", "body": "html", "applied": True}],
        [{"method": "POST", "drop": "after"}, {"method": "GET", "path": "^/webhooks/", "status": 503}],
        [{"method": "POST", "drop": "after"}, {"method": "GET", "path": "^/webhooks$", "drop": "before"}],
        [{"method": "POST", "drop": "before"}, {"method": "POST", "skip": 1, "drop": "after"}],
        [{"method": "POST", "status": 429, "retry_after": 0}, {"method": "POST", "skip": 1, "drop": "after"}],
    ],
    ids=lambda faults: " ".join("-".join(map(str, fault.values())) for fault in faults),
)
def test_a_lost_answer_to_a_post_with_a_key_leaves_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, faults: list[dict[str, Any]]
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    for fault in faults:
        sandbox.fault(**fault)
    made = make_client().create_webhook(**DEMO, key=KEY)
    [kept] = sandbox.webhooks()
    assert made.key == kept["key"]
    assert made.signature == kept["signature"]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_two_hundred_seeds_of_chaos_and_task_retries_leave_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    client = make_client(max_attempts=4)
    for seed in range(200):
        sandbox.reset(Profile(taken_key=taken_key))
        sandbox.chaos(seed, 0.4)
        _create_like_a_retried_task(client, sandbox)
        assert len(sandbox.webhooks()) == 1, f"seed {seed}"


def _create_like_a_retried_task(client: PartneroClient, sandbox: Sandbox) -> Webhook:
    """What PartneroCreateWebhookOperator does over its tries."""
    for number in range(50):
        if number == 40:
            sandbox.chaos(0, 0)
        try:
            found = client.find_webhook(**DEMO, key=KEY, is_ours=number > 0, by_content=number > 0)
            return found or client.create_webhook(**DEMO, key=KEY)
        except PartneroConflictError:
            raise
        except PartneroError:
            continue
    raise AssertionError("no try succeeded")


def test_a_lost_answer_to_a_post_without_a_key_is_ambiguous_and_not_repeated(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.fault(method="POST", drop="after", times=9)
    with pytest.raises(PartneroAmbiguousError, match="may have happened"):
        make_client().create_webhook(**DEMO)
    assert _methods(sandbox) == ["POST"]


@pytest.mark.parametrize("taken_key", ["409", "422"])
def test_a_refused_key_whose_webhook_is_the_same_is_adopted(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    client = make_client()
    first = client.create_webhook(**DEMO, key=KEY)
    assert client.create_webhook(**DEMO, key=KEY) == first


@pytest.mark.parametrize("taken_key", ["409", "422"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Other"), ("url", "https://other.example/"), ("events", ["partner.deleted"]), ("is_active", False)],
)
def test_a_refused_key_whose_webhook_differs_is_a_conflict_that_says_where(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, field: str, value: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    client = make_client()
    client.create_webhook(**{**DEMO, field: value}, key=KEY)
    with pytest.raises(PartneroConflictError, match=field):
        client.create_webhook(**DEMO, key=KEY)
    assert len(sandbox.webhooks()) == 1


def test_a_422_about_something_else_than_the_key_is_raised_as_it_is(sandbox: Sandbox, make_client: MakeClient) -> None:
    with pytest.raises(PartneroValidationError) as refused:
        make_client().create_webhook(**{**DEMO, "events": ["no.such.event"]}, key=KEY)
    assert "key" not in refused.value.errors
    assert _methods(sandbox) == ["POST"]


def test_a_webhook_that_is_not_active_yet_is_adopted_after_a_lost_answer(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.set_activation_delay(60)
    sandbox.fault(method="POST", drop="after")
    assert make_client().create_webhook(**DEMO, key=KEY).is_active is False
    assert len(sandbox.webhooks()) == 1


def test_when_even_looking_fails_the_outcome_is_ambiguous(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(method="POST", drop="after")
    sandbox.fault(method="GET", status=503, times=99)
    with pytest.raises(PartneroAmbiguousError, match=KEY):
        make_client(max_attempts=3).create_webhook(**DEMO, key=KEY)


def test_a_key_that_partnero_ignores_is_told_by_the_webhook(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert made.key != KEY
    assert made.key == sandbox.webhooks()[0]["key"]


@pytest.mark.parametrize(("is_ours", "by_content", "found"), [(False, False, False), (True, True, True)])
def test_content_is_looked_for_only_when_asked(
    sandbox: Sandbox, make_client: MakeClient, is_ours: bool, by_content: bool, found: bool
) -> None:
    client = make_client()
    client.create_webhook(**DEMO)
    sandbox.clear_requests()
    webhook = client.find_webhook(**DEMO, key=KEY, is_ours=is_ours, by_content=by_content)
    assert (webhook is not None) is found
    assert len(sandbox.requests()) == (2 if by_content else 1)
