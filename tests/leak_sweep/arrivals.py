"""Deliveries: genuine ones, amid a rotation, and what strangers send, with secrets where none belong."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from airflow_provider_partnero.sandbox import Profile
from airflow_provider_partnero.sandbox.deliveries import Envelope, sealed
from tests.e2e.apart import started
from tests.e2e.deliveries import PATH, TAKEN, settled
from tests.e2e.waiting import answer_of

from .home import Home
from .markers import drawn

EVENT = "transaction.created"
DRAINED = "raw"


def receiver_webhook(home: Home) -> dict[str, Any]:
    """The webhook that the example has registered, once it has."""

    def found() -> dict[str, Any] | None:
        return next((one for one in home.sandbox.webhooks() if one["url"] == home.cluster.address + PATH), None)

    webhook = home.cluster.wait_for(found, "the receiver's webhook")
    assert webhook
    return webhook


def arrive(home: Home) -> list[requests.Response]:
    """Deliver all there is; the answers."""
    webhook = receiver_webhook(home)
    address = home.cluster.address
    answers = [_post(address, envelope(home, webhook))]
    assert answers[0].json()["status"] in TAKEN
    rotated = webhook | {"signature": drawn(16)}
    home.marks.made.append(rotated["signature"])
    home.marks.previous.append(webhook["signature"])
    home.sandbox.put_webhooks([rotated])
    answers.append(_post(address, envelope(home, rotated)))
    assert answers[-1].json()["status"] in TAKEN
    answers += [_sent(address, *one) for one in _strange(home, rotated, webhook)]
    refused = {answer.status_code for answer in answers[2:]}
    assert refused <= {400, 401, 404, 413, 503}, refused
    kept = rotated | {"key": "keptKey", "signature": home.marks.kept}
    answers.append(_post(address, envelope(home, kept), PATH.replace("partnero_default", "kept")))
    assert answers[-1].json()["status"] in TAKEN | {"unrouted"}
    return answers


def apart(home: Home) -> list[requests.Response]:
    """The same webhook delivers to a receiver apart, and raw deliveries are drained."""
    webhook = receiver_webhook(home)
    environment = home.cluster.environment
    with started(environment, home.folder / "receiver.log") as receiver:
        receiver.wait_until_ready()
        own = webhook | {"url": receiver.address + PATH}
        answers = [_post(receiver.address, envelope(home, own))]
        assert answers[0].json()["status"] in TAKEN
        answers += [_sent(receiver.address, *one) for one in _strange(home, own, own)]
        answers += [answer_of("GET", receiver.address + path) for path in ("/healthz", "/readyz", "/", "/partnero")]
        receiver.terminate()
    folder = home.folder / DRAINED
    folder.mkdir()
    for name, one in {"1": envelope(home, webhook), "2": envelope(home, webhook | {"signature": drawn()})}.items():
        _leave(folder / name, one)
    (folder / "3").write_text(home.marks.token)
    module = "airflow_provider_partnero.standalone.arguments"
    said = home.forks.run(module, "sys.argv[1:]", "partnero-receiver", "drain", f"file://{folder}")
    assert said.code == "2", said
    return answers


def envelope(home: Home, webhook: Mapping[str, Any]) -> Envelope:
    """A delivery with a customer in it."""
    [one] = sealed(EVENT, home.marks.transaction() | {"nonce": drawn()}, [webhook], Profile())
    return one


def _post(address: str, one: Envelope, path: str = PATH) -> requests.Response:
    return settled(lambda: answer_of("POST", address + path, data=one.body, headers=dict(one.headers)))


def _sent(address: str, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
    return answer_of("POST", address + path, data=body, headers=dict(headers))


def _strange(
    home: Home, webhook: dict[str, Any], previous: dict[str, Any]
) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Forged, too large, not JSON, and secrets where somebody who mistakes one thing for another puts them."""
    marks = home.marks
    customer = {"key": marks.forged, "email": marks.forged, "name": marks.forged}
    [forged] = sealed(EVENT, customer, [webhook | {"signature": drawn()}], Profile())
    yield PATH, forged.body, dict(forged.headers)
    if previous["signature"] != webhook["signature"]:
        [late] = sealed(EVENT, customer, [previous], Profile())
        yield PATH, late.body, dict(late.headers)
    plain = {"Content-Type": "application/json"}
    signed = plain | {"Signature": "0" * 64}
    yield PATH, forged.body + b" " * 300_000, signed
    yield PATH, f"{marks.forged} {marks.token}".encode(), signed
    yield PATH, forged.body, plain | {"Signature": webhook["signature"]}
    old = {"X-Partnero-Signature": webhook["signature"], "Authorization": f"Bearer {marks.token}"}
    yield PATH, forged.body, plain | old
    yield PATH, forged.body, signed | {"Cookie": f"token={marks.token}", "User-Agent": webhook["signature"]}
    confused = json.loads(forged.body) | {"webhook_key": marks.misplaced, "event": marks.token}
    yield PATH, json.dumps(confused).encode(), signed
    yield f"/partnero/webhooks/{marks.misplaced}", forged.body, signed


def _leave(path: Path, one: Envelope) -> None:
    stored = {"path": PATH, "headers": dict(one.headers), "body_base64": b64encode(one.body).decode()}
    path.write_text(json.dumps(stored))
