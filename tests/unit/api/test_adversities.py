"""What an adversary found: forks, secrets that the server repeats, endless words, answers about something else."""

from __future__ import annotations

import json
import os
import pickle
import traceback
from typing import Any

import pytest

from airflow_provider_partnero.api import (
    PartneroClient,
    PartneroConnectionError,
    PartneroDuplicateError,
    PartneroError,
    PartneroResponseError,
    PartneroServerError,
    PartneroValidationError,
)
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.http_answers import http_answer

from .conftest import DEMO, MakeClient, RawServer
from .hostile import CHUNKED, talking

SECRET = "S3CRETSIGNATUREX"
REFUSED = "422 Unprocessable Content"


def _webhook(key: str, **others: Any) -> bytes:
    return http_answer({"data": {"key": key, **DEMO, "is_active": True, "signature": SECRET} | others})


def test_a_forked_process_and_its_parent_never_get_each_others_answers(sandbox: Sandbox) -> None:
    keys = {me: [f"{me}{number}" for number in range(100)] for me in ("parent", "child")}
    sandbox.put_webhooks([{"key": key} for key in ["warm", *keys["parent"], *keys["child"]]])
    client = PartneroClient(sandbox.token, sandbox.base_url, max_attempts=1, timeout=10)
    client.get_webhook("warm")
    child = os.fork()
    mine = keys["parent" if child else "child"]
    try:
        is_right = [client.get_webhook(key).key for key in mine] == mine
    except BaseException:
        is_right = False
        traceback.print_exc()
    if not child:
        os._exit(0 if is_right else 1)
    _, status = os.waitpid(child, 0)
    assert is_right
    assert status == 0


def test_a_signing_secret_that_the_server_repeats_is_in_no_error(
    make_client: MakeClient, raw_server: RawServer
) -> None:
    words = {"signature": [f"{SECRET} is too short"], "webhook": [json.dumps({"signature": SECRET})], "x": [SECRET]}
    refusal = json.dumps({"message": f"bad: {SECRET}", "errors": words}).encode()

    def answer(request: bytes) -> bytes:
        return _webhook("k1") if request.startswith(b"GET") else http_answer(refusal, status=REFUSED)

    client = make_client(base_url=raw_server(answer))
    assert client.get_webhook("k1").signature == SECRET
    with pytest.raises(PartneroValidationError) as raised:
        client.update_webhook("k1", name="x")
    for shown in (str(raised.value), repr(raised.value), repr(raised.value.errors), repr(pickle.dumps(raised.value))):
        assert SECRET not in shown


def test_what_is_called_a_signature_is_hidden_even_if_it_was_never_read(
    make_client: MakeClient, raw_server: RawServer
) -> None:
    words = {"message": f'bad {{"signature":"{SECRET}"}} and signature={SECRET}', "errors": {"signature": [SECRET]}}
    url = raw_server(http_answer(words, status=REFUSED))
    with pytest.raises(PartneroValidationError) as raised:
        make_client(base_url=url).update_webhook("k1", name="x")
    assert SECRET not in repr(raised.value) + str(raised.value)


def test_an_error_stays_short_however_much_the_server_complains_about(
    make_client: MakeClient, raw_server: RawServer
) -> None:
    words = "no such address: http://u:p4ss@h/?token=9f86d081884c7d65 " * 9
    errors = {f"field {number}": [words] * 9 for number in range(300)}
    url = raw_server(http_answer({"message": "bad", "errors": errors}, status=REFUSED))
    with pytest.raises(PartneroValidationError) as raised:
        make_client(base_url=url, timeout=60).get_webhook("k1")
    assert len(str(raised.value)) < 10_000
    assert "p4ss" not in str(raised.value)
    assert "9f86d081884c7d65" not in str(raised.value)


def test_a_webhook_with_another_key_is_no_answer(make_client: MakeClient, raw_server: RawServer) -> None:
    client = make_client(base_url=raw_server(_webhook("other")), max_attempts=1)
    with pytest.raises(PartneroResponseError, match="about another webhook"):
        client.get_webhook("k1")
    with pytest.raises(PartneroResponseError, match="about another webhook"):
        client.update_webhook("k1", name="New")
    with pytest.raises(PartneroError):
        client.create_webhook(**DEMO, key="k1")


def test_a_page_with_ten_times_the_rows_asked_for_is_refused(make_client: MakeClient, raw_server: RawServer) -> None:
    rows = [{"key": f"k{number}", **DEMO, "is_active": True} for number in range(1_001)]
    client = make_client(base_url=raw_server(http_answer({"data": rows})), max_attempts=1)
    with pytest.raises(PartneroResponseError, match="1,001 rows"):
        client.list_webhooks()


def test_a_large_page_is_read_whole_once_it_is_its_turn(make_client: MakeClient, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": f"k{number}", "name": "n" * 9_000} for number in range(450)])
    read = list(make_client(page_concurrency=8, timeout=60).iter_webhooks())
    assert [webhook.key for webhook in read] == [f"k{number}" for number in range(450)]


def test_a_malformed_proxy_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://u:pr0xyPW@")
    monkeypatch.setenv("http_proxy", "http://u:pr0xyPW@")
    with pytest.raises(PartneroConnectionError) as raised:
        PartneroClient("token", "http://partnero.example/v1", max_attempts=1).list_webhooks()
    assert not raised.value.sent
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "pr0xyPW" not in shown.replace("monkeypatch", "")


def test_the_deadline_does_not_hide_what_partnero_said(make_client: MakeClient, raw_server: RawServer) -> None:
    down = http_answer(b'{"message": "maintenance"}', "Retry-After: 50", status="503 Service Unavailable")
    client = make_client(base_url=raw_server(down), max_attempts=9, max_wait=60, deadline=3)
    with pytest.raises(PartneroServerError, match="maintenance"):
        client.get_webhook("k1")


def test_a_chunk_of_a_negative_size_breaks_off_and_is_no_matter_of_proxies() -> None:
    with (
        talking(lambda connection: connection.sendall(CHUNKED + b"-5\r\nhello\r\n")) as url,
        pytest.raises(PartneroConnectionError, match="broke off") as raised,
    ):
        PartneroClient("token", url, max_attempts=1).update_webhook("k1", name="x")
    assert raised.value.sent


def test_a_token_that_is_no_text_is_not_called_empty() -> None:
    with pytest.raises(ValueError, match="must be a text"):
        PartneroClient(b"tok")  # type: ignore[arg-type]


def test_a_duplicate_that_cannot_be_deleted_is_named(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Keys are ignored, the first create comes late, and the server does not find what it has just made."""
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", status=503, late_requests=3)
    sandbox.fault(method="DELETE", status=404, times=99)
    with pytest.raises(PartneroDuplicateError) as raised:
        make_client().create_webhook(**DEMO, key="wanted")
    assert {webhook["key"] for webhook in sandbox.webhooks()} == set(raised.value.keys)


def test_a_duplicate_that_is_not_found_for_a_while_is_deleted_all_the_same(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    sandbox.fault(method="POST", status=503, late_requests=3)
    sandbox.fault(method="DELETE", status=404, times=2)
    made = make_client().create_webhook(**DEMO, key="wanted")
    assert [webhook["key"] for webhook in sandbox.webhooks()] == [made.key]
