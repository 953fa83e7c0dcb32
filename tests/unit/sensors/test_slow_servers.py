"""``timeout`` and ``execution_timeout`` hold in every mode, although the server never finishes an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_partnero.airflow_compat import AirflowSensorTimeout, AirflowSkipException, AirflowTaskTimeout
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from tests.conftest import MakeContext
from tests.slow_server import MANNERS, SlowServer
from tests.unit.conftest import Airflow

MODES: list[dict[str, Any]] = [{"mode": "poke"}, {"mode": "reschedule"}, {"deferrable": True}]


@pytest.fixture(params=MANNERS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    with SlowServer(request.param) as server:
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", server.connection(timeout=600))
        yield server


def _sensor(**arguments: Any) -> PartneroWebhookActiveSensor:
    defaults = {"task_id": "wait", "webhook_key": "k", "poke_interval": 0.2, "timeout": 600, "deferrable": False}
    return PartneroWebhookActiveSensor(**{**defaults, **arguments})


@contextmanager
def _soon() -> Iterator[None]:
    """A call that nothing bounds takes two minutes."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 60


def test_a_poke_ends_when_the_sensors_time_is_up(server: SlowServer, make_context: MakeContext) -> None:
    with _soon(), pytest.raises(AirflowSensorTimeout):
        _sensor(timeout=2).execute(make_context())
    assert server.requests


def test_a_poke_after_a_reschedule_has_what_is_left_of_the_time(server: SlowServer, make_context: MakeContext) -> None:
    context = make_context(max_tries=0, id="x")
    context["ti"].get_first_reschedule_date = lambda _context: datetime.now(UTC) - timedelta(seconds=598)
    with _soon(), pytest.raises(AirflowSensorTimeout):
        _sensor(mode="reschedule").execute(context)
    assert server.requests


@pytest.mark.parametrize("limit", [{"timeout": 3}, {"execution_timeout": timedelta(seconds=3)}], ids=str)
def test_what_the_first_poke_takes_counts_for_the_wait_in_the_triggerer(
    server: SlowServer, make_context: MakeContext, limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "execution_timeout" in limit:  # Airflow interrupts a poke that hangs
        monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", server.connection(timeout=1, max_attempts=1))
    with _soon(), pytest.raises(TaskDeferred) as deferred:
        _sensor(deferrable=True, **limit).execute(make_context())
    assert deferred.value.timeout is not None
    assert timedelta(seconds=1) <= deferred.value.timeout < timedelta(seconds=3)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"execution_timeout": timedelta(seconds=30)}, AirflowTaskTimeout),
        ({"execution_timeout": timedelta(seconds=30), "soft_fail": True}, AirflowSkipException),
        ({"execution_timeout": timedelta(seconds=900)}, AirflowSensorTimeout),
    ],
)
def test_the_sooner_time_out_ends_the_wait_in_the_triggerer_as_in_the_worker(
    make_context: MakeContext, options: dict[str, Any], error: type[BaseException]
) -> None:
    with pytest.raises(error):
        _sensor(**options).resume_execution("__fail__", {"error": "Trigger timeout"}, make_context())


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_sensor_whose_time_is_just_up_asks_once_more(
    sandbox: Sandbox, make_context: MakeContext, mode: dict[str, Any]
) -> None:
    sandbox.put_webhooks([{"key": "k"}])
    context = make_context()
    context["ti"].get_first_reschedule_date = lambda _context: datetime.now(UTC) - timedelta(days=1)
    assert _sensor(timeout=0, **mode).execute(context)["key"] == "k"


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_execution_timeout_ends_a_poke_in_a_real_run(
    airflow: Airflow, server: SlowServer, mode: dict[str, Any]
) -> None:
    name = f"unit_slow_{server.manner}_{'_'.join(str(value) for value in mode.values())}"
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
        _sensor(execution_timeout=timedelta(seconds=2), **mode)
    with _soon():
        [wait] = airflow.run(dag)["wait"]
    assert (wait.state, wait.tries) == ("failed", 1)
    assert server.requests
