"""Every cell of the retry table, checked against the sandbox's request log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroAPIError,
    PartneroAuthenticationError,
    PartneroClient,
    PartneroConflictError,
    PartneroConnectionError,
    PartneroError,
    PartneroNotFoundError,
    PartneroRateLimitError,
    PartneroResponseError,
    PartneroServerError,
    PartneroValidationError,
)
from airflow_provider_partnero.api.keyed_create import PAUSES
from airflow_provider_partnero.sandbox import Sandbox

from .conftest import DEMO, MakeClient, RawServer, closed_port, sent

KEY = "i1G7ExNCGI7s"
Call = Callable[[PartneroClient], Any]

REPEATABLE: dict[str, tuple[Call, str]] = {
    "get": (lambda client: client.get_webhook(KEY), f"GET /webhooks/{KEY}"),
    "list": (lambda client: client.list_webhooks(), "GET /webhooks"),
    "ping": (lambda client: client.ping(), "GET /test"),
    "put": (lambda client: client.update_webhook(KEY, name="New"), f"PUT /webhooks/{KEY}"),
    "delete": (lambda client: client.delete_webhook(KEY), f"DELETE /webhooks/{KEY}"),
}
# Requests that fail in these ways are not carried out, so the next attempt finds an unchanged server.
NO_ANSWER: dict[str, dict[str, Any]] = {
    "reset": {"drop": "before"},
    "html": {"body": "html"},
    "not json": {"body": "not-json"},
}
SERVER: dict[str, dict[str, Any]] = {str(status): {"status": status} for status in (500, 502, 503, 504, 599)}
# A gateway may give these while the server behind it goes on working.
GATEWAY: dict[str, dict[str, Any]] = {
    "408": {"status": 408},
    "425": {"status": 425},
    "bare 429": {"status": 429, "body": "html"},
    "empty 429": {"status": 429, "body": "empty"},
}
DOUBT = {**NO_ANSWER, **SERVER, **GATEWAY}
RATE_LIMIT: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "retry_after": 0},
    "429 with Retry-After only": {"status": 429, "retry_after": 0, "body": "empty"},
}
REFUSED: dict[int, type[PartneroAPIError]] = {
    400: PartneroAPIError,
    401: PartneroAuthenticationError,
    403: PartneroAuthenticationError,
    404: PartneroNotFoundError,
    405: PartneroAPIError,
    409: PartneroConflictError,
    422: PartneroValidationError,
}
WITHOUT_KEY: Call = lambda client: client.create_webhook(**DEMO)  # noqa: E731
WITH_KEY: Call = lambda client: client.create_webhook(**DEMO, key="wanted")  # noqa: E731
POST, LOOK, LIST = "POST /webhooks", "GET /webhooks/wanted", "GET /webhooks"
FIRST_LOOK = [LOOK, LIST]
PATIENT_LOOK = [LOOK] * (len(PAUSES) + 1)


@pytest.fixture(autouse=True)
def one_webhook(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": KEY}])


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param(name, fault, id=f"{name}-{words}")
        for name in REPEATABLE
        for words, fault in {**DOUBT, **RATE_LIMIT}.items()
        if name != "ping" or "body" not in fault  # a ping accepts any body
    ],
)
def test_a_repeatable_request_is_repeated_until_it_succeeds(
    sandbox: Sandbox, client: PartneroClient, name: str, fault: dict[str, Any]
) -> None:
    call, request = REPEATABLE[name]
    sandbox.fault(times=2, **fault)
    call(client)
    assert sent(sandbox) == [request] * 3


@pytest.mark.parametrize("body", ["truncated", "cut", "empty"])
@pytest.mark.parametrize("name", ["get", "list", "put"])
def test_a_request_answered_with_a_broken_body_is_repeated(
    sandbox: Sandbox, client: PartneroClient, name: str, body: str
) -> None:
    call, request = REPEATABLE[name]
    sandbox.fault(times=2, body=body)
    call(client)
    assert sent(sandbox) == [request] * 3


def test_a_request_to_a_silent_server_is_repeated(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(delay=2)
    assert make_client(timeout=(5, 0.2)).get_webhook(KEY).key == KEY
    assert sent(sandbox) == [f"GET /webhooks/{KEY}"] * 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"drop": "before"}, PartneroConnectionError),
        ({"body": "html"}, PartneroResponseError),
        ({"status": 408}, PartneroAPIError),
        ({"status": 429}, PartneroRateLimitError),
        ({"status": 503}, PartneroServerError),
    ],
)
@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("name", ["get", "list", "put", "delete"])
def test_exhausted_attempts_raise_the_last_failure(
    sandbox: Sandbox,
    make_client: MakeClient,
    name: str,
    attempts: int,
    fault: dict[str, Any],
    error: type[PartneroError],
) -> None:
    call, request = REPEATABLE[name]
    sandbox.fault(times=100, **fault)
    with pytest.raises(error):
        call(make_client(max_attempts=attempts))
    assert sent(sandbox) == [request] * attempts


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("name", REPEATABLE)
def test_a_refusal_is_raised_at_once(sandbox: Sandbox, client: PartneroClient, name: str, status: int) -> None:
    call, request = REPEATABLE[name]
    sandbox.fault(status=status)
    with pytest.raises(REFUSED[status]) as raised:
        call(client)
    assert type(raised.value) is REFUSED[status]
    assert raised.value.status == status
    assert str(raised.value).startswith(f"{request}: {status} ")
    assert sent(sandbox) == [request]


@pytest.mark.parametrize("status", REFUSED)
def test_a_refused_post_without_key_is_raised_at_once(sandbox: Sandbox, client: PartneroClient, status: int) -> None:
    sandbox.fault(status=status)
    with pytest.raises(REFUSED[status]):
        WITHOUT_KEY(client)
    assert sent(sandbox) == [POST]


@pytest.mark.parametrize("status", REFUSED)
def test_a_refused_post_with_key_is_raised_at_once(sandbox: Sandbox, client: PartneroClient, status: int) -> None:
    sandbox.fault(method="POST", status=status)
    with pytest.raises(REFUSED[status]):
        WITH_KEY(client)
    # A 409 may mean that the key is taken, so the client looks it up; here it is free.
    assert sent(sandbox) == [*FIRST_LOOK, POST, *([LOOK] if status == 409 else [])]


@pytest.mark.parametrize("fault", DOUBT.values(), ids=DOUBT)
def test_after_a_doubtful_post_with_key_the_client_looks_and_waits_before_it_repeats_it_and_looks_afterwards(
    sandbox: Sandbox, client: PartneroClient, waits: list[float], fault: dict[str, Any]
) -> None:
    sandbox.fault(method="POST", times=2, **fault)
    made = WITH_KEY(client)
    assert made.key == "wanted"
    assert sent(sandbox) == [*FIRST_LOOK, *[POST, *PATIENT_LOOK] * 2, LIST, POST, LIST]
    left = iter(waits)
    assert all(pause in left for pause in [*PAUSES] * 2), "in this order, beside the waits that a 429 asks for"


def test_the_pauses_for_a_late_create_grow_to_ten_seconds_in_all() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert sum(PAUSES) >= 10


@pytest.mark.parametrize("fault", RATE_LIMIT.values(), ids=RATE_LIMIT)
def test_a_rate_limited_post_with_key_is_repeated_after_one_look(
    sandbox: Sandbox, client: PartneroClient, waits: list[float], fault: dict[str, Any]
) -> None:
    sandbox.fault(method="POST", times=2, **fault)
    WITH_KEY(client)
    assert sent(sandbox) == [*FIRST_LOOK, POST, LOOK, POST, LOOK, POST]


def test_a_post_with_key_that_is_refused_again_and_again_waits_longer_each_time_though_every_look_passes(
    sandbox: Sandbox, make_client: MakeClient, waits: list[float]
) -> None:
    sandbox.fault(method="POST", status=429, retry_after=0, times=5)
    make_client(max_wait=60).create_webhook(**DEMO, key="wanted")
    assert [seconds for seconds in waits if seconds >= 0.5] == [0.5, 1, 2, 4]


def test_a_post_with_key_that_was_not_sent_is_repeated_without_a_look(make_client: MakeClient) -> None:
    client = make_client(base_url=f"http://127.0.0.1:{closed_port()}/v1", max_attempts=2)
    with pytest.raises(PartneroConnectionError, match="GET /webhooks/wanted") as raised:
        WITH_KEY(client)
    assert not raised.value.sent


@pytest.mark.parametrize(
    "fault",
    [*DOUBT.values(), {"drop": "after"}, {"body": "truncated"}, {"body": "cut"}],
)
def test_a_doubtful_post_without_key_is_never_repeated(
    sandbox: Sandbox, client: PartneroClient, fault: dict[str, Any]
) -> None:
    sandbox.fault(**fault)
    with pytest.raises(PartneroAmbiguousError, match="'Demo' was sent and may have happened"):
        WITHOUT_KEY(client)
    assert sent(sandbox) == [POST]


def test_a_post_without_key_to_a_silent_server_is_never_repeated(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(delay=2)
    with pytest.raises(PartneroAmbiguousError, match=r"silent for 0\.2 s"):
        WITHOUT_KEY(make_client(timeout=(5, 0.2)))
    assert sent(sandbox) == [POST]


@pytest.mark.parametrize("fault", RATE_LIMIT.values(), ids=RATE_LIMIT)
def test_a_post_without_key_is_repeated_after_a_429_that_says_so(
    sandbox: Sandbox, client: PartneroClient, fault: dict[str, Any]
) -> None:
    sandbox.fault(times=2, **fault)
    WITHOUT_KEY(client)
    assert sent(sandbox) == [POST] * 3
    assert len(sandbox.webhooks()) == 2


@pytest.mark.parametrize("early", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"])
def test_a_post_without_key_answered_by_nothing_but_1xx_is_never_repeated(
    make_client: MakeClient, raw_server: RawServer, early: bytes
) -> None:
    requests: list[bytes] = []
    server = raw_server(lambda request: requests.append(request) or early)  # type: ignore[func-returns-value]
    with pytest.raises(PartneroAmbiguousError, match="may have happened"):
        WITHOUT_KEY(make_client(base_url=server))
    assert len(requests) == 1


@pytest.mark.parametrize(
    "fault", [{"drop": "after"}, {"status": 500, "applied": True}, {"body": "html", "applied": True}]
)
def test_a_repeated_delete_answered_404_has_succeeded(
    sandbox: Sandbox, client: PartneroClient, fault: dict[str, Any]
) -> None:
    sandbox.fault(method="DELETE", **fault)
    client.delete_webhook(KEY)
    assert sent(sandbox) == [f"DELETE /webhooks/{KEY}"] * 2
    assert sandbox.webhooks() == []


@pytest.mark.parametrize("retry_after", [0, 1])
def test_a_delete_answered_404_after_a_refusal_that_deleted_nothing_raises(
    sandbox: Sandbox, client: PartneroClient, retry_after: float
) -> None:
    sandbox.fault(method="DELETE", status=429, retry_after=retry_after)
    with pytest.raises(PartneroNotFoundError):
        client.delete_webhook("none")
    assert sent(sandbox) == ["DELETE /webhooks/none"] * 2


def test_a_first_delete_answered_404_raises(sandbox: Sandbox, client: PartneroClient) -> None:
    with pytest.raises(PartneroNotFoundError):
        client.delete_webhook("none")
    assert sent(sandbox) == ["DELETE /webhooks/none"]


@pytest.mark.parametrize(
    "call", [*(call for call, _ in REPEATABLE.values()), WITH_KEY, WITHOUT_KEY], ids=[*REPEATABLE, "keyed", "plain"]
)
def test_a_2xx_that_says_status_0_is_a_refusal(sandbox: Sandbox, client: PartneroClient, call: Call) -> None:
    sandbox.fault(body="status-0", method="POST" if call in {WITH_KEY, WITHOUT_KEY} else None)
    with pytest.raises(PartneroAPIError, match='200 a 2xx that says "status": 0') as raised:
        call(client)
    assert raised.value.status == 200
    assert len(sandbox.requests()) == (3 if call is WITH_KEY else 1)


def test_an_update_with_a_lost_answer_is_repeated(sandbox: Sandbox, client: PartneroClient) -> None:
    sandbox.fault(method="PUT", drop="after")
    assert client.update_webhook(KEY, name="New", is_active=False).name == "New"
    assert sandbox.webhooks()[0]["name"] == "New"
    assert [request.body for request in sandbox.requests()] == [{"name": "New", "is_active": False}] * 2
