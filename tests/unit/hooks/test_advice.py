"""An error names the connection that the user knows and says what to do: in tasks, triggers and the connection test."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api import PartneroClient, PartneroConnectionError
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroReconcileWebhooksOperator,
)
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger
from tests.conftest import MakeContext
from tests.unit.triggers.fast_time import run

WEBHOOKS = [{"name": "n", "url": "https://a.example/", "events": ["partner.created"]}]
TASKS: list[tuple[Any, dict[str, Any]]] = [
    (PartneroGetWebhookOperator, {"webhook_key": "k"}),
    (PartneroDeleteWebhookOperator, {"webhook_key": "k"}),
    (PartneroAuditWebhooksOperator, {}),
    (PartneroReconcileWebhooksOperator, {"webhooks": WEBHOOKS}),
    (PartneroWebhookActiveSensor, {"webhook_key": "k", "deferrable": False}),
    (PartneroWebhookActiveSensor, {"webhook_key": "k", "deferrable": True}),
]


def _connect(monkeypatch: pytest.MonkeyPatch, host: str, password: str) -> None:
    fields = {"conn_type": "partnero", "password": password, "host": host, "extra": {"max_attempts": 1}}
    monkeypatch.setenv("AIRFLOW_CONN_CRM", json.dumps(fields))


@pytest.mark.parametrize(("task", "arguments"), TASKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_token_in_a_task_says_which_connection_and_what_the_connection_test_says(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, make_context: MakeContext, task: Any, arguments: dict[str, Any]
) -> None:
    _connect(monkeypatch, sandbox.base_url, "wr0ng-token")
    with pytest.raises(AirflowFailException) as failed:
        task(task_id="t", partnero_conn_id="crm", **arguments).execute(make_context())
    words = str(failed.value)
    assert words.startswith("Partnero refuses the token (")
    assert words.endswith("Put this programme's API token into the field 'API token' of connection 'crm'.")
    _, tested = PartneroHook("crm").test_connection()
    assert _advice(tested) == _advice(words).replace("connection 'crm'", "this connection")
    assert "wr0ng-token" not in words + tested


def _advice(words: str) -> str:
    return re.sub(r"\(.*\)", "", words)


def test_a_wrong_token_ends_a_trigger_with_the_same_words(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    _connect(monkeypatch, sandbox.base_url, "wrong")

    async def first() -> Any:
        async for event in PartneroWebhookActiveTrigger("k", "crm", 0.1).run():
            return event.payload
        return None

    assert run(first())["failure"].endswith("into the field 'API token' of connection 'crm'.")


@pytest.mark.parametrize(
    ("password", "words"),
    [("", "connection 'crm' has no API token"), ("two words", "connection 'crm': token holds a space")],
)
def test_a_token_that_is_missing_or_none_is_about_the_connection(
    monkeypatch: pytest.MonkeyPatch, make_context: MakeContext, password: str, words: str
) -> None:
    _connect(monkeypatch, "http://127.0.0.1:9/v1", password)
    with pytest.raises(AirflowFailException, match=f"^{words}"):
        PartneroGetWebhookOperator(task_id="t", webhook_key="k", partnero_conn_id="crm").execute(make_context())
    good, tested = PartneroHook("crm").test_connection()
    assert not good
    assert tested.startswith(words.replace("connection 'crm'", "this connection")), "Airflow tests under a random name"


def test_a_missing_token_names_the_argument_to_those_who_use_the_client_alone() -> None:
    with pytest.raises(ValueError, match=r"^token is empty"):
        PartneroClient("")


def test_a_base_url_with_https_for_a_server_without_is_told_so_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, make_context: MakeContext
) -> None:
    _connect(monkeypatch, sandbox.base_url.replace("http://", "https://"), sandbox.token)
    good, tested = PartneroHook("crm").test_connection()
    assert not good
    assert "http://" in tested
    task = PartneroGetWebhookOperator(task_id="t", webhook_key="k", partnero_conn_id="crm")
    with pytest.raises(PartneroConnectionError, match="http://") as failed:
        task.execute(make_context())
    assert any("'Base URL' of connection 'crm'" in note for note in failed.value.__notes__)


def test_an_error_about_one_webhook_is_left_as_it_is(sandbox: Sandbox, make_context: MakeContext) -> None:
    with pytest.raises(AirflowFailException, match=r"^GET /webhooks/k: 404 "):
        PartneroGetWebhookOperator(task_id="t", webhook_key="k").execute(make_context())
    assert len(sandbox.requests()) == 1
