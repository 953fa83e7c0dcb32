"""A create makes exactly one webhook, whichever answers are lost and whatever Partnero does with a taken key."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any, get_args, get_type_hints

import pytest

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroClient,
    PartneroConflictError,
    PartneroDuplicateError,
    PartneroError,
    PartneroInconsistentReadError,
    PartneroValidationError,
    Webhook,
)
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.conftest import SEEDS
from tests.http_answers import http_answer

from .conftest import DEMO, MakeClient, RawServer, requested_pages

TAKEN_KEY = get_args(get_type_hints(Profile)["taken_key"])
KEY = "demoKey00001"


def _methods(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests()]


@pytest.mark.parametrize("taken_key", TAKEN_KEY)
@pytest.mark.parametrize(
    "faults",
    [
        [{"method": "POST", "drop": "after"}],
        [{"method": "POST", "drop": "before"}],
        [{"method": "POST", "status": 500, "applied": True}],
        [{"method": "POST", "body": "truncated"}],
        [{"method": "POST", "body": "cut"}],
        [{"method": "POST", "body": "html", "applied": True}],
        [{"method": "POST", "drop": "after"}, {"method": "GET", "path": "^/webhooks/", "status": 503}],
        [{"method": "POST", "drop": "after"}, {"method": "GET", "path": "^/webhooks$", "drop": "before"}],
        [{"method": "POST", "drop": "before"}, {"method": "POST", "skip": 1, "drop": "after"}],
        [{"method": "POST", "status": 429, "retry_after": 0}, {"method": "POST", "skip": 1, "drop": "after"}],
    ],
    ids=lambda faults: " ".join("-".join(map(str, fault.values())) for fault in faults),
)
def test_a_lost_answer_to_a_post_with_a_key_leaves_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, faults: list[dict[str, Any]]
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    for fault in faults:
        sandbox.fault(**fault)
    made = make_client().create_webhook(**DEMO, key=KEY)
    [kept] = sandbox.webhooks()
    assert made.key == kept["key"]
    assert made.signature == kept["signature"]


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_thousand_seeds_of_chaos_and_task_retries_leave_one_webhook(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture, taken_key: Any, seeds: range
) -> None:
    caplog.set_level(logging.CRITICAL)
    client = make_client(max_attempts=4)
    for seed in seeds:
        sandbox.reset(Profile(taken_key=taken_key))
        sandbox.chaos(seed, 0.4)
        _create_like_a_retried_task(client, sandbox, DEMO, KEY)
        assert len(sandbox.webhooks()) == 1, f"seed {seed}"


def _create_like_a_retried_task(client: PartneroClient, sandbox: Sandbox, content: dict[str, Any], key: str) -> Webhook:
    """What PartneroCreateWebhookOperator does over its tries."""
    for number in range(50):
        if number == 40:
            sandbox.chaos(0, 0)
        try:
            found = client.find_webhook(**content, key=key, is_ours=number > 0, by_content=number > 0)
            return found or client.create_webhook(**content, key=key)
        except PartneroConflictError:
            raise
        except PartneroError:
            continue
    raise AssertionError("no try succeeded")


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("taken_key", TAKEN_KEY)
def test_a_thousand_seeds_of_chaos_end_in_one_webhook_or_an_error_that_names_all_and_never_touch_anothers(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture, taken_key: Any, seeds: range
) -> None:
    """As the operator does it: each try has a client of its own, and tries but the first know that they are retries."""
    caplog.set_level(logging.CRITICAL)
    theirs = {**DEMO, "key": "theirs000001", "is_active": True, "signature": "s" * 16}
    for seed in seeds:
        sandbox.reset(Profile(taken_key=taken_key))
        sandbox.put_webhooks([theirs] * (seed % 2))
        sandbox.chaos(seed, 0.4)
        named = _try_until_settled(make_client, sandbox)
        left = {webhook["key"]: webhook for webhook in sandbox.webhooks()}
        assert left.pop(theirs["key"], theirs) == theirs, f"seed {seed}"
        assert len(left) <= 1 or taken_key in {"second", "ignored"}, f"seed {seed}"
        assert left.keys() <= set(named), f"seed {seed}"


def _try_until_settled(make_client: MakeClient, sandbox: Sandbox) -> list[str]:
    """The key of the webhook that is made in the end, or the keys that an error names."""
    for number in range(50):
        if number == 40:
            sandbox.chaos(0, 0)
        try:
            return [make_client(max_attempts=3).create_webhook(**DEMO, key=KEY, is_retry=number > 0).key]
        except (PartneroAmbiguousError, PartneroDuplicateError) as error:
            if error.keys:
                return list(error.keys)
        except PartneroConflictError:
            raise
        except PartneroError:
            continue
    raise AssertionError("no try succeeded")


@pytest.mark.parametrize("taken_key", ["second", "ignored"])
def test_threads_that_share_a_client_create_each_webhook_once(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    sandbox.chaos(7, 0.2)
    client = make_client()

    def work(worker: int) -> None:
        for number in range(5):
            name = f"w{worker}n{number}"
            _create_like_a_retried_task(client, sandbox, {**DEMO, "name": name}, name)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(webhook["name"] for webhook in sandbox.webhooks()) == [
        f"w{w}n{n}" for w in range(8) for n in range(5)
    ]


def test_a_lost_answer_to_a_post_without_a_key_is_ambiguous_and_not_repeated(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.fault(method="POST", drop="after", times=9)
    with pytest.raises(PartneroAmbiguousError, match="may have happened"):
        make_client().create_webhook(**DEMO)
    assert _methods(sandbox) == ["POST"]


@pytest.mark.parametrize("taken_key", ["409", "422"])
def test_when_a_taken_key_is_refused_an_equal_webhook_is_adopted(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    client = make_client()
    first = client.create_webhook(**DEMO, key=KEY)
    assert client.create_webhook(**DEMO, key=KEY) == first


@pytest.mark.parametrize("taken_key", ["409", "422"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Other"), ("url", "https://other.example/"), ("events", ["partner.deleted"]), ("is_active", False)],
)
def test_when_a_taken_key_is_refused_a_different_webhook_is_a_conflict_that_names_the_field(
    sandbox: Sandbox, make_client: MakeClient, taken_key: Any, field: str, value: Any
) -> None:
    sandbox.reset(Profile(taken_key=taken_key))
    client = make_client()
    client.create_webhook(**{**DEMO, field: value}, key=KEY)
    with pytest.raises(PartneroConflictError, match=field):
        client.create_webhook(**DEMO, key=KEY)
    assert len(sandbox.webhooks()) == 1


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"name": " Demo\t"}, {"name": "Demo"}),
        ({"name": "\u200b\ufeffDemo \u200e"}, {"name": "Demo"}),
        ({"events": ["partner.created", "partner.updated"]}, {"events": ["partner.updated", "partner.created"]}),
        ({"url": "HTTPS://Receiver.Example"}, {"url": "https://receiver.example/"}),
        ({"url": "https://receiver.example:443/x?A=b#c"}, {"url": "https://receiver.example/x?A=b#c"}),
        ({"url": "http://[FE80::1]:80"}, {"url": "http://[fe80::1]/"}),
        ({"url": "https://Me:Pw@receiver.example:8443"}, {"url": "https://Me:Pw@Receiver.example:8443/"}),
    ],
)
def test_a_webhook_that_the_server_rewrote_is_still_the_same(
    sandbox: Sandbox, make_client: MakeClient, asked: dict[str, Any], kept: dict[str, Any]
) -> None:
    sandbox.set_profile(Profile(taken_key="409"))
    sandbox.put_webhooks([{**DEMO, "is_active": True, "key": KEY, **kept}])
    assert make_client().create_webhook(**{**DEMO, **asked}, key=KEY).key == KEY
    assert make_client().find_webhook(**{**DEMO, **asked}, key="other", by_content=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/Demo",
        "https://receiver.example/demo",
        "https://receiver.example/Demo/",
        "https://receiver.example:8443/Demo",
        "https://me@receiver.example/Demo",
        "https://receiver.example/Demo?x",
        "http://[broken",
    ],
)
def test_a_url_of_another_resource_is_a_difference(sandbox: Sandbox, make_client: MakeClient, url: str) -> None:
    sandbox.put_webhooks([{**DEMO, "is_active": True, "key": KEY, "url": url}])
    with pytest.raises(PartneroConflictError, match="differs in url"):
        make_client().find_webhook(**{**DEMO, "url": "https://receiver.example/Demo"}, key=KEY)


@pytest.mark.parametrize(
    ("refusal", "looks"),
    [
        ({"message": "x", "errors": {"key": ["taken"]}}, True),
        ({"message": "The key has already been taken."}, True),
        ({"message": "The given data was invalid.", "errors": {"url": ["no key"]}}, False),
        ({"message": "Keyboard not found."}, False),
    ],
)
def test_a_422_is_about_the_key_when_its_errors_or_else_its_message_say_so(
    make_client: MakeClient, raw_server: RawServer, refusal: dict[str, Any], looks: bool
) -> None:
    existing = {"data": {**DEMO, "is_active": True, "key": KEY, "signature": "s" * 16}, "status": 1}
    is_posted: list[bool] = []

    def answer(request: bytes) -> bytes:
        if request.startswith(b"GET") and not is_posted:
            return http_answer(b"{}", status="404 Not Found")
        if request.startswith(b"GET"):
            return http_answer(existing)
        is_posted.append(True)
        return http_answer(refusal, status="422 Unprocessable Content")

    client = make_client(base_url=raw_server(answer))
    if looks:
        assert client.create_webhook(**DEMO, key=KEY).key == KEY
    else:
        with pytest.raises(PartneroValidationError):
            client.create_webhook(**DEMO, key=KEY)


def test_a_422_about_something_other_than_the_key_is_raised(sandbox: Sandbox, make_client: MakeClient) -> None:
    with pytest.raises(PartneroValidationError) as refused:
        make_client().create_webhook(**{**DEMO, "events": ["no.such.event"]}, key=KEY)
    assert "key" not in refused.value.errors
    assert _methods(sandbox) == ["GET", "GET", "POST"]


def test_a_webhook_that_is_not_active_yet_is_adopted_after_a_lost_answer(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.set_activation_delay(60)
    sandbox.fault(method="POST", drop="after")
    assert make_client().create_webhook(**DEMO, key=KEY).is_active is False
    assert len(sandbox.webhooks()) == 1


def test_when_looking_fails_too_the_outcome_is_ambiguous(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.fault(method="POST", drop="after")
    sandbox.fault(method="GET", skip=2, status=503, times=99)
    with pytest.raises(PartneroAmbiguousError, match=KEY):
        make_client(max_attempts=3).create_webhook(**DEMO, key=KEY)


def test_a_webhook_whose_key_partnero_ignored_has_its_real_key(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.reset(Profile(taken_key="ignored"))
    made = make_client().create_webhook(**DEMO, key=KEY)
    assert made.key != KEY
    assert made.key == sandbox.webhooks()[0]["key"]


@pytest.mark.parametrize(("is_ours", "by_content", "found"), [(False, False, False), (True, True, True)])
def test_the_list_is_searched_for_the_content_only_on_request(
    sandbox: Sandbox, make_client: MakeClient, is_ours: bool, by_content: bool, found: bool
) -> None:
    client = make_client()
    client.create_webhook(**DEMO)
    sandbox.clear_requests()
    webhook = client.find_webhook(**DEMO, key=KEY, is_ours=is_ours, by_content=by_content)
    assert (webhook is not None) is found
    assert len(sandbox.requests()) == (2 if by_content else 1)


def test_webhooks_that_others_create_meanwhile_do_not_disturb_the_search(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    sandbox.seed(15)
    new = {"name": "new", "url": "https://a.example/", "events": ["partner.created"]}
    sandbox.fault(path="^/webhooks$", page=1, times=99, mutate=[{"insert": new}])
    client = make_client(page_concurrency=1)
    for size in (10, 100):  # one page that is not full, and one that is
        sandbox.seed(size)
        sandbox.clear_requests()
        assert client.find_webhook(**DEMO, by_content=True) is None
        assert requested_pages(sandbox) == ([1] if size == 10 else [1, 2] * 2)


def test_the_search_ends_at_the_first_match(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(150)
    sandbox.put_webhooks([{**DEMO, "is_active": True, "key": KEY}])
    found = make_client(page_concurrency=1).find_webhook(**DEMO, by_content=True)
    assert found is not None
    assert found.key == KEY
    assert requested_pages(sandbox) == [1, 2]


def test_a_search_while_others_delete_webhooks_is_an_error(sandbox: Sandbox, make_client: MakeClient) -> None:
    sandbox.seed(150)
    for reading, victim in enumerate(sandbox.webhooks()[:3]):
        sandbox.fault(path="^/webhooks$", page=2, skip=reading, mutate=[{"delete": victim["key"]}])
    with pytest.raises(PartneroInconsistentReadError, match="being changed"):
        make_client(page_concurrency=1).find_webhook(**DEMO, by_content=True)


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_list_that_cannot_be_read_takes_no_more_than_half_of_the_time(raw_server: RawServer, is_lost: bool) -> None:
    """The list only helps if keys are ignored. The key can be looked up without it."""
    posted = threading.Event()
    webhook = json.dumps({"data": {"key": "k1", **DEMO, "is_active": True, "signature": "s" * 16}}).encode()

    def answer(request: bytes) -> bytes:
        if b"limit=" in request:
            return b""
        if request.startswith(b"POST"):
            posted.set()
            return http_answer(b"{}", status="504 Gateway Timeout") if is_lost else http_answer(webhook)
        return http_answer(webhook) if posted.is_set() else http_answer(b"{}", status="404 Not Found")

    now = [0.0]  # moves by waiting only, so that a busy machine is not too late

    def wait(seconds: float, _stopped: threading.Event) -> None:
        now[0] += seconds

    clock = Clock(lambda: now[0], wait, lambda _least, most: min(most, 0.5))
    with PartneroClient("token", raw_server(answer), max_attempts=1000, deadline=40, clock=clock) as client:
        assert client.create_webhook(**DEMO, key="k1").key == "k1"
    assert now[0] > 19  # the list was tried for half of the time
