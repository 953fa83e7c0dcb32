"""The probe against the receiver itself, over HTTP, with Partnero's part played by the sandbox."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from airflow_provider_partnero.operators.partnero import PartneroProbeReceiverOperator
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.protection import receiver_url
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

SECRET = "0123456789abcdef"


@contextmanager
def serving() -> Iterator[str]:
    """The plugin's app where Airflow mounts it; its base URL."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from airflow_provider_partnero.plugin.app import new_app

    receiver = new_app()
    app = Starlette(routes=[Mount("/partnero", receiver)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    try:
        [listener] = server.servers[0].sockets
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        receiver.stop()


@pytest.fixture
def probe(airflow: Airflow, sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Probes, after the receiver was started as the environment says; the result, whether it failed or not."""
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")

    def run() -> dict[str, Any]:
        context = make_context()
        with serving() as base_url:
            url = receiver_url(base_url, "partnero_default")
            sandbox.put_webhooks([{"key": "r", "name": "R", "url": url, "events": ["a.b"], "signature": SECRET}])
            try:
                result: dict[str, Any] = PartneroProbeReceiverOperator(task_id="probe").execute(context)
            except Exception:
                result = context["ti"].pushed["probe"]
        return result

    return run


def _rows(airflow: Airflow) -> dict[str, int]:
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        counted = ("asset_event", "dag_run", *(name for name in tables if name == "partnero_delivery"))
        return {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in counted}


def test_the_receiver_proves_a_probe_and_records_nothing(probe: Any, airflow: Airflow) -> None:
    before = _rows(airflow)
    result = probe()
    assert result["hops"][-1]["problem"] == ""
    assert [hop["hop"] for hop in result["hops"]] == ["webhook", "dns", "tcp", "receiver", "bytes", "size"]
    assert result["ok"]
    after = _rows(airflow)
    assert {name: number for name, number in after.items() if number} == {n: m for n, m in before.items() if m}


def test_a_receiver_that_knows_another_secret_is_named(
    probe: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(sandbox.connection_json) | {"extra": {"signing_secrets": {"r": "another-secret-1"}}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    assert probe()["hops"][-1]["hop"] == "secret"


@pytest.mark.parametrize(("option", "value"), [("RECEIVER_ENABLED", "False"), ("RECEIVER_CONNECTIONS", "other")])
def test_a_receiver_that_is_off_or_does_not_name_the_connection_is_named(
    probe: Any, monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW__PARTNERO__{option}", value)
    last = probe()["hops"][-1]
    assert last["hop"] == "receiver"
    assert "off, or its connection is not named (404)" in last["problem"]


def test_a_receiver_that_takes_less_than_the_worker_thinks_is_named(
    probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__MAX_BODY_KB", "10240")
    monkeypatch.setattr("airflow_provider_partnero.operators.probe._max_body", lambda: 10_240 * 1024 + 65_536)
    last = probe()["hops"][-1]
    assert last["hop"] == "size"
