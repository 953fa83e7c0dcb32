"""A connection becomes a client, in every form that Airflow accepts; an error says what is wrong with it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.log import redact  # type: ignore[attr-defined]
from airflow.sdk.serde import serialize

from airflow_provider_partnero.api import Webhook
from airflow_provider_partnero.hooks.connection import settings_of
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.sandbox import Sandbox


def _connect(monkeypatch: pytest.MonkeyPatch, value: str | dict[str, Any]) -> PartneroHook:
    text = value if isinstance(value, str) else json.dumps({"conn_type": "partnero", "password": "t", **value})
    monkeypatch.setenv("AIRFLOW_CONN_TRIED", text)
    return PartneroHook("tried")


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ({}, "https://api.partnero.com/v1"),
        ({"host": "http://127.0.0.1:8765/v1/"}, "http://127.0.0.1:8765/v1"),
        ({"host": "eu.partnero.example"}, "https://eu.partnero.example/v1"),
        ({"host": "eu.partnero.example", "port": 8443, "schema": "api/v1"}, "https://eu.partnero.example:8443/api/v1"),
        ("partnero://:t@", "https://api.partnero.com/v1"),
        ("partnero://:t@http%3A%2F%2F127.0.0.1%3A8765%2Fv1", "http://127.0.0.1:8765/v1"),
        ("partnero://:t@eu.partnero.example:8443/v1?timeout=7", "https://eu.partnero.example:8443/v1"),
    ],
)
def test_a_connection_leads_to_its_base_url(
    monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, Any], base_url: str
) -> None:
    assert _connect(monkeypatch, connection).get_conn().base_url == base_url


@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({}, "timeout", (5.0, 30.0)),
        ({"timeout": 90}, "timeout", (5.0, 90.0)),
        ({"timeout": "2.5"}, "timeout", (2.5, 2.5)),
        ({"timeout": ""}, "timeout", (5.0, 30.0)),
        ({"max_attempts": None}, "max_attempts", 5),
        ({"max_attempts": "3"}, "max_attempts", 3),
        ({"page_concurrency": 2}, "page_concurrency", 2),
        ({"verify_tls": "false"}, "verify", False),
        ({"verify_tls": False}, "verify", False),
        ({"verify_tls": "TRUE"}, "verify", True),
        ({"verify_tls": "/etc/ca.pem"}, "verify", "/etc/ca.pem"),
        ({"somebody": "else's"}, "verify", True),
    ],
)
def test_an_extra_field_is_read_as_the_form_or_json_may_give_it(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], field: str, value: object
) -> None:
    hook = _connect(monkeypatch, {"extra": extra})
    assert getattr(settings_of(hook.get_connection("tried")), field) == value


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"password": ""}, "'tried' has no API token"),
        ({"extra": {"timeout": "soon"}}, r"'tried', extra field timeout='soon': must be a number"),
        ({"extra": {"timeout": 0}}, "timeout=0"),
        ({"extra": {"max_attempts": 2.5}}, r"max_attempts=2\.5: must be a whole number"),
        ({"extra": {"max_attempts": True}}, "max_attempts=True"),
        (
            {"extra": {"page_concurrency": 999}},
            "'tried', extra field page_concurrency=999: must be a whole number from 1 to 64",
        ),
        ({"extra": {"verify_tls": 7}}, "verify_tls=7"),
        ({"host": "ftp://x"}, "base_url='ftp://x'"),
    ],
)
def test_the_error_about_a_wrong_connection_names_field_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _connect(monkeypatch, connection).get_conn()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_connection_test_says_what_is_wrong_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, silent_port: int
) -> None:
    here = {"password": sandbox.token, "host": sandbox.base_url}
    cases: list[tuple[dict[str, Any], bool, str]] = [
        (here, True, "accepts the token"),
        ({**here, "password": "wrong"}, False, "Put this programme's API token into the field 'API token'"),
        ({**here, "host": "http://partnero.invalid/v1"}, False, "is unknown"),
        ({**here, "host": "http://127.0.0.1:9/v1"}, False, "Check the field 'Base URL'"),
        (
            {**here, "host": f"http://127.0.0.1:{silent_port}/v1", "extra": {"timeout": 0.3}},
            False,
            "was silent for 0.3 s",
        ),
        ({**here, "host": sandbox.root_url}, False, "it ends with /v1"),
        ({**here, "host": f"{sandbox.root_url}/docs"}, False, "does not look like Partnero's API"),
        ({**here, "password": ""}, False, "has no API token"),
    ]
    for connection, good, words in cases:
        answer = _connect(monkeypatch, connection).test_connection()
        assert answer[0] is good, answer
        assert words in answer[1], answer
        assert sandbox.token not in answer[1]


def test_a_hook_makes_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = _connect(monkeypatch, {})
    assert hook.get_conn() is hook.get_conn()


def test_token_and_signatures_are_masked_wherever_airflow_logs(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    sandbox.seed(137)
    hook = PartneroHook()
    listed = list(hook.iter_webhooks())
    fetched = hook.get_webhook(listed[0].key)
    assert fetched.signature is not None
    for webhook in listed:
        assert webhook.signature is not None
        assert str(webhook.signature) not in str(redact(f"it is {webhook.signature!s}!"))


def test_what_airflow_stores_of_a_webhook_that_a_task_returns_holds_no_secret(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "k", "signature": "sEcReTsEcReT1234", "owner": {"token": "hidden"}}])
    webhook = PartneroHook().get_webhook("k")
    stored = json.loads(json.dumps(serialize({"webhooks": [webhook]})))
    assert "sEcReT" not in str(stored)
    assert "hidden" not in str(stored)
    [inner] = stored["webhooks"]
    assert inner["__data__"] == webhook.to_dict()
    assert Webhook.deserialize(inner["__data__"], inner["__version__"]) == replace(webhook, signature=None)


@pytest.mark.large
def test_masking_ten_thousand_signatures_does_not_stall_the_task(sandbox: Sandbox) -> None:
    sandbox.seed(10_000)
    hook = PartneroHook()
    assert len(list(hook.iter_webhooks())) == 10_000
    assert len(hook._masked) == 200
    hook.get_webhook(sandbox.webhooks()[-1]["key"])
    assert len(hook._masked) == 201
