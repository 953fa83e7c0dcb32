"""The control API and its client: what a test may change in a sandbox, and see of it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.sandbox import Profile, Sandbox, SandboxControl
from airflow_provider_partnero.sandbox.seeding import STEP, seed
from airflow_provider_partnero.sandbox.webhook_store import WebhookStore

from .conftest import FOREVER, PATIENCE, Api, fetch, wait_for


def test_seeded_webhooks_are_well_formed(sandbox: Sandbox) -> None:
    sandbox.seed(12)
    sandbox.seed(13, prefix="More")
    webhooks = [Webhook.from_api(webhook) for webhook in sandbox.webhooks()]
    assert [webhook.name for webhook in webhooks][11:13] == ["Webhook 12", "More 13"]
    assert len({webhook.key for webhook in webhooks}) == len({webhook.url for webhook in webhooks}) == 25
    assert all(webhook.is_active and webhook.events and webhook.url.startswith("https://") for webhook in webhooks)


def test_seeding_thousands_gives_others_their_turn() -> None:
    async def turns_of_others() -> int:
        seeding = asyncio.create_task(seed(store, 10_000, "Webhook"))
        turns = 0
        while not seeding.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    store = WebhookStore()
    assert asyncio.run(turns_of_others()) >= 10_000 // STEP
    assert [webhook["name"] for webhook in store.all()] == [f"Webhook {number}" for number in range(1, 10_001)]


def test_webhooks_are_put_without_validation(sandbox: Sandbox, api: Api) -> None:
    webhook = {
        "key": "odd/key", "name": "", "url": "http://plain.example", "is_active": False, "signature": "s", "events": [],
    }  # fmt: skip
    sandbox.put_webhooks([webhook])
    assert sandbox.webhooks() == [webhook]
    assert api.get("/webhooks/odd%2Fkey").json()["data"] == webhook


def test_a_put_webhook_gets_its_missing_fields_and_replaces_the_one_with_its_key(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "a"}, {"key": "b"}, {}])
    sandbox.put_webhooks(iter([{"key": "a", "name": "again"}]))
    first, second, third = sandbox.webhooks()
    assert (first["key"], first["name"], second["key"]) == ("a", "again", "b")
    assert (len(third["key"]), len(third["signature"]), third["is_active"]) == (12, 16, True)


def test_a_webhook_is_deleted_without_a_request_to_the_api(sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "a/b ?&%"}])
    sandbox.delete_webhook("a/b ?&%")
    assert (sandbox.webhooks(), sandbox.requests()) == ([], [])
    with pytest.raises(ValueError, match="no webhook has the key 'a'"):
        sandbox.delete_webhook("a")


def test_a_new_webhook_is_inactive_before_the_activation_delay_is_over(api: Api, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "before"}])
    sandbox.set_activation_delay(FOREVER)
    assert api.create(key="mine").json()["data"]["is_active"] is False
    assert api.call("PUT", "/webhooks/mine", json={"name": "x"}).json()["data"]["is_active"] is False
    assert [webhook["is_active"] for webhook in api.get("/webhooks").json()["data"]] == [True, False]
    assert api.get("/webhooks/mine").json()["data"]["is_active"] is False


def test_a_new_webhook_becomes_active_after_the_activation_delay(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_activation_delay(0.3)
    started = time.monotonic()
    api.create(key="mine")
    api.create(key="never", is_active=False)
    wait_for(lambda: api.get("/webhooks/mine").json()["data"]["is_active"])
    assert time.monotonic() - started >= 0.3
    sandbox.set_activation_delay(0)
    assert api.create(key="at once").json()["data"]["is_active"] is True
    assert [webhook["is_active"] for webhook in api.get("/webhooks").json()["data"]] == [True, False, True]


def test_every_request_takes_as_long_as_the_latency(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_latency(0.2)
    assert api.get("/webhooks").elapsed.total_seconds() >= 0.2
    assert api.create().elapsed.total_seconds() >= 0.2


def test_a_request_that_waits_holds_up_neither_another_nor_the_control() -> None:
    with ThreadPoolExecutor(10) as pool, Sandbox() as sandbox:
        sandbox.set_latency(FOREVER)
        waiting = [pool.submit(fetch, sandbox, "/webhooks") for _ in range(10)]
        wait_for(lambda: len(sandbox.requests()) == 10)
        sandbox.set_latency(0)
        assert fetch(sandbox, "/webhooks").status_code == 200
        assert [request.status for request in sandbox.requests()] == [None] * 10 + [200]
        assert not any(request.done() for request in waiting)


def test_requests_are_logged_as_they_came(api: Api, sandbox: Sandbox) -> None:
    api.get("/webhooks/a%2Fb%20c?x=1&x=2&y=%C3%A9&z=", headers={"X-Test": "yes"})
    api.create(name="é")
    wrong = {"Authorization": "Bearer no"}
    requests.post(f"{sandbox.base_url}/webhooks", data=b"no json", headers=wrong, timeout=PATIENCE)
    requests.get(f"{sandbox.root_url}/elsewhere", timeout=PATIENCE)
    first, second, third, fourth = sandbox.requests()
    assert (first.method, first.path, first.query, first.status) == (
        "GET", "/webhooks/a%2Fb%20c", {"x": "2", "y": "é", "z": ""}, 404,
    )  # fmt: skip
    assert (first.authorized, first.has_authorization, first.body) == (True, True, None)
    assert first.headers["x-test"] == "yes"
    assert "authorization" not in first.headers
    assert (second.method, second.path, second.status, second.body["name"]) == ("POST", "/webhooks", 200, "é")
    assert (third.authorized, third.has_authorization, third.status, third.body) == (False, True, 401, None)
    assert (fourth.path, fourth.status, fourth.has_authorization) == ("/elsewhere", 404, False)
    assert first.at <= second.at <= third.at <= fourth.at <= time.time()
    assert "Bearer" not in str([request.headers for request in sandbox.requests()])


def test_a_request_is_logged_before_it_is_answered() -> None:
    with ThreadPoolExecutor() as pool, Sandbox() as sandbox:
        sandbox.fault(delay=FOREVER)
        pool.submit(fetch, sandbox, "/webhooks")
        wait_for(sandbox.requests)
        assert [request.status for request in sandbox.requests()] == [None]


def test_the_log_can_be_cleared_and_does_not_hold_the_control(api: Api, sandbox: Sandbox) -> None:
    api.get("/webhooks")
    sandbox.webhooks()
    assert len(sandbox.requests()) == 1
    sandbox.clear_requests()
    assert sandbox.requests() == []


def test_a_reset_undoes_everything(api: Api, sandbox: Sandbox) -> None:
    sandbox.seed(3)
    sandbox.fault(status=503)
    sandbox.chaos(1, 1)
    sandbox.set_latency(FOREVER)
    sandbox.set_activation_delay(FOREVER)
    sandbox.reset(Profile(list_form="data"))
    assert (sandbox.webhooks(), sandbox.faults(), sandbox.requests(), sandbox.deliveries()) == ([], [], [], [])
    assert api.get("/webhooks").json() == {"data": []}
    assert api.create().json()["data"]["is_active"] is True


def test_a_second_control_works_on_the_same_sandbox(sandbox: Sandbox) -> None:
    with SandboxControl(sandbox.root_url + "/") as control:
        control.seed(2)
        assert control.webhooks() == sandbox.webhooks()
        assert len(control.webhooks()) == 2
    assert sandbox.control is sandbox


def test_a_control_may_be_used_from_several_threads(sandbox: Sandbox) -> None:
    threads = [threading.Thread(target=sandbox.put_webhooks, args=([{"key": str(n)}],)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(webhook["key"]) for webhook in sandbox.webhooks()) == list(range(20))


@pytest.mark.parametrize("method", ["set_latency", "set_activation_delay", "set_delivery_backoff", "seed"])
def test_a_negative_number_is_refused(sandbox: Sandbox, method: str) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        getattr(sandbox, method)(-1)


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/events", b"{", "the body is not JSON: Expecting property name"),
        ("POST", "/events", b'{"event": "partner.created", "payload": {}}', "payload: Unexpected keyword argument"),
        ("POST", "/reset", b'{"profil": {}}', "profil: Unexpected keyword argument"),
        ("POST", "/seed", b'{"count": 1, "name": "x"}', "name: Unexpected keyword argument"),
        ("POST", "/seed", b"{}", "count: "),
        ("PUT", "/latency", b'{"seconds": "soon"}', "seconds: Input should be a valid number"),
        ("PUT", "/webhooks", b'{"webhooks": [7]}', "webhooks.0: Input should be a valid dictionary"),
        ("POST", "/faults", b"[]", "the body: Input should be a dictionary"),
        ("POST", "/faults", b'{"status": 99}', "status is 99; allowed: 200 to 599"),
    ],
)
def test_a_wrong_call_is_refused_in_words_and_changes_nothing(
    sandbox: Sandbox, method: str, path: str, body: bytes, words: str
) -> None:
    sandbox.put_webhooks([{"key": "mine"}])
    url, headers = f"{sandbox.root_url}/_sandbox{path}", {"Content-Type": "application/json"}
    answer = requests.request(method, url, data=body, headers=headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["message"][: len(words)]) == (422, words)
    assert (len(sandbox.webhooks()), sandbox.faults(), sandbox.deliveries()) == (1, [], [])


def test_a_body_without_the_header_for_json_is_refused_and_the_header_named(sandbox: Sandbox) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl sends without -H
    for path, body in (("/events", b'{"event": "partner.created"}'), ("/faults", b'{"status": 503}')):
        answer = requests.post(f"{sandbox.root_url}/_sandbox{path}", data=body, headers=form, timeout=PATIENCE)
        assert (answer.status_code, "Content-Type: application/json" in answer.json()["message"]) == (422, True)


def test_the_control_api_answers_at_its_root_and_names_the_methods_it_supports(sandbox: Sandbox) -> None:
    sandbox.seed(3)
    for path in ("", "/health"):
        answer = requests.get(f"{sandbox.root_url}/_sandbox{path}", timeout=PATIENCE)
        assert answer.json() == {"status": 1, "webhooks": 3}
    answer = requests.post(f"{sandbox.root_url}/_sandbox/webhooks", timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PUT, DELETE")


def test_an_unknown_switch_of_the_profile_is_refused(sandbox: Sandbox) -> None:
    answer = requests.put(f"{sandbox.root_url}/_sandbox/profile", json={"taken_keys": "409"}, timeout=PATIENCE)
    assert answer.status_code == 422
    assert "taken_keys" in answer.json()["message"]


def test_the_error_says_that_no_sandbox_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        root_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=f"no sandbox answers at {root_url}"):
        SandboxControl(root_url).reset()


def test_the_environments_proxies_are_left_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert SandboxControl(sandbox.root_url).webhooks() == []
