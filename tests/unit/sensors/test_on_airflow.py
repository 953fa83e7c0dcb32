"""The sensor in real runs, and against Airflow's own rules for sensors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferralError, TaskDeferralTimeout, TaskDeferred

from airflow_provider_partnero.airflow_compat import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow


def _sensor(**arguments: Any) -> PartneroWebhookActiveSensor:
    defaults = {"task_id": "wait", "webhook_key": "k", "poke_interval": 0.2, "timeout": 600, "deferrable": False}
    return PartneroWebhookActiveSensor(**{**defaults, **arguments})


def _run(airflow: Airflow, name: str, **arguments: Any) -> Any:
    with DAG(f"unit_wait_{name}", schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
        _sensor(**arguments)
    [wait] = airflow.run(dag)["wait"]
    return wait


def _appears_later(sandbox: Sandbox) -> None:
    """The webhook is inactive in the first two answers and active from the third."""
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    sandbox.fault(skip=2, mutate=[{"delete": "k"}, {"insert": {"key": "k", "is_active": True}}])


@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_each_mode_waits_in_a_real_run_and_returns_the_webhook(airflow: Airflow, sandbox: Sandbox, mode: str) -> None:
    _appears_later(sandbox)
    arguments = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    wait = _run(airflow, mode, **arguments)
    assert wait.state == "success"
    [webhook] = sandbox.webhooks()
    assert wait.returned == {name: value for name, value in webhook.items() if name != "signature"}
    assert len(sandbox.requests()) == 3


@pytest.mark.parametrize(
    ("options", "state"), [({}, "failed"), ({"soft_fail": True}, "skipped"), ({"never_fail": True}, "skipped")]
)
@pytest.mark.parametrize("mode", ["poke", "reschedule", "deferrable"])
def test_a_token_refused_while_waiting_ends_the_run_without_retries(
    airflow: Airflow, sandbox: Sandbox, mode: str, options: dict[str, Any], state: str
) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    sandbox.fault(skip=1, status=401, times=99)
    arguments = {"deferrable": True} if mode == "deferrable" else {"mode": mode}
    name = f"refused_{mode}_{'_'.join(options)}"
    wait = _run(airflow, name, retries=2, retry_delay=timedelta(0), **arguments, **options)
    assert (wait.state, wait.tries) == (state, 1)
    assert len(sandbox.requests()) == 2


@pytest.mark.parametrize(("options", "state"), [({}, "failed"), ({"soft_fail": True}, "skipped")])
@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_the_sensor_times_out_as_airflow_says(
    airflow: Airflow, sandbox: Sandbox, mode: str, options: dict[str, Any], state: str
) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    wait = _run(airflow, f"timeout_{mode}_{state}", mode=mode, timeout=1, retries=2, **options)
    assert (wait.state, wait.tries) == (state, 1)


def test_reschedule_frees_the_worker_between_two_pokes(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    context = make_context(max_tries=0, id="x")
    context["ti"].get_first_reschedule_date = lambda _context: None
    with pytest.raises(AirflowRescheduleException):
        _sensor(mode="reschedule", poke_interval=60, timeout=600).execute(context)
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("interval", "timeout"), [(30, 600), (30.0, 600.0), (timedelta(seconds=30), timedelta(minutes=10))]
)
def test_interval_and_time_out_may_be_numbers_or_timedeltas(
    sandbox: Sandbox, make_context: MakeContext, interval: Any, timeout: Any
) -> None:
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    with pytest.raises(TaskDeferred) as deferred:
        _sensor(deferrable=True, poke_interval=interval, timeout=timeout).execute(make_context())
    assert deferred.value.timeout is not None
    assert timedelta(minutes=5) < deferred.value.timeout < timedelta(minutes=10)  # less what the first poke took
    assert deferred.value.trigger.poke_interval == 30.0


def test_a_templated_connection_reaches_the_trigger(
    sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECOND", sandbox.connection_json)
    sandbox.put_webhooks([{"key": "k", "is_active": False}])
    with DAG("unit_wait_templated", schedule=None, start_date=datetime(2026, 1, 1)):
        sensor = _sensor(deferrable=True, partnero_conn_id="{{ which }}", webhook_key="{{ 'k' }}")
    sensor.render_template_fields({"which": "second"})  # type: ignore[typeddict-unknown-key]
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(make_context())
    assert deferred.value.trigger.serialize()[1]["partnero_conn_id"] == "second"
    assert deferred.value.trigger.serialize()[1]["webhook_key"] == "k"


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_missing_connection_fails_at_once(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, deferrable: bool
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PARTNERO_DEFAULT", raising=False)
    with pytest.raises(Exception, match="partnero_default"):
        _sensor(deferrable=deferrable).execute(make_context())


@pytest.mark.parametrize(
    ("options", "deferred", "poked"),
    [
        ({"never_fail": True}, AirflowSkipException, AirflowSkipException),
        ({"silent_fail": True}, TaskDeferred, AirflowSensorTimeout),
    ],
    ids=str,
)
def test_airflows_options_for_unforeseen_errors_hold_in_the_triggerer_too(
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    deferred: type[Exception],
    poked: type[Exception],
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PARTNERO_DEFAULT", raising=False)
    for deferrable, expected in ((True, deferred), (False, poked)):
        with pytest.raises(expected):
            _sensor(deferrable=deferrable, timeout=0.3, **options).execute(make_context())


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("webhook_key", ["a/b", "", None])
def test_a_key_that_cannot_be_one_fails_at_once_and_nothing_is_sent(
    sandbox: Sandbox, make_context: MakeContext, deferrable: bool, webhook_key: Any
) -> None:
    with pytest.raises(AirflowFailException, match="key="):
        _sensor(deferrable=deferrable, webhook_key=webhook_key).execute(make_context())
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("next_kwargs", "options", "error"),
    [
        ({"event": {"failure": "refused"}}, {}, AirflowFailException),
        ({"event": {"failure": "refused"}}, {"soft_fail": True}, AirflowSkipException),
        ({"event": {"failure": "refused"}}, {"never_fail": True}, AirflowSkipException),
        ({"error": "Trigger timeout"}, {}, AirflowSensorTimeout),
        ({"error": "Trigger timeout"}, {"soft_fail": True}, AirflowSkipException),
        ({"error": "Trigger timeout"}, {"never_fail": True}, AirflowSkipException),
        ({"error": "Trigger failure"}, {}, TaskDeferralError),
        ({"error": "Trigger failure"}, {"soft_fail": True}, AirflowSkipException),
    ],
)
def test_every_way_back_from_the_triggerer_ends_as_airflow_defines_it(
    make_context: MakeContext, next_kwargs: dict[str, Any], options: dict[str, Any], error: type[Exception]
) -> None:
    method = "__fail__" if "error" in next_kwargs else "execute_complete"
    with pytest.raises(error) as raised:
        _sensor(**options).resume_execution(method, next_kwargs, make_context())
    assert not isinstance(raised.value, TaskDeferralTimeout)


def test_one_poke_is_one_request_when_the_connection_says_so(one_attempt: Sandbox, make_context: MakeContext) -> None:
    one_attempt.fault(status=503, times=9)
    sensor = _sensor()
    assert not sensor.poke(make_context())
    assert len(one_attempt.requests()) == 1
    assert not sensor.poke(make_context())
    assert len(one_attempt.requests()) == 2
