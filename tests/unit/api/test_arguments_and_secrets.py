"""Bad arguments are refused before anything is sent, hostile ones arrive unchanged, and no secret is ever shown."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroAPIError,
    PartneroClient,
    PartneroConnectionError,
    PartneroError,
    PartneroInconsistentReadError,
    PartneroResponseError,
)
from airflow_provider_partnero.api.masking import Mask
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.sandbox import Sandbox

from .conftest import DEMO, MakeClient, RawServer

Call = Callable[[PartneroClient], Any]

WRONG_CALLS: dict[str, tuple[Call, str]] = {
    "limit 9": (lambda c: c.list_webhooks(limit=9), r"limit=9: .*10 to 100"),
    "limit 101": (lambda c: c.list_webhooks(limit=101), r"limit=101"),
    "limit text": (lambda c: c.list_webhooks(limit="50"), r"limit='50'"),  # type: ignore[arg-type]
    "page 0": (lambda c: c.list_webhooks(page=0), r"page=0: .*at least 1"),
    "page_size 5": (lambda c: c.iter_webhooks(page_size=5), r"page_size=5"),
    "no events": (lambda c: c.create_webhook(**{**DEMO, "events": []}), r"events=\[\]: .*at least one"),
    "events text": (lambda c: c.create_webhook(**{**DEMO, "events": "partner.created"}), r"events='partner.created'"),
    "event number": (lambda c: c.create_webhook(**{**DEMO, "events": [7]}), r"events=\[7\]: 7 is not an event name"),
    "empty name": (lambda c: c.create_webhook(**{**DEMO, "name": " "}), r"name=' '"),
    "ftp": (lambda c: c.create_webhook(**{**DEMO, "url": "ftp://a.example/"}), r"url='ftp://a.example/': .*http"),
    "no host": (lambda c: c.create_webhook(**{**DEMO, "url": "https:///x"}), r"url="),
    "space": (lambda c: c.create_webhook(**{**DEMO, "url": "https://a.example/a b"}), r"url="),
    "bad port": (lambda c: c.create_webhook(**{**DEMO, "url": "https://a.example:99999/"}), r"url="),
    "slash": (lambda c: c.create_webhook(**DEMO, key="a/b"), r"key='a/b': .*without '/'"),
    "dots": (lambda c: c.get_webhook(".."), r"key='\.\.'"),
    "empty key": (lambda c: c.delete_webhook(""), r"key=''"),
    "surrogate": (lambda c: c.get_webhook("\ud800"), r"key="),
    "is_active": (lambda c: c.create_webhook(**DEMO, is_active="yes"), r"is_active='yes': .*True or False"),  # type: ignore[arg-type]
    "no update": (lambda c: c.update_webhook("k"), r"nothing to update"),
    "update url": (lambda c: c.update_webhook("k", url="x"), r"url='x'"),
    "update events": (lambda c: c.update_webhook("k", events=[]), r"events=\[\]"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_an_error_names_the_argument_its_value_and_what_is_allowed_and_nothing_is_sent(
    sandbox: Sandbox, make_client: MakeClient, name: str
) -> None:
    call, words = WRONG_CALLS[name]
    with pytest.raises(ValueError, match=words):
        call(make_client())
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": ""}, "token"),
        ({"token": "two words"}, "token"),
        ({"token": "line\nbreak"}, "token"),
        ({"base_url": "api.partnero.com"}, "base_url='api.partnero.com'"),
        ({"base_url": "https://user:pw@api.partnero.com/v1"}, "base_url"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": (5, -1)}, "timeout=-1"),
        ({"max_attempts": 0}, "max_attempts=0"),
        ({"max_wait": -1}, "max_wait=-1"),
        ({"max_wait": float("nan")}, "max_wait=nan"),
        ({"page_concurrency": 65}, "page_concurrency=65: .*1 to 64"),
        ({"verify": ""}, "verify=''"),
    ],
)
def test_a_wrong_setting_of_the_client_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        PartneroClient(**{"token": "t", **options})
    assert options.get("token") in {None, ""} or options["token"] not in str(refused.value)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["Zoë's “best” 🐘", "a/b\\c", '"; DROP TABLE', "%2f..%00", "<script>", "日本語", "n" * 10_000, "tab\tinside"],
)
def test_a_hostile_name_comes_back_as_it_was_sent(make_client: MakeClient, name: str) -> None:
    client = make_client()
    key = client.create_webhook(**{**DEMO, "name": name}).key
    assert client.get_webhook(key).name == name
    assert client.update_webhook(key, name=f"{name}!").name == f"{name}!"


@pytest.mark.parametrize(
    "key", ["%2f", "a..b", "...", "a?b=c", "a#b", "ключ", "🐘", "a b", "a%b", "'\"", "k" * 10_000, "+&=;"]
)
def test_a_hostile_key_reaches_its_own_webhook_and_no_other(
    sandbox: Sandbox, make_client: MakeClient, key: str
) -> None:
    client = make_client()
    client.create_webhook(**DEMO, key="other")
    assert client.create_webhook(**DEMO, key=key).key == key
    assert client.get_webhook(key).key == key
    assert client.update_webhook(key, is_active=False).is_active is False
    client.delete_webhook(key)
    assert [webhook["key"] for webhook in sandbox.webhooks()] == ["other"]


FAILURES: list[dict[str, Any]] = [
    {"drop": "after"},
    {"body": "truncated"},
    {"body": "cut"},
    {"body": "html"},
    {"body": "not-json"},
    {"body": "status-0"},
    {"status": 401},
    {"status": 404},
    {"status": 422},
    {"status": 429},
    {"status": 500},
    {"status": 502, "body": "html"},
    {"redirect": "http://127.0.0.1:9/elsewhere"},
]


@pytest.mark.parametrize("fault", FAILURES, ids=str)
def test_neither_token_nor_signature_is_in_any_error_log_or_traceback_with_locals(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    token, signature = sandbox.token, "sIgNaTuReSeCrEt1"
    sandbox.put_webhooks([{"key": "k", "signature": signature}])
    client = make_client(max_attempts=2)
    calls: list[Call] = [
        lambda c: c.get_webhook("k"),
        lambda c: list(c.iter_webhooks()),
        lambda c: c.update_webhook("k", name="n"),
        lambda c: c.create_webhook(**DEMO, key="new"),
        lambda c: c.create_webhook(**DEMO),
    ]
    shown = repr(client)
    for call in calls:
        sandbox.clear_faults()
        sandbox.fault(times=99, **fault)
        with pytest.raises(PartneroError) as failed:
            call(client)
        report = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
        own = [frame for frame in report.stack if "airflow_provider_partnero/api" in frame.filename]
        assert own
        shown += f"{failed.value} {failed.value!r} {failed.value.args}"
        shown += "".join(f"{frame.line}{frame.locals}" for frame in own)
        assert failed.value.__cause__ is None or isinstance(failed.value.__cause__, PartneroError)
        assert failed.value.__context__ is None or failed.value.__suppress_context__ or failed.value.__cause__
    shown += caplog.text
    assert signature not in shown
    assert f"Bearer {token}" not in shown


def test_a_token_that_the_server_echoes_is_not_quoted(raw_server: Callable[[bytes], str]) -> None:
    token = "tok-9f8e7d6c5b4a"
    body = b'{"message": "bad token tok-9f8e7d6c5b4a", "errors": {"token": ["tok-9f8e7d6c5b4a"]}}'
    head = b"HTTP/1.1 422 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(PartneroError) as failed:
        PartneroClient(token, raw_server(head + body)).get_webhook("k")
    assert token not in f"{failed.value} {failed.value!r}"
    assert "***" in str(failed.value)
    report = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    own = [frame for frame in report.stack if "airflow_provider_partnero/api" in frame.filename]
    assert "reply" in {name for frame in own for name in frame.locals or ()}
    assert [frame.name for frame in own if token in str(frame.locals)] == []


@pytest.mark.parametrize(
    "words",
    [
        "17%7C9f8e7d6c5b4a",
        "17%7c9f8e7d6c5b4a",
        "the token is 17|9f8e7d6c5b",  # the answer ends within it
        "17|9f8e7d6c5b4a " * 400,  # a message of ours ends within one
    ],
)
def test_no_part_of_a_token_is_quoted_if_the_server_encodes_or_cuts_it(
    raw_server: Callable[[bytes], str], words: str
) -> None:
    body = json.dumps({"message": words, "errors": {"token": [words]}}).encode()
    head = b"HTTP/1.1 422 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(PartneroError) as failed:
        PartneroClient("17|9f8e7d6c5b4a", raw_server(head + body)).get_webhook("k")
    assert "9f8e" not in f"{failed.value} {failed.value!r}"
    assert "***" in str(failed.value)


def test_a_text_full_of_beginnings_of_a_secret_is_hidden_from_the_twentieth_on_without_a_closer_look() -> None:
    mask = Mask("a" * 1_000)
    assert mask.hide("aaaab" * 3) == "aaaab" * 3
    hidden = mask.hide("aaaab" * 100)
    assert hidden.endswith("***")
    assert len(hidden) < 105


def test_a_redirect_to_another_host_never_carries_the_token(sandbox: Sandbox, make_client: MakeClient) -> None:
    with Sandbox(token=sandbox.token) as elsewhere:
        sandbox.fault(redirect=f"{elsewhere.base_url}/webhooks", times=9)
        with pytest.raises(PartneroAPIError, match="a redirect to"):
            list(make_client().iter_webhooks())
        assert elsewhere.requests() == []
    assert len(sandbox.requests()) == 1


def test_a_next_page_on_another_host_is_asked_of_the_connections_own(
    sandbox: Sandbox, raw_server: RawServer, make_client: MakeClient
) -> None:
    asked: list[bytes] = []
    with Sandbox(token=sandbox.token) as elsewhere:
        next_page = f"{elsewhere.base_url}/webhooks?page=2"

        def answer(request: bytes) -> bytes:
            asked.append(request.split(b"\r\n")[0])
            page = {
                "data": [{"key": f"k{len(asked)}", **DEMO}],
                "links": {"next": next_page if len(asked) == 1 else None},
            }
            body = json.dumps(page).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

        client = make_client(base_url=raw_server(answer), page_concurrency=1)
        assert [webhook.key for webhook in client.iter_webhooks(page_size=10)] == ["k1", "k2"]
        assert elsewhere.requests() == []
    assert [b"page=2" in line for line in asked] == [False, True]


def test_a_redirect_is_quoted_without_the_login_and_the_query_of_its_address(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.fault(redirect="https://user:s3cret@login.example/in?ticket=s3cret")
    with pytest.raises(
        PartneroAPIError, match=r"a redirect to https://login\.example, which is not followed"
    ) as raised:
        make_client().ping()
    assert "s3cret" not in repr(raised.value)


ERRORS: list[PartneroError] = [
    PartneroConnectionError("GET /webhooks: nothing answers", sent=False),
    PartneroAmbiguousError("words"),
    PartneroResponseError("words"),
    PartneroInconsistentReadError("words"),
]
API_ERRORS: list[type[PartneroAPIError]] = [PartneroAPIError, *PartneroAPIError.__subclasses__()]
ERRORS += [kind(429, "slow down", {"f": ["x"]}, "r1", "GET", "/webhooks", 7.0) for kind in API_ERRORS]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling_and_copying(error: PartneroError) -> None:
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


def test_the_api_package_imports_neither_airflow_nor_requests_and_its_client_no_airflow() -> None:
    code = (
        "import sys, airflow_provider_partnero.api as api\n"
        "print([m for m in ('airflow', 'requests', 'tenacity', 'fastapi') if m in sys.modules])\n"
        "api.PartneroClient('t')\n"
        "print([m for m in ('airflow', 'fastapi') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pAsSwOrD",
        "https://user:pAsSwOrD%40host ",
        b"https://user:pAsSwOrD@host/",
        ["https://user:pAsSwOrD@host/"],
        {"url": "https://host/?token=pAsSwOrD"},
    ],
    ids=str,
)
def test_a_url_that_is_refused_shows_no_secret(url: Any) -> None:
    for refused in (lambda: WebhookSpec("A", url, ("partner.created",)), lambda: PartneroClient("t", url)):
        with pytest.raises(ValueError, match="url") as raised:
            refused()
        assert "pAsSwOrD" not in str(raised.value)
