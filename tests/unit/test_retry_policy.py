"""What the retry policy decides for each error that a task may end with."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroConnectionError,
    PartneroRateLimitError,
    PartneroServerError,
)
from airflow_provider_partnero.operators.partnero import PartneroGetWebhookOperator
from airflow_provider_partnero.retry_policy import PartneroRetryPolicy
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.conftest import MakeContext

DAY = 86_400


@pytest.mark.parametrize(
    ("asked", "delay"),
    [(0.0, 0), (0.5, 0.5), (90.0, 90), (DAY, DAY), (DAY + 1, DAY), (1e12, DAY), (1e300, DAY), (float("inf"), DAY)],
)
def test_a_retry_after_is_the_delay_up_to_a_day(asked: float, delay: float) -> None:
    decision = PartneroRetryPolicy().evaluate(PartneroRateLimitError(429, "slow down", retry_after=asked), 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=delay))
    assert "Retry-After" in str(decision.reason)


@pytest.mark.parametrize(
    "error",
    [
        PartneroRateLimitError(429, "slow down"),
        PartneroServerError(503, "down", retry_after=90.0),
        PartneroConnectionError("no answer"),
        PartneroAmbiguousError("perhaps"),
        ValueError("x"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_every_other_error_is_left_to_the_task(error: BaseException) -> None:
    assert PartneroRetryPolicy().evaluate(error, 1, 3).action is RetryAction.DEFAULT


def test_the_policy_survives_serialization() -> None:
    policy = PartneroRetryPolicy()
    assert isinstance(PartneroRetryPolicy.deserialize(policy.serialize()), PartneroRetryPolicy)


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_the_error_of_a_task_carries_what_partnero_asked_for(
    one_attempt: Sandbox, make_context: MakeContext, form: str
) -> None:
    one_attempt.reset(Profile(retry_after=form))  # type: ignore[arg-type]
    one_attempt.fault(status=429, retry_after=90)
    with pytest.raises(PartneroRateLimitError) as limited:
        PartneroGetWebhookOperator(task_id="g", webhook_key="k").execute(make_context())
    decision = PartneroRetryPolicy().evaluate(pickle.loads(pickle.dumps(limited.value)), 1, 3)
    if form == "none":
        assert decision.action is RetryAction.DEFAULT
    else:
        assert decision.retry_delay is not None
        # Dates have whole seconds, and the server writes its own date once a second.
        assert 88 <= decision.retry_delay.total_seconds() <= 92
