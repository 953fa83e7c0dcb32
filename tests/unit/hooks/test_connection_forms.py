"""What people type into a connection, and what Airflow makes of it before the hook reads it."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stdout, suppress
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.log import _secrets_masker, redact  # type: ignore[attr-defined]

from airflow_provider_partnero.hooks.connection import settings_of, store_of
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.delivery import KeptFields, Store


def _connect(monkeypatch: pytest.MonkeyPatch, value: str | dict[str, Any]) -> PartneroHook:
    text = value if isinstance(value, str) else json.dumps({"conn_type": "partnero", "password": "token", **value})
    monkeypatch.setenv("AIRFLOW_CONN_TRIED", text)
    return PartneroHook("tried")


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ("partnero://http://:token@127.0.0.1:8765/v1", "http://127.0.0.1:8765/v1"),
        ("partnero://:token@http%3A%2F%2F127.0.0.1:8765/v1", "http://127.0.0.1:8765/v1"),
        ("partnero://https://:token@eu.partnero.example/", "https://eu.partnero.example"),
        ("partnero://:token@[::1]:8765/v1", "https://[::1]:8765/v1"),
        ("partnero://http://:token@[::1]:8765/v1", "http://[::1]:8765/v1"),
        ("partnero://:token@EU.Partnero.Example/", "https://eu.partnero.example/v1"),
        ({"host": "http://127.0.0.1", "port": 8765}, "http://127.0.0.1:8765/v1"),
        ({"host": "http://127.0.0.1:8765/v1", "port": 9}, "http://127.0.0.1:8765/v1"),
        ({"host": "http://[::1]:8765/v1"}, "http://[::1]:8765/v1"),
        ({"host": "http://[::1]:8765", "schema": "v1"}, "http://[::1]:8765"),
        ({"host": "127.0.0.1:8765"}, "https://127.0.0.1:8765/v1"),
        ({"host": "eu.partnero.example/api/v1"}, "https://eu.partnero.example/api/v1"),
        ({"host": " https://eu.partnero.example/v1/ "}, "https://eu.partnero.example/v1"),
        ({"host": "  "}, "https://api.partnero.com/v1"),
        ({"host": None}, "https://api.partnero.com/v1"),
    ],
)
def test_an_address_is_understood_however_it_is_spelled(
    monkeypatch: pytest.MonkeyPatch, connection: str | dict[str, Any], base_url: str
) -> None:
    assert _connect(monkeypatch, connection).get_conn().base_url == base_url


@pytest.mark.parametrize("token", ["a+b%2F/?#@:=", "1|Zyx" * 20])
def test_a_token_survives_a_uri(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    uri = Connection(conn_id="x", conn_type="partnero", password=token, host="https://h.example/v1").get_uri()
    connection = _connect(monkeypatch, uri).get_connection("tried")
    assert (connection.password, connection.host) == (token, "https://h.example/v1")


@pytest.mark.parametrize("token", [" token", "token\n", "\ttoken "])
def test_white_space_around_a_pasted_token_does_not_count(
    partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    pasted = token.replace("token", partnero_sandbox.token)
    hook = _connect(monkeypatch, {"password": pasted, "host": partnero_sandbox.base_url})
    assert hook.test_connection()[0] is True


def test_the_extra_fields_of_a_uri_are_read_although_all_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "partnero://:token@?timeout=7.5&max_attempts=2&page_concurrency=3&verify_tls=False"
    settings = settings_of(_connect(monkeypatch, uri).get_connection("tried"))
    assert (settings.timeout, settings.max_attempts, settings.page_concurrency) == ((5.0, 7.5), 2, 3)
    assert settings.verify is False


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_field_left_empty_means_its_default(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    fields = ("timeout", "max_attempts", "page_concurrency", "verify_tls")
    given = _connect(monkeypatch, {"extra": dict.fromkeys(fields, empty)}).get_connection("tried")
    default = _connect(monkeypatch, {}).get_connection("tried")
    assert settings_of(given) == settings_of(default)


@pytest.mark.parametrize("field", ["timeout", "max_attempts", "page_concurrency"])
@pytest.mark.parametrize("value", ["soon", -1, 0, "0", "nan", "inf", 10**400, [1], {"a": 1}, True, False])
def test_a_wrong_number_is_refused_with_connection_field_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    hook = _connect(monkeypatch, {"extra": {field: value}})
    with pytest.raises(ValueError, match=f"connection 'tried', extra field {field}=") as refused:
        hook.get_conn()
    words = str(refused.value)
    assert repr(value)[:100] in words
    assert ("number of seconds" if field == "timeout" else "whole number") in words.partition("must be")[2]


@pytest.mark.parametrize("extra", ["[1]", '"text"', "7", "not json", "{"])
def test_an_extra_that_is_not_a_json_object_is_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    connection = Connection(conn_id="tried", conn_type="partnero", password="token", extra=None)
    object.__setattr__(connection, "extra", extra)
    with pytest.raises(ValueError, match="connection 'tried': its extra is not"):
        settings_of(connection)


@pytest.mark.parametrize("secret", ["two words", "ümläut", "zero\u200bwidth"])
def test_a_token_with_impossible_characters_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    with pytest.raises(ValueError, match="not shown") as refused:
        _connect(monkeypatch, {"password": secret}).get_conn()
    assert secret not in str(refused.value)


def test_the_error_about_a_missing_token_names_connection_and_field(monkeypatch: pytest.MonkeyPatch) -> None:
    for connection in ("partnero://", "partnero://host.example/v1", {"password": "   "}):
        with pytest.raises(ValueError, match="connection 'tried' has no API token: put it into its password field"):
            _connect(monkeypatch, connection).get_conn()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 401}, "Put this programme's API token"),
        ({"status": 403}, "Put this programme's API token"),
        ({"status": 429}, "429"),
        ({"status": 408}, "408"),
        ({"status": 503}, "503"),
        ({"body": "html", "times": 2}, "does not look like Partnero's API"),
        ({"redirect": "https://elsewhere.example/login"}, "a redirect to https://elsewhere.example"),
        ({"drop": "before"}, "Check the field 'Base URL'"),
    ],
)
def test_the_connection_test_gives_fitting_advice(sandbox: Sandbox, fault: dict[str, Any], words: str) -> None:
    sandbox.fault(**fault)
    good, message = PartneroHook().test_connection()
    assert good is False
    assert words in message
    is_passing = fault.get("status") in {408, 429, 503}
    assert is_passing is not any(advice in message for advice in ("field 'Base URL'", "field 'API token'"))


def test_the_connection_test_sends_one_request_whatever_max_attempts_says(sandbox: Sandbox) -> None:
    sandbox.fault(status=503, times=9)
    PartneroHook().test_connection()
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("token", "words"), [(None, "Connection success"), ("wr0ng-token", "Partnero refuses the token")]
)
def test_airflows_command_line_tests_the_connection(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token: str | None, words: str
) -> None:
    from airflow.cli.cli_parser import get_parser

    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    connection = json.loads(sandbox.connection_json) | ({"password": token} if token else {})
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    arguments = get_parser().parse_args(["connections", "test", "partnero_default"])
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        arguments.func(arguments)
    assert words in " ".join(printed.getvalue().split())


@pytest.mark.large
def test_a_thousand_webhooks_fetched_one_by_one_do_not_stall_the_task(sandbox: Sandbox) -> None:
    sandbox.put_webhooks({"key": f"k{number}", "signature": f"secret-number-{number}"} for number in range(1000))
    hook = PartneroHook()
    # For each new secret, the masker of Airflow recompiles the patterns of all, so thousands would take minutes.
    patterns = _secrets_masker().patterns
    others = len(patterns)
    for key in [webhook.key for webhook in hook.iter_webhooks()]:
        hook.get_webhook(key)
    assert len(hook._masked) == 300
    assert len(patterns) <= others + 300 + 1  # the token
    # A list that is read after that masks no more.
    assert len(list(hook.iter_webhooks())) == 1000
    assert len(hook._masked) == 300
    assert len(patterns) <= others + 300 + 1


def test_a_signature_without_an_end_does_not_stall_the_task(sandbox: Sandbox) -> None:
    """The masker would take minutes and gigabytes for it."""
    sandbox.put_webhooks([{"key": "k", "signature": "s" * 1_000_000}])
    hook = PartneroHook()
    webhook = hook.get_webhook("k")
    assert webhook.signature is None
    assert webhook.oddities == ("signature has more than 1,000 characters",)


def test_the_signature_of_every_call_is_masked(sandbox: Sandbox) -> None:
    hook = PartneroHook()
    made = hook.create_webhook(name="n", url="https://a.example/", events=["partner.created"], key="one")
    sandbox.put_webhooks(
        {
            "key": key,
            "name": "n",
            "url": "https://b.example/",
            "events": ["partner.created"],
            "signature": f"sig-{key}!",
        }
        for key in ("two", "three", "four", "five", "six")
    )
    found = hook.find_webhook(name="n", url="https://b.example/", events=["partner.created"], key="two")
    secrets = [
        made.signature,
        found and found.signature,
        hook.get_webhook("three").signature,
        hook.update_webhook("four", name="m").signature,
        hook.list_webhooks()[4].signature,
        next(iter(hook.iter_webhooks())).signature,
    ]
    for secret in secrets:
        assert secret
        assert str(redact(f"<{secret!s}>")) == "<***>"


def test_the_token_is_masked_in_every_log_line(
    monkeypatch: pytest.MonkeyPatch, partnero_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    hook = _connect(monkeypatch, {"password": "tok-3fQ9zLw7-unit", "host": partnero_sandbox.base_url})
    with caplog.at_level(logging.DEBUG):
        good, message = hook.test_connection()
        hook.log.warning("here %s", repr(hook.get_conn()))
    assert good is False
    assert "tok-3fQ9zLw7-unit" not in message + caplog.text
    assert str(redact("it is tok-3fQ9zLw7-unit")) == "it is ***"


def test_arguments_of_the_hook_win_over_the_connection(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(sandbox.connection_json) | {"extra": {"max_attempts": 9, "page_concurrency": 9}}
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps(connection))
    sandbox.fault(status=503, times=20)
    with pytest.raises(Exception, match="503"):
        PartneroHook(max_attempts=1).ping()
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("written", "store"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("full", "full"),
        (" IDS ", "ids"),
        ("data.key, url", KeptFields(("data.key", "url"))),
    ],
)
def test_what_is_kept_of_a_delivery_is_read_from_the_connection(
    monkeypatch: pytest.MonkeyPatch, written: str | None, store: Store | None
) -> None:
    assert store_of(_connect(monkeypatch, {"extra": {"store": written}}).get_connection("tried")) == store
    assert store_of(_connect(monkeypatch, {}).get_connection("tried")) is None


@pytest.mark.parametrize("written", ["everything", "data", "data..x", "data.key,", 7, True, ["data.key"], {"a": 1}])
def test_a_wrong_store_is_refused_with_connection_field_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, written: object
) -> None:
    connection = _connect(monkeypatch, {"extra": {"store": written}}).get_connection("tried")
    with pytest.raises(ValueError, match=r"connection 'tried', extra field store=.*: must be .*data\.key") as refused:
        store_of(connection)
    assert repr(written) in str(refused.value)
