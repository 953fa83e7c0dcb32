"""The sensor in its three modes, against the sandbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_partnero.airflow_compat import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext


def _sensor(**arguments: Any) -> PartneroWebhookActiveSensor:
    defaults = {"task_id": "wait", "webhook_key": "k", "poke_interval": 0.05, "timeout": 600, "deferrable": False}
    return PartneroWebhookActiveSensor(**{**defaults, **arguments})


@pytest.mark.parametrize("deferrable", [True, False])
def test_an_active_webhook_ends_the_wait_at_once_and_is_returned(
    sandbox: Sandbox, make_context: MakeContext, deferrable: bool
) -> None:
    sandbox.put_webhooks([{"key": "k"}])
    returned = _sensor(deferrable=deferrable).execute(make_context())
    assert set(returned) == {"key", "name", "url", "is_active", "events"}
    assert len(sandbox.requests()) == 1


def test_poking_goes_on_until_the_webhook_is_active(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    sandbox.fault(skip=2, mutate=[{"delete": "k"}, {"insert": {"key": "k", "is_active": True}}])
    assert _sensor().execute(make_context())["is_active"] is True
    assert len(sandbox.requests()) >= 3


def test_poking_goes_on_until_partnero_has_activated_a_new_webhook(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.set_activation_delay(0.4)
    PartneroHook().create_webhook(name="n", url="https://a.example/", events=["partner.created"], key="k")
    assert _sensor().execute(make_context())["is_active"] is True


def test_an_inactive_webhook_is_waited_for_in_the_triggerer(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    with pytest.raises(TaskDeferred) as deferred:
        _sensor(deferrable=True, poke_interval=30, timeout=600, if_missing="wait").execute(make_context())
    assert deferred.value.timeout is not None
    assert timedelta(seconds=300) < deferred.value.timeout < timedelta(seconds=600)  # less what the first poke took
    assert deferred.value.method_name == "execute_complete"
    assert deferred.value.trigger.serialize() == (
        "airflow_provider_partnero.triggers.partnero.PartneroWebhookActiveTrigger",
        {"webhook_key": "k", "partnero_conn_id": "partnero_default", "poke_interval": 30.0, "if_missing": "wait"},
    )


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429, "retry_after": 0}, {"drop": "after"}, {"body": "html"}]
)
def test_a_passing_outage_does_not_end_the_wait(
    one_attempt: Sandbox, make_context: MakeContext, fault: dict[str, Any]
) -> None:
    one_attempt.put_webhooks([{"key": "k"}])
    one_attempt.fault(times=3, **fault)
    assert _sensor().execute(make_context())["key"] == "k"
    assert len(one_attempt.requests()) == 4


def test_a_passing_outage_at_the_first_poke_still_defers(one_attempt: Sandbox, make_context: MakeContext) -> None:
    one_attempt.fault(status=503)
    with pytest.raises(TaskDeferred):
        _sensor(deferrable=True).execute(make_context())


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, AirflowFailException),
        ({"soft_fail": True}, AirflowSkipException),
        ({"never_fail": True}, AirflowSkipException),
    ],
)
@pytest.mark.parametrize("status", [401, 404])
def test_a_refused_token_or_a_missing_webhook_ends_the_wait_at_once(
    sandbox: Sandbox, make_context: MakeContext, deferrable: bool, options: Any, error: type[Exception], status: int
) -> None:
    sandbox.fault(status=status, times=9)
    with pytest.raises(error, match=str(status)):
        _sensor(deferrable=deferrable, **options).execute(make_context())
    assert len(sandbox.requests()) == 1


def test_a_missing_webhook_is_waited_for_when_asked(sandbox: Sandbox, make_context: MakeContext) -> None:
    sandbox.fault(skip=2, mutate=[{"insert": {"key": "k", "is_active": True}}])
    assert _sensor(if_missing="wait").execute(make_context())["key"] == "k"
    assert len(sandbox.requests()) > 2


def test_a_webhook_that_is_never_created_is_a_sensor_timeout(sandbox: Sandbox, make_context: MakeContext) -> None:
    with pytest.raises(AirflowSensorTimeout):
        _sensor(if_missing="wait", timeout=0.3).execute(make_context())


def test_deferrable_follows_airflows_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _sensor(deferrable=None).deferrable is False
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert _sensor(deferrable=None).deferrable is True


def test_what_the_trigger_saw_ends_the_task(make_context: MakeContext) -> None:
    webhook = {"key": "k", "is_active": True}
    assert _sensor().execute_complete(make_context(), {"webhook": webhook}) == webhook
    with pytest.raises(AirflowFailException, match="refused"):
        _sensor().execute_complete(make_context(), {"failure": "refused"})
    with pytest.raises(AirflowSkipException):
        _sensor(soft_fail=True).execute_complete(make_context(), {"failure": "refused"})


def test_a_wrong_choice_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="if_missing='x': must be 'fail' or 'wait'"):
        _sensor(if_missing="x")
