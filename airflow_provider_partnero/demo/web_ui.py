"""What ``partnero-demo --ui`` does: it starts Airflow on Partnero's page, with a week of audits and deliveries."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import requests

from airflow_provider_partnero.demo.airflow import AirflowProcess, DemoError
from airflow_provider_partnero.demo.arrivals import UNHEARD, arrivals, subscribe_to_the_unheard
from airflow_provider_partnero.demo.preparation import is_airflow_30, prepare
from airflow_provider_partnero.demo.week import AUDIT, live_through_the_week
from airflow_provider_partnero.webhooks.page_paths import PAGE_PATH

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

T = TypeVar("T")

_SWITCH, _CONSUMER = "partnero_event_driven_switch", "partnero_event_driven"
_NAVIGATION = "/plugin/partnero"
_RUN_ID = "demo"
_PAUSE = 8.0  # seconds between two deliveries; each starts a run, which keeps a small machine busy for a second or two
_PATIENCE = 600.0  # seconds; on a busy machine, Airflow needs minutes to start
_ANSWER_PATIENCE = 60.0  # seconds, for one answer
_BACKOFF = 5.0  # seconds; a machine that has just started Airflow may be too slow for the first attempt


def show_ui(port: int, environment: dict[str, str], sandbox: Sandbox) -> NoReturn:
    """Make a week of audits, start ``airflow standalone``, let events arrive, and stay until Ctrl-C.

    :param port: port of Airflow's pages.
    :param environment: see :func:`airflow_environment`.
    :param sandbox: the Partnero that the event comes from.
    :raises DemoError: Airflow does not start, or ends by itself.
    """
    if shutil.which("airflow", path=environment["PATH"]) is None:
        raise DemoError("the command 'airflow' is not on the PATH")
    log = Path(environment["AIRFLOW_HOME"]).parent / "airflow.log"
    address = f"http://127.0.0.1:{port}"
    reports = log.parent / "reports"
    reports.mkdir()
    environment = environment | {
        "AIRFLOW_VAR_PARTNERO_REPORT_PATH": str(reports / "today.html"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",  # before 3.2 there are four, which take a small machine minutes to start
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
    }
    print(f"Airflow's log: {log}", flush=True)
    with AirflowProcess(environment, log) as airflow:
        prepare(airflow)
        if not live_through_the_week(airflow, sandbox, datetime.now(UTC), reports):
            print(f"Not every audit of the week succeeded; the log tells why: {log}")
        for dag_id in (AUDIT, _SWITCH, _CONSUMER):  # the others are there to be switched on
            airflow("dags", "unpause", dag_id)
        print("Airflow starts ", end="", flush=True)
        airflow.begin("standalone")
        _wait_until_healthy(address, airflow)
        _say_where_to_click(address, sandbox, log)
        _show_event(_Api(address), sandbox, log)
        print(
            f"\nMore arrive for two minutes; of {UNHEARD}, no DAG hears. Ctrl-C ends both Airflow and Partnero.",
            flush=True,
        )
        _let_arrive(airflow, sandbox)
        while not airflow.has_ended(patience=3600):
            pass
    raise DemoError(f"Airflow ended by itself; its log tells why: {log}")


def _say_where_to_click(address: str, sandbox: Sandbox, log: Path) -> None:
    """Tell it in the terminal and, for those who look there, in the log."""
    page = f"{address}{PAGE_PATH if is_airflow_30() else _NAVIGATION}"
    words = f"Look here   {page}   (no login needed)"
    with suppress(OSError), log.open("a") as file:
        file.write(f"{words}\n")
    print(f"\n\n{words}\nAirflow     {address}\nPartnero    {sandbox.root_url}/docs\n", flush=True)


def _let_arrive(airflow: AirflowProcess, sandbox: Sandbox) -> None:
    subscribe_to_the_unheard(sandbox)
    for event, data in arrivals():
        if airflow.has_ended(patience=_PAUSE):
            return
        sandbox.emit(event, data, wait=False)


def _wait_until_healthy(address: str, airflow: AirflowProcess) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(requests.RequestException), _session() as session:
            if session.get(f"{address}/api/v2/monitor/health", timeout=2).ok:
                return
        print(".", end="", flush=True)
        if airflow.has_ended(patience=1):
            raise DemoError(f"Airflow ended while starting; its log tells why: {airflow.log}")
    raise DemoError(f"Airflow did not answer within {_PATIENCE:.0f} s; its log tells why: {airflow.log}")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy comes between two processes of this machine
    return session


class _Api:
    """The part of Airflow's REST API that the demo needs."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = _session()
        token = self._session.get(f"{address}/auth/token", timeout=_ANSWER_PATIENCE).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def is_known(self, dag_id: str) -> bool:
        return self._get(f"dags/{dag_id}/details") is not None

    def trigger(self, dag_id: str) -> str | None:
        """The id of the run, which is there once however often this is called; None if Airflow is too busy."""
        answer = self._session.post(
            f"{self._address}/api/v2/dags/{dag_id}/dagRuns",
            json={"dag_run_id": _RUN_ID, "logical_date": None},
            timeout=_ANSWER_PATIENCE,
        )
        if answer.status_code == HTTPStatus.NOT_FOUND or answer.status_code >= 500:  # SQLite is locked, for example
            return None
        if answer.status_code != HTTPStatus.CONFLICT:
            answer.raise_for_status()
        return _RUN_ID

    def final_state(self, dag_id: str, run_id: str) -> str | None:
        """``success`` or ``failed``; None while the run goes on."""
        run = self._get(f"dags/{dag_id}/dagRuns/{run_id}") or {}
        return str(run["state"]) if run.get("state") in {"success", "failed"} else None

    def runs(self, dag_id: str) -> list[str]:
        return [run["dag_run_id"] for run in (self._get(f"dags/{dag_id}/dagRuns") or {}).get("dag_runs", [])]

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        entry = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value")
        return (entry or {}).get("value")

    def _get(self, path: str) -> Any:
        with suppress(requests.RequestException):
            answer = self._session.get(f"{self._address}/api/v2/{path}", timeout=_ANSWER_PATIENCE)
            if answer.ok:
                return answer.json()
        return None


def _show_event(airflow: _Api, sandbox: Sandbox, log: Path) -> None:
    print("Partnero's events start DAGs. The receiver's webhook is registered ...", end=" ", flush=True)
    try:
        start = time.monotonic()
        _wait_for(lambda: airflow.is_known(_SWITCH) and airflow.is_known(_CONSUMER))
        switched = _wait_for(lambda: airflow.trigger(_SWITCH))
        state = _wait_for(lambda: airflow.final_state(_SWITCH, switched))
        print(f"{state}, {time.monotonic() - start:.0f} s\nA transaction happens at Partnero ...", end=" ", flush=True)

        start = time.monotonic()
        sandbox.set_delivery_backoff(_BACKOFF)
        sandbox.emit("transaction.created", wait=False)
        status = _wait_for(lambda: next((one.status for one in sandbox.deliveries() if _is_taken(one.status)), None))
        print(f"delivered, answered {status}\nDAG {_CONSUMER} ...", end=" ", flush=True)
        run_id = _wait_for(lambda: next(iter(airflow.runs(_CONSUMER)), None))
        state = _wait_for(lambda: airflow.final_state(_CONSUMER, run_id))
        print(f"{state}, {time.monotonic() - start:.0f} s after the transaction")
        for line in airflow.returned(_CONSUMER, run_id, "book") or ():
            print(f"    {line}")
    except (TimeoutError, requests.RequestException) as error:
        print(f"did not end as expected ({type(error).__name__}: {error}); Airflow's log may tell why: {log}")
    print(
        f"Another one:\n    curl {sandbox.root_url}/_sandbox/events -H 'Content-Type: application/json' "
        """-d '{"event": "transaction.created", "wait": false}'""",
        flush=True,
    )


def _is_taken(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _wait_for(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise TimeoutError
