"""Deliveries: who gets them, what they look like, how they are signed, and what happens when a receiver fails."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Delivery, Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import sealed
from airflow_provider_partnero.sandbox.postman import Postman

from .conftest import FOREVER, PATIENCE, Api, Received, Receiver, wait_for

DATA = {"name": "Zoë", "site": "https://shop.example/?a=1", "amount": 9.5, "none": None}


def hmac_sha256(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def subscribe(sandbox: Sandbox, receiver: Receiver, **fields: Any) -> None:
    webhook = {"key": "mine", "url": receiver.url, "signature": "uy51DfvoJ7mUm2Ua", "events": ["partner.created"]}
    sandbox.put_webhooks([{**webhook, **fields}])


def only(receiver: Receiver) -> Received:
    (received,) = receiver.received
    return received


def test_the_envelope_and_its_signature_are_as_documented(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    started = time.time()
    (delivery,) = sandbox.emit("partner.created", DATA)
    assert (delivery.webhook_key, delivery.url, delivery.event) == ("mine", receiver.url, "partner.created")
    assert (delivery.attempt, delivery.status, delivery.error) == (1, 200, None)
    assert started <= delivery.at <= time.time()
    received = only(receiver)
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Signature"] == hmac_sha256("uy51DfvoJ7mUm2Ua", received.body)
    envelope = json.loads(received.body)
    created_at = envelope.pop("created_at")
    assert list(envelope.items()) == [
        ("event", "partner.created"),
        ("url", receiver.url),
        ("webhook_key", "mine"),
        ("data", DATA),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created_at)
    assert datetime.fromtimestamp(started, UTC) <= datetime.fromisoformat(created_at) <= datetime.now(UTC)


def test_the_bytes_are_those_of_php(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    sandbox.emit("partner.created", DATA)
    body = only(receiver).body
    assert rb'"data":{"name":"Zo\u00eb","site":"https:\/\/shop.example\/?a=1","amount":9.5,"none":null}}' in body
    assert body != json.dumps(json.loads(body), separators=(",", ":")).encode()


def test_the_bytes_may_be_compact(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.reset(Profile(delivery_bytes="compact"))
    subscribe(sandbox, receiver)
    sandbox.emit("partner.created", DATA)
    received = only(receiver)
    assert '"data":{"name":"Zoë","site":"https://shop.example/?a=1"'.encode() in received.body
    assert received.headers["Signature"] == hmac_sha256("uy51DfvoJ7mUm2Ua", received.body)


def test_the_old_envelope_signs_reserialised_json(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.reset(Profile(envelope="old"))
    subscribe(sandbox, receiver)
    started = time.time()
    sandbox.emit("partner.created", DATA)
    received = only(receiver)
    envelope = json.loads(received.body)
    assert list(envelope) == ["event", "data", "timestamp"]
    assert int(started) <= envelope["timestamp"] <= time.time()
    assert "Signature" not in received.headers
    stringified = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode()
    assert received.headers["X-Partnero-Signature"] == hmac_sha256("uy51DfvoJ7mUm2Ua", stringified)
    assert received.headers["X-Partnero-Signature"] != hmac_sha256("uy51DfvoJ7mUm2Ua", received.body)


@pytest.mark.parametrize("events", [None, 7, "partner.created and more", {"partner.created": 1}])
def test_a_webhook_whose_events_are_not_a_list_gets_nothing(sandbox: Sandbox, events: object) -> None:
    sandbox.put_webhooks([{"events": events}])
    assert sandbox.emit("partner.created") == []


def test_only_active_webhooks_that_subscribe_to_an_event_get_it(sandbox: Sandbox, receiver: Receiver) -> None:
    webhooks: dict[str, dict[str, Any]] = {
        "yes": {},
        "also": {"events": ["lead.submitted", "partner.created"]},
        "inactive": {"is_active": False},
        "other": {"events": ["partner.updated"]},
        "none": {"events": []},
    }
    for key, fields in webhooks.items():
        subscribe(sandbox, receiver, key=key, **fields)
    assert sorted(delivery.webhook_key for delivery in sandbox.emit("partner.created")) == ["also", "yes"]
    assert len(receiver.received) == 2
    assert sandbox.emit("no.such") == []


def test_a_webhook_that_is_not_active_yet_gets_nothing(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set_activation_delay(FOREVER)
    assert api.create(url=receiver.url).status_code == 200
    assert sandbox.emit("partner.created") == []


@pytest.mark.parametrize("noun", ["partner", "customer", "transaction", "lead", "subscriber", "reward", "novelty"])
def test_an_event_without_data_gets_a_sample(sandbox: Sandbox, receiver: Receiver, noun: str) -> None:
    subscribe(sandbox, receiver, events=[f"{noun}.created"])
    sandbox.emit(f"{noun}.created")
    assert json.loads(only(receiver).body)["data"]


def test_people_in_a_sample_are_their_ids_and_rewards_a_list(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver, events=["transaction.created"])
    sandbox.emit("transaction.created")
    data = json.loads(only(receiver).body)["data"]
    assert (data["customer"], data["partner"]) == ("customer_1", "demo_partner")
    assert data["rewards"] == [{"customer": "customer_1", "partner": "demo_partner", "amount": 9.99}]


@pytest.mark.parametrize("data", [{}, [], 0, False, ""])
def test_empty_data_is_delivered_as_it_is(sandbox: Sandbox, receiver: Receiver, data: Any) -> None:
    subscribe(sandbox, receiver)
    sandbox.emit("partner.created", data)
    assert json.loads(only(receiver).body)["data"] == data


def test_a_failed_delivery_is_repeated_with_the_same_bytes_and_growing_waits(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    subscribe(sandbox, receiver)
    sandbox.set_delivery_backoff(0.03)
    receiver.statuses = [500, 302]
    attempts = sandbox.emit("partner.created", DATA)
    assert [(attempt.attempt, attempt.status) for attempt in attempts] == [(1, 500), (2, 302), (3, 200)]
    assert sandbox.deliveries() == attempts
    assert len({(received.body, received.headers["Signature"]) for received in receiver.received}) == 1
    first, second, third = (received.at for received in receiver.received)
    assert second - first >= 0.03
    assert third - second >= 0.3


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirect_is_followed_as_spaties_sender_does(sandbox: Sandbox, status: int, method: str) -> None:
    got: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
            self.send_response(status if self.path == "/old" else 200)
            self.send_header("Location", "/new")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server calls

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/old"
        sandbox.put_webhooks([{"key": "k", "url": url, "events": ["partner.created"], "is_active": True}])
        [attempt] = sandbox.emit("partner.created", DATA)
        server.shutdown()
    assert attempt.status == 200
    assert [(command, path) for command, path, _ in got] == [("POST", "/old"), (method, "/new")]
    assert (got[1][2] == got[0][2]) is (method == "POST")


def test_a_delivery_is_given_up_after_three_attempts(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    sandbox.set_delivery_backoff(0)
    receiver.statuses = [500] * 9
    assert [attempt.status for attempt in sandbox.emit("partner.created")] == [500, 500, 500]
    assert len(receiver.received) == 3


def deliver(receiver: Receiver, postman: Postman, count: int = 1) -> list[Delivery]:
    """What a postman reports of deliveries to the receiver."""
    webhook = {"key": "mine", "url": receiver.url, "is_active": True, "signature": "s", "events": ["partner.created"]}
    envelopes = sealed("partner.created", {}, [webhook] * count, Profile())

    async def send() -> list[Delivery]:
        postman.backoff = 0.0
        attempts = await postman.send(envelopes, wait=True)
        await postman.close()
        return attempts

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({"timeout": 0.1}, 0.1), pytest.param({}, 3, marks=pytest.mark.slow)],
    ids=["0.1 seconds", "3 seconds by default"],
)
def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    receiver: Receiver, options: dict[str, float], seconds: float
) -> None:
    receiver.statuses = [None]
    first, second, *_ = deliver(receiver, Postman(**options))
    assert (first.status, first.error) == (None, f"no answer within {seconds:g} seconds")
    assert second.at - first.at >= seconds


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://a.invalid/",
        "http://a\r\nb/",
        "http://xn--/",
        "no url",
        "http://[",
        "ftp://x.example",
        None,
    ],
)
def test_a_delivery_without_an_answer_is_logged_with_the_reason(sandbox: Sandbox, url: str | None) -> None:
    sandbox.put_webhooks([{"url": url}])
    sandbox.set_delivery_backoff(0)
    attempts = sandbox.emit("partner.created")
    assert [attempt.attempt for attempt in attempts] == [1, 2, 3]
    assert all(attempt.status is None and attempt.error for attempt in attempts)


def test_many_deliveries_go_out_a_hundred_at_a_time(receiver: Receiver) -> None:
    receiver.statuses = [None] * 150
    with ThreadPoolExecutor() as pool:
        attempts = pool.submit(deliver, receiver, Postman(timeout=PATIENCE), 150)
        wait_for(lambda: len(receiver.received) >= 100)
        time.sleep(0.2)  # the time for one too many to arrive
        receiver.released.set()
        assert [attempt.status for attempt in attempts.result()] == [200] * 150
    assert receiver.most_unanswered == 100


def test_emit_without_waiting_returns_before_the_receiver_answers(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    receiver.statuses = [None]
    assert sandbox.emit("partner.created", wait=False) == []
    wait_for(lambda: receiver.received)
    receiver.released.set()
    wait_for(lambda: 200 in [delivery.status for delivery in sandbox.deliveries()])


def test_a_receiver_may_call_the_api_before_it_answers(api: Api, sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    receiver.statuses = [None]
    with ThreadPoolExecutor() as pool:
        emitting = pool.submit(sandbox.emit, "partner.created")
        wait_for(lambda: receiver.received)
        assert api.get("/webhooks").status_code == 200
        assert not emitting.done()
        receiver.released.set()
        assert emitting.result()[-1].status == 200


def test_a_reset_gives_up_deliveries_under_way(sandbox: Sandbox, receiver: Receiver) -> None:
    subscribe(sandbox, receiver)
    sandbox.set_delivery_backoff(0.05)
    receiver.statuses = [500]
    sandbox.emit("partner.created", wait=False)
    sandbox.reset()
    time.sleep(0.2)
    assert sandbox.deliveries() == []
    assert len(receiver.received) <= 1
