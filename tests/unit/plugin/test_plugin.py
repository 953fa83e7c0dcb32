"""What Airflow sees of the plugin, and what it costs the processes that never receive anything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from typing import Any

import pytest

from airflow_provider_partnero.plugin import URL_PREFIX, LateApp, PartneroPlugin
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings


def test_airflow_finds_the_plugin_by_its_entry_point_and_mounts_it() -> None:
    [point] = [one for one in entry_points(group="airflow.plugins") if one.name == "partnero"]
    assert point.load() is PartneroPlugin
    assert [app["url_prefix"] for app in PartneroPlugin.fastapi_apps] == [URL_PREFIX] == ["/partnero"]


def test_importing_it_brings_along_no_web_framework_no_client_and_no_module_but_two_of_ours() -> None:
    code = (
        "import airflow.plugins_manager, sys, json\nbefore = set(sys.modules)\n"
        "import airflow_provider_partnero.plugin\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert set(loaded) <= {"airflow_provider_partnero", "airflow_provider_partnero.plugin"}


def test_a_sender_that_hangs_up_leaves_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/webhooks/partnero_default",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"99"), (b"signature", b"0" * 64)],
        "query_string": b"",
    }
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    late = LateApp()
    asyncio.run(late(scope, receive, send))
    late.app().stop()
    assert sent[0]["status"] == 400
    assert [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")] == [
        'A delivery to "partnero_default" was answered 400: "the sender hung up before the body had arrived"'
    ]


def test_it_is_off_and_keeps_all_unless_told_otherwise() -> None:
    settings = receiver_settings()
    assert (settings.enabled, settings.store) == (False, "full")


@pytest.mark.parametrize(("written", "store"), [("IDS", "ids"), (" data-keys ", "data-keys"), ("full", "full")])
def test_the_options_are_read_from_airflows_configuration(
    monkeypatch: pytest.MonkeyPatch, written: str, store: str
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__STORE", written)
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    settings = receiver_settings()
    assert (settings.enabled, settings.store) == (True, store)


def test_an_option_that_is_not_allowed_is_named_with_its_value_and_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__STORE", "everything")
    with pytest.raises(ValueError, match=r"\[partnero\] store='everything': must be one of full, data-keys, ids"):
        receiver_settings()


def answer_to_a_delivery(app: LateApp) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers."""
    sent: list[Any] = []

    async def receive() -> Any:
        pytest.fail("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/partnero_default", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def test_a_wrong_option_is_told_once_when_the_server_starts_and_deliveries_are_to_come_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    monkeypatch.setenv("AIRFLOW__PARTNERO__STORE", "everything")
    app = LateApp()
    server: Any = object()
    assert app.build_at_start(server) is server
    [told] = [record for record in caplog.records if record.name.startswith("airflow_provider")]
    assert (told.levelname, "[partnero] store='everything'" in told.getMessage()) == ("ERROR", True)
    for _ in range(3):
        status, headers = answer_to_a_delivery(app)
        assert (status, headers[b"retry-after"], headers[b"connection"]) == (503, b"10", b"close")
    assert [record for record in caplog.records if record.name.startswith("airflow_provider")] == [told]


@pytest.mark.usefixtures("airflow")
def test_what_waits_for_a_dag_is_looked_after_from_the_start_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_ENABLED", "True")
    others = _recording()
    late = LateApp()
    late.build_at_start(lambda *_: None)  # type: ignore[arg-type]
    assert len(_recording() - others) == 1
    late.app().stop()
    assert _recording() - others == set()


def _recording() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "partnero-receiver"}


@pytest.mark.parametrize("store", ["full", "everything"])
def test_a_receiver_that_is_off_is_not_built_at_the_start_and_answers_404(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, store: str
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__STORE", store)
    app = LateApp()
    app.build_at_start(lambda *_: None)  # type: ignore[arg-type]
    assert caplog.records == []
    assert answer_to_a_delivery(app)[0] == 404


def test_airflow_makes_a_middleware_of_the_look_at_the_start_and_no_request_comes_by_it() -> None:
    [middleware] = PartneroPlugin.fastapi_root_middlewares
    assert callable(middleware["middleware"])
    assert middleware["middleware"].__qualname__ == "LateApp.build_at_start"
