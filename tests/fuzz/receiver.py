"""The receiver: whatever arrives, what is accepted is signed, is recorded once, and can be stored."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.ledger.keeping import unpack
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, PROBED, Answer
from airflow_provider_partnero.plugin.receiver.door import Door, delivered_to
from airflow_provider_partnero.plugin.receiver.receiver import Receiver, ReceiverLimits
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.transaction import PreparedJob
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.receiver_webhooks import ReceiverWebhooks
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry
from airflow_provider_partnero.webhooks.delivery import KeptFields, Store
from airflow_provider_partnero.webhooks.storable import DEEPEST
from tests.fuzz.package_log import logged

CONN_ID = "partnero_default"
SECRETS = {"oursKey": "sEcReToFoUrS0001", "secondKey": "sEcReToFsEcOnD02"}
PERSON = "zoe@person.example"
LARGEST = 2_048  # bytes of a body
NOW = datetime(2026, 5, 7, 10, 30, tzinfo=UTC)
STORES: tuple[Store, ...] = ("full", "data-keys", "ids", KeptFields(("url", "data.key", "data.partner.email")))

_LONGEST_LINE = 2_000  # characters of the log
_LONGEST_ANSWER = 200  # bytes
_GOOD_EVENT = re.compile(r"[a-z]{1,40}\.[a-z]{1,40}")
_GOOD_TIME = re.compile(r"2026-05-0[4-7]T[01]\d:[0-5]\d:[0-5]\d\.\d{6}Z")
_LIMITS = ReceiverLimits(deadline=60.0)


@dataclass(frozen=True)
class Sent:
    """A request: a letter that says how it is sent, the path, headers, an empty line, and the body.

    :param signed_by: the webhook whose secret signs the body in place of the headers' own signature; empty: none.
    :param hangs_up: whether the sender hangs up before the body.
    """

    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    signed_by: str
    hangs_up: bool
    store: Store

    @classmethod
    def of(cls, data: bytes) -> Sent:
        head, _, body = data[1:].partition(b"\n\n")
        how = data[0] if data else 0
        path, *lines = head.split(b"\n")
        headers = [(name, value.strip(b" ")) for name, _, value in (line.partition(b":") for line in lines)]
        signed_by = ("", "oursKey", "secondKey", "oursKey")[how & 3]
        if signed_by:
            headers = [(name, value) for name, value in headers if name.lower() != b"signature"]
            headers.append((b"signature", signature(body, SECRETS[signed_by]).encode()))
        store = STORES[how >> 3 & 3]
        return cls(path.decode("latin-1"), tuple(headers), body, signed_by, how & 7 == 4, store)

    @property
    def scope(self) -> dict[str, Any]:
        return {"type": "http", "method": "POST", "path": self.path, "root_path": "/partnero", "headers": self.headers}

    def values(self, name: bytes) -> list[bytes]:
        return [value for own, value in self.headers if own.lower() == name]

    @property
    def signers(self) -> list[str]:
        """The webhooks whose secret has made the only signature."""
        given = [value.decode("latin-1") for value in self.values(b"signature")]
        return [key for key, secret in SECRETS.items() if given == [signature(self.body, secret)]]


def signature(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Ledger:
    """Records as the database does, with all that is prepared for it."""

    rows: dict[tuple[str, str], PreparedJob] = field(default_factory=dict)

    async def record(self, job: Job) -> Answer:
        prepared = PreparedJob.of(job)
        if prepared.key in self.rows:
            return DUPLICATE
        self.rows[prepared.key] = prepared
        return ACCEPTED


def check(data: bytes) -> None:
    """Deliver a request twice to one process and once to another, and look at the answers, the ledger and the log."""
    sent, ledger, registry = Sent.of(data), Ledger(), _registry()
    if delivered_to(sent.scope) is None:
        return
    with logged() as lines:
        first, second, elsewhere = _loop().run_until_complete(_deliver(sent, ledger, registry))
    words = [_words(answer) for answer in (first, second, elsewhere)]
    _check_lines(lines, sent)
    assert words[0] == words[1] or (words[0], words[1]) == ("accepted", "duplicate"), words
    assert words[2] == words[1], words
    assert len(ledger.rows) == (words[0] == "accepted"), "accepted and recorded are the same"
    if words[0] in {ACCEPTED.words, PROBED.words}:
        assert sent.signers, "accepted without a signature that is right"
    for prepared in ledger.rows.values():
        _check_row(prepared, sent)
    if _is_plainly_good(sent):
        assert words[0] == "accepted", f"a good delivery is {words[0]}"


async def _deliver(sent: Sent, ledger: Ledger, registry: SignerRegistry) -> list[list[dict[str, Any]]]:
    one, other = (_receiver(sent.store, ledger, registry) for _ in range(2))
    return [await _exchange(receiver, sent) for receiver in (one, one, other)]


def _receiver(store: Store, ledger: Ledger, registry: SignerRegistry) -> Receiver:
    settings = ReceiverSettings(
        enabled=True, connections=frozenset({CONN_ID}), store=store, max_body=LARGEST, keep_days=91
    )
    return Receiver(settings, ledger.record, registry, _fine, _LIMITS, lambda: 1_000.0, lambda: NOW)


async def _exchange(receiver: Receiver, sent: Sent) -> list[dict[str, Any]]:
    messages = [{"type": "http.disconnect"}] if sent.hangs_up else [{"type": "http.request", "body": sent.body}]
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    conn_id = delivered_to(sent.scope)
    assert conn_id is not None
    await Door(receiver.receive).take(conn_id, sent.scope, receive, send)
    return answered


async def _fine() -> str:
    return "ok"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _registry() -> SignerRegistry:
    connection = SigningConnection(CONN_ID, Secret("token"), "https://partnero.example/v1", True, ())
    webhooks = ReceiverWebhooks(CONN_ID, {key: Secret(secret) for key, secret in SECRETS.items()})
    registry = SignerRegistry(frozenset({CONN_ID}), lambda _: connection, lambda _: webhooks, lambda: 1_000.0)
    _loop().run_until_complete(_read_once(registry))
    return registry


async def _read_once(registry: SignerRegistry) -> None:
    """Use up what may be read at this moment, so that no input depends on those before it."""
    signers = await registry.signers(CONN_ID)
    assert signers
    await signers.candidates(None)
    await signers.refreshed(None)


def _words(answered: list[dict[str, Any]]) -> str:
    start, end = answered
    body = end["body"]
    assert len(body) <= _LONGEST_ANSWER
    words = json.loads(body)["status"]
    assert isinstance(words, str)
    assert (start["status"] < 300) == (words in {"accepted", "duplicate", "unrouted", "probe"})
    return words


def _check_lines(lines: list[str], sent: Sent) -> None:
    for line in lines:
        assert "a fault of this package" not in line, line
        assert line.isprintable(), repr(line)
        assert len(line) <= _LONGEST_LINE, f"{len(line)} characters in the log"
        for secret in (*SECRETS.values(), *(signature(sent.body, one) for one in SECRETS.values())):
            assert secret not in line or secret.encode() in _named(sent), "a secret is in the log"
        assert PERSON not in line or PERSON.encode() in _named(sent), "a payload is in the log"


def _named(sent: Sent) -> bytes:
    """What the log may name: the path, headers, event and webhook key; everything, if these are hard to find."""
    everything = repr((sent.path, sent.headers, sent.body))
    try:
        envelope = json.loads(sent.body)
    except (ValueError, RecursionError):
        return everything.encode()
    if b"\\u" in sent.body or any(sent.body.count(b'"%b"' % name) > 1 for name in (b"event", b"webhook_key")):
        return everything.encode()
    names = [envelope.get(name) for name in ("event", "webhook_key")] if isinstance(envelope, dict) else []
    return repr((sent.path, sent.headers, names)).encode()


def _check_row(prepared: PreparedJob, sent: Sent) -> None:
    delivery, extra = prepared.job.delivery, prepared.extra
    assert delivery.delivery_id == hashlib.sha256(sent.body).hexdigest(), "another body than that which was sent"
    assert delivery.webhook_key in sent.signers, "signed with the secret of another webhook"
    assert delivery.event.isprintable()
    assert unpack(prepared.kept) == extra, "what is kept comes back changed"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(extra)) == extra, "a task is given something else"
    json.dumps(extra, allow_nan=False, ensure_ascii=False).encode()
    _check_storable(extra, DEEPEST + 1)
    try:
        plain = json.loads(sent.body)
    except (ValueError, RecursionError):
        assert "deep parts" in delivery.changed, "what is no JSON is recorded"  # they are text, and not looked into
        return
    assert delivery.event == plain["event"] or not plain["event"].isprintable()
    if sent.store == "full" and not delivery.changed:
        assert extra["data"] == plain.get("data"), "the data are kept otherwise than they were sent"
    if sent.store == "ids":
        assert not {"data", "url"} & extra.keys(), "more is kept than was asked for"


def _check_storable(value: Any, levels: int) -> None:
    assert levels >= 0, "nested too deeply"
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_storable(name, 0)
            _check_storable(inner, levels - 1)
            assert not name.startswith("__"), f"a reserved name is stored: {name!r}"
    elif isinstance(value, list):
        for inner in value:
            _check_storable(inner, levels - 1)
    elif isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63


def _is_plainly_good(sent: Sent) -> bool:
    """Whether nobody could find a reason to refuse the request; judged apart from the receiver."""
    if sent.hangs_up or len(sent.body) > LARGEST or sent.path != f"/partnero/webhooks/{CONN_ID}":
        return False
    names = sorted(name.lower() for name, _ in sent.headers if name.lower() != b"x-other")
    if names != [b"content-type", b"signature"] or sent.values(b"content-type") != [b"application/json"]:
        return False
    try:
        pairs = json.loads(sent.body.decode(), object_pairs_hook=list, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    if not (isinstance(pairs, list) and pairs and all(isinstance(pair, tuple) for pair in pairs)):
        return False
    said = dict(pairs)
    if len(said) < len(pairs) or said.get("webhook_key") not in sent.signers:
        return False
    event, created_at = said.get("event"), said.get("created_at")
    is_event = isinstance(event, str) and _GOOD_EVENT.fullmatch(event) is not None and "probe" not in event
    return is_event and isinstance(created_at, str) and _is_recent(created_at)


def _is_recent(text: str) -> bool:
    if not _GOOD_TIME.fullmatch(text):
        return False
    return datetime.fromisoformat(text) < NOW + timedelta(hours=12)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
