"""The receiver against a Partnero over HTTP: what is let in, what is kept out, and what nobody may read in the log."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from airflow_provider_partnero.api.models import Secret
from airflow_provider_partnero.hooks.connection import SigningSecret
from airflow_provider_partnero.plugin.receiver.answers import (
    ACCEPTED,
    DUPLICATE,
    FLOODED,
    MALFORMED,
    NOT_JSON,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNKNOWN,
    UNROUTED,
    Answer,
    RefusedError,
)
from airflow_provider_partnero.plugin.receiver.receiver import LIMITS, Receiver, ReceiverLimits
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection
from airflow_provider_partnero.plugin.receiver.signers.registry import SignerRegistry
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import sealed
from airflow_provider_partnero.webhooks.delivery import PROBE_EVENT, PartneroDelivery, Store

HANG = 60.0  # seconds; bounds a test that has failed already
PATIENT = ReceiverLimits(deadline=HANG, remembered=0)  # for tests that are not about the deadline, nor about copies
HURRIED = ReceiverLimits(deadline=0.1)
LARGEST = 262_144  # bytes
CONN_ID = "partnero_default"
SETTINGS = ReceiverSettings(
    enabled=True, connections=frozenset({CONN_ID}), store="full", max_body=LARGEST, keep_days=91
)
EVENT = "partner.created"
SECRET = "sEcReToFoUrS0001"
OTHER_SECRET = "sEcReToFtHeIrS02"
NEW_SECRET = "sEcReTrOtAtEd003"
OURS = {
    "key": "oursKey",
    "url": f"https://airflow.example/partnero/webhooks/{CONN_ID}",
    "events": [EVENT],
    "signature": SECRET,
}
THEIRS = {**OURS, "key": "theirsKey", "url": "https://crm.example/x", "signature": OTHER_SECRET}
PERSON = {"email": "zoe@person.example", "name": "Zoë / Partner", "id": 7}
Body = Callable[[], AsyncIterator[bytes]]
PRIVATE = (SECRET, OTHER_SECRET, NEW_SECRET, "demo", "person.example", "Partner\\", "Zo")


@dataclass(frozen=True)
class Request:
    """What arrives at the receiver."""

    headers: dict[str, list[str]]
    body: bytes

    def with_headers(self, **values: list[str] | None) -> Request:
        headers = self.headers | {name.replace("_", "-"): value or [] for name, value in values.items()}
        return replace(self, headers={name: value for name, value in headers.items() if value})

    def signed(self, secret: str) -> Request:
        return self.with_headers(signature=[_signature(self.body, secret)])

    def with_fields(self, **fields: Any) -> Request:
        envelope = json.loads(self.body) | fields
        return replace(self, body=json.dumps(envelope).encode())

    @property
    def signature(self) -> str:
        [value] = self.headers["signature"]
        return value

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 65_536):
            yield self.body[start : start + 65_536]


EMPTY = Request({"content-type": ["application/json"]}, b"")


@dataclass
class Book:
    """Keeps what it is given to record."""

    answer: Callable[[], Answer] = lambda: ACCEPTED
    kept: list[Job] = field(default_factory=list)

    async def record(self, job: Job) -> Answer:
        answer = self.answer()
        self.kept.append(job)
        return answer


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _fine() -> str:
    return "ok"


def _signature(body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def _delivery(sandbox: Sandbox, *, key: str = "oursKey", data: Any = PERSON, at: datetime | None = None) -> Request:
    [envelope] = [one for one in sealed(EVENT, data, sandbox.webhooks(), Profile(), at) if one.webhook_key == key]
    return Request({name.lower(): [value] for name, value in envelope.headers.items()}, envelope.body)


def _connection(
    sandbox: Sandbox, *signing_secrets: SigningSecret, timeout: tuple[float, float] = (HANG, HANG)
) -> SigningConnection:
    return SigningConnection(
        CONN_ID,
        Secret(sandbox.token),
        sandbox.base_url,
        verify=True,
        signing_secrets=signing_secrets,
        timeout=timeout,
    )


def _receiver(
    connection: SigningConnection,
    book: Book,
    clock: Clock | None = None,
    store: Store = "full",
    limits: ReceiverLimits = PATIENT,
) -> Receiver:
    clock = clock or Clock()
    registry = SignerRegistry(frozenset({CONN_ID}), lambda _: connection, clock=clock)
    return Receiver(replace(SETTINGS, store=store), book.record, registry, _fine, limits, clock)


async def _answers(receiver: Receiver, requests: Iterable[Request], conn_id: str = CONN_ID) -> list[Answer]:
    return [await receiver.receive(conn_id, request.headers, request.chunks) for request in requests]


def _receive(receiver: Receiver, *requests: Request, conn_id: str = CONN_ID) -> list[Answer]:
    return asyncio.run(_answers(receiver, requests, conn_id))


async def _at_once(receiver: Receiver, requests: Iterable[Request], before: Iterable[Request] = ()) -> list[Answer]:
    await _answers(receiver, before)
    return await asyncio.gather(*(receiver.receive(CONN_ID, request.headers, request.chunks) for request in requests))


async def _answer(receiver: Receiver, request: Request, body: Body) -> Answer:
    async with asyncio.timeout(HANG):
        return await receiver.receive(CONN_ID, request.headers, body)


async def _never_ends() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def _drips() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


async def _suspended() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(3):
        await asyncio.sleep(0)


def _asked(sandbox: Sandbox) -> list[str]:
    return [f"{request.method} {request.path}" for request in sandbox.requests()]


def _logged(records: Iterable[logging.LogRecord]) -> str:
    return "\n".join(map(logging.Formatter().format, records))


@pytest.fixture(autouse=True)
def nothing_private_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does: no secret, token or data, and nothing that could pass for another line."""
    caplog.set_level(logging.DEBUG, logger="airflow_provider_partnero")
    yield
    records = caplog.get_records("call")
    text = _logged(records)
    assert [private for private in PRIVATE if private in text] == []
    assert [message for message in (record.getMessage() for record in records) if not message.isprintable()] == []


@pytest.fixture
def partnero(sandbox: Sandbox) -> Sandbox:
    """It has two webhooks, of which one leads here."""
    sandbox.put_webhooks([OURS, THEIRS])
    return sandbox


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def receiver(partnero: Sandbox, book: Book) -> Receiver:
    """One that asks Partnero for the secrets."""
    return _receiver(_connection(partnero), book)


def test_a_good_delivery_is_accepted_and_recorded_once(partnero: Sandbox, receiver: Receiver, book: Book) -> None:
    request = _delivery(partnero)
    assert _receive(receiver, request) == [ACCEPTED]
    expected = PartneroDelivery.from_body(request.body)
    assert book.kept == [Job(CONN_ID, expected, "full")]
    assert expected.data == PERSON
    assert _asked(partnero) == ["GET /webhooks"]


@pytest.mark.parametrize("store", ["full", "data-keys", "ids"])
def test_the_job_says_how_much_to_keep(partnero: Sandbox, book: Book, store: Store) -> None:
    assert _receive(_receiver(_connection(partnero), book, store=store), _delivery(partnero)) == [ACCEPTED]
    assert [job.store for job in book.kept] == [store]


@pytest.mark.parametrize("delivery_bytes", ["php", "compact"])
def test_the_bytes_may_be_written_in_any_way_that_is_signed(
    partnero: Sandbox, receiver: Receiver, delivery_bytes: Any
) -> None:
    [envelope, _] = sealed(EVENT, PERSON, partnero.webhooks(), Profile(delivery_bytes=delivery_bytes))
    headers = {name.lower(): [value] for name, value in envelope.headers.items()}
    indented = json.dumps(json.loads(envelope.body), indent=4).encode()
    requests = [Request(headers, envelope.body), Request(headers, indented).signed(SECRET)]
    assert _receive(receiver, *requests) == [ACCEPTED, ACCEPTED]


def test_the_secret_is_asked_for_once_for_deliveries_that_arrive_at_once(
    partnero: Sandbox, receiver: Receiver, book: Book
) -> None:
    requests = [_delivery(partnero, data={"number": number}) for number in range(100)]
    assert asyncio.run(_at_once(receiver, requests, before=[EMPTY])) == [ACCEPTED] * 100
    assert len({job.delivery.delivery_id for job in book.kept}) == 100
    assert _asked(partnero) == ["GET /webhooks"]


def test_the_secret_is_asked_for_once_when_the_very_first_deliveries_arrive_at_once(
    partnero: Sandbox, receiver: Receiver
) -> None:
    assert asyncio.run(_at_once(receiver, [_delivery(partnero)] * 20)) == [ACCEPTED] * 20
    assert _asked(partnero) == ["GET /webhooks"]


def test_two_hundred_deliveries_at_the_very_start_are_all_accepted(partnero: Sandbox, book: Book) -> None:
    receiver = _receiver(_connection(partnero, SigningSecret(Secret(SECRET))), book)
    assert asyncio.run(_at_once(receiver, [_delivery(partnero)] * 200)) == [ACCEPTED] * 200


@pytest.mark.parametrize("answer", [ACCEPTED, DUPLICATE, UNROUTED], ids=lambda answer: answer.words)
def test_what_the_recording_answers_is_the_answer_and_is_counted(partnero: Sandbox, answer: Answer) -> None:
    receiver = _receiver(_connection(partnero), Book(lambda: answer))
    forged = _delivery(partnero).signed("guess")
    assert _receive(receiver, _delivery(partnero), forged, _delivery(partnero)) == [answer, UNAUTHORIZED, answer]
    assert receiver.answered == {answer.words: 2, "unauthorized": 1}


FORGERIES: dict[str, Callable[[Request], Request]] = {
    "no header": lambda good: good.with_headers(signature=None),
    "the old header": lambda good: good.with_headers(signature=None, x_partnero_signature=[good.signature]),
    "doubled": lambda good: good.with_headers(signature=[good.signature] * 2),
    "a good one and a bad one": lambda good: good.with_headers(signature=[good.signature, "0" * 64]),
    "upper case": lambda good: good.with_headers(signature=[good.signature.upper()]),
    "truncated": lambda good: good.with_headers(signature=[good.signature[:-1]]),
    "longer": lambda good: good.with_headers(signature=[good.signature + "0"]),
    "sha256=": lambda good: good.with_headers(signature=[f"sha256={good.signature}"]),
    "spaces around": lambda good: good.with_headers(signature=[f" {good.signature} "]),
    "a line break after": lambda good: good.with_headers(signature=[f"{good.signature}\n"]),
    "empty": lambda good: good.with_headers(signature=[""]),
    "not ASCII": lambda good: good.with_headers(signature=["é" * 64]),
    "a lone surrogate": lambda good: good.with_headers(signature=["\udce9" * 64]),
    "wrong secret": lambda good: good.signed("guess"),
    "empty secret": lambda good: good.signed(""),
    "another webhook's secret": lambda good: good.signed(OTHER_SECRET),
    "another webhook's key": lambda good: good.with_fields(webhook_key="theirsKey").signed(SECRET),
    "written again": lambda good: replace(good, body=json.dumps(json.loads(good.body)).encode()),
    "one space more": lambda good: replace(good, body=good.body + b" "),
    "another body": lambda good: good.with_fields(data={"amount": 1_000_000}),
    "the signature of nothing": lambda good: good.with_headers(signature=[_signature(b"", SECRET)]),
    "unknown key": lambda good: good.with_fields(webhook_key="nobodysKey").signed(SECRET),
    "a key in another case": lambda good: good.with_fields(webhook_key="OURSKEY").signed(SECRET),
    "a key with a question mark": lambda good: good.with_fields(webhook_key="oursKey?a=b").signed("guess"),
    "a key that says percent": lambda good: good.with_fields(webhook_key="oursKey%2F..").signed("guess"),
    "a key with NUL": lambda good: good.with_fields(webhook_key="oursKey\0").signed("guess"),
    "too old": lambda good: good.with_fields(created_at="2020-01-01T00:00:00.000000Z").signed(SECRET),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_delivery_is_unauthorized_whatever_is_wrong_and_leaves_nothing(
    partnero: Sandbox, book: Book, forge: Callable[[Request], Request]
) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    good = _delivery(partnero)
    forged = forge(good)
    assert _receive(receiver, forged, good) == [UNAUTHORIZED, ACCEPTED]
    clock.now += 10  # the list may be read again
    assert _receive(receiver, forged) == [UNAUTHORIZED]
    assert len(book.kept) == 1
    assert receiver.answered == {"unauthorized": 2, "accepted": 1}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_delivery_is_unauthorized_with_listed_secrets_too(
    partnero: Sandbox, book: Book, forge: Callable[[Request], Request]
) -> None:
    listed = [SigningSecret(Secret(SECRET), "oursKey"), SigningSecret(Secret(OTHER_SECRET), "theirsKey")]
    receiver = _receiver(_connection(partnero, *listed), book)
    assert _receive(receiver, forge(_delivery(partnero))) == [UNAUTHORIZED]
    assert book.kept == []


@pytest.mark.parametrize("key", ["ours/Key", ".", "..", "../webhooks"])
def test_a_key_that_no_webhook_can_have_is_unauthorized_as_any_unknown_key(
    partnero: Sandbox, receiver: Receiver, key: str
) -> None:
    assert _receive(receiver, _delivery(partnero).with_fields(webhook_key=key).signed("guess")) == [UNAUTHORIZED]


def test_why_a_delivery_was_refused_is_in_the_log_only(
    partnero: Sandbox, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    good = _delivery(partnero)
    rewritten = FORGERIES["written again"](good)
    _receive(receiver, good, rewritten, good.with_headers(signature=None), FORGERIES["unknown key"](good))
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert all(line.startswith(f'A delivery to "{CONN_ID}" was answered ') for line in told)
    for line, words in zip(
        told, ["parsed the body and wrote it again", "no Signature header", "nobodysKey"], strict=True
    ):
        assert words in line


def test_a_flood_of_forgeries_is_diagnosed_thirty_times_a_minute(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    forged = _delivery(partnero).signed("guess")
    for minute in range(1, 3):
        assert set(_receive(receiver, *[forged] * 100)) == {UNAUTHORIZED}
        explained = [record for record in caplog.records if "or the delivery is forged" in record.getMessage()]
        assert len(explained) == 30 * minute
        clock.now += 60


def test_a_flood_of_refusals_leaves_thirty_lines_a_minute_for_each_answer_and_their_number(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    nonsense = replace(_delivery(partnero), body=b"")
    assert set(_receive(receiver, *[nonsense] * 500)) == {MALFORMED}
    assert set(_receive(receiver, *[nonsense] * 500, conn_id="nobody")) == {UNKNOWN}
    assert len(caplog.records) == 60
    clock.now += 60
    _receive(receiver, nonsense, nonsense)
    [summary, plain] = [record.getMessage() for record in caplog.records[60:]]
    assert summary == f"{plain} (470 more before it)"
    assert receiver.answered == {"malformed": 502, "unknown": 500}


def test_forgeries_take_no_line_of_the_log_from_a_sender_that_is_proven(
    partnero: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Answer:
        raise RefusedError(UNAVAILABLE, "the database is out")

    receiver = _receiver(_connection(partnero), Book(refuse))
    made_up = [_delivery(partnero).with_fields(webhook_key=f"madeUp{number}") for number in range(100)]
    assert _receive(receiver, *made_up)[1:] == [UNAVAILABLE] * 99
    caplog.clear()
    assert _receive(receiver, _delivery(partnero)) == [UNAVAILABLE]
    assert "the database is out" in caplog.text


def test_a_webhook_without_a_secret_lets_nobody_in(partnero: Sandbox, receiver: Receiver) -> None:
    partnero.put_webhooks([OURS | {"signature": ""}])
    assert _receive(receiver, _delivery(partnero), _delivery(partnero).signed(SECRET)) == [UNAUTHORIZED, UNAVAILABLE]


def _mutated(value: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(value))
    end = start + chance.choice([1, 1, 1, 2, 8])
    piece = value[start:end]
    flipped = bytes([piece[0] ^ 1 << chance.randrange(8)]) + piece[1:]
    put = chance.choice([flipped, chance.randbytes(1) + piece, b"", piece + piece])
    return value[:start] + put + value[end:]


@pytest.mark.large
def test_of_ten_thousand_deliveries_changed_by_a_byte_none_is_accepted(
    partnero: Sandbox, receiver: Receiver, book: Book
) -> None:
    chance = random.Random(20260507)
    good = _delivery(partnero)

    def mutants() -> Iterator[Request]:
        while True:
            if chance.random() < 0.7:
                mutant = replace(good, body=_mutated(good.body, chance))
            else:
                header = _mutated(good.signature.encode(), chance).decode("latin-1")
                mutant = good.with_headers(signature=[header])
            if mutant != good:
                yield mutant

    answers = _receive(receiver, good, *islice(mutants(), 10_000), good)
    assert (answers[0], answers[-1]) == (ACCEPTED, ACCEPTED)
    assert set(answers[1:-1]) <= {UNAUTHORIZED, MALFORMED, FLOODED, UNAVAILABLE}
    assert [job.delivery for job in book.kept] == [PartneroDelivery.from_body(good.body)] * 2


@pytest.mark.parametrize("conn_id", ["nobody", "", "../x", "a" * 10_000, "x\r\nFAKE log line", "\x1b[31m", "é\udce9"])
def test_a_connection_that_does_not_exist_is_unknown_before_anything_is_verified(
    partnero: Sandbox, receiver: Receiver, book: Book, caplog: pytest.LogCaptureFixture, conn_id: str
) -> None:
    assert (
        _receive(receiver, _delivery(partnero), _delivery(partnero).signed("guess"), conn_id=conn_id) == [UNKNOWN] * 2
    )
    assert (book.kept, _asked(partnero)) == ([], [])
    assert max(len(record.getMessage()) for record in caplog.records) < 400


@pytest.mark.parametrize("conn_id", ["PARTNERO_DEFAULT", "../variables/x", "partnero_default/", "x?version=1", "arn:x"])
def test_no_backend_is_asked_for_a_connection_that_is_not_named(partnero: Sandbox, book: Book, conn_id: str) -> None:
    asked = list[str]()

    def read(name: str) -> SigningConnection:
        asked.append(name)
        return _connection(partnero)

    receiver = Receiver(SETTINGS, book.record, SignerRegistry(frozenset({CONN_ID}), read), _fine, PATIENT)
    assert _receive(receiver, _delivery(partnero), conn_id=conn_id) == [UNKNOWN]
    assert asked == []


def test_a_connection_that_cannot_be_read_is_unavailable(partnero: Sandbox, book: Book) -> None:
    def read(conn_id: str) -> SigningConnection:
        raise OSError("the database is out\nFAKE log line")

    receiver = Receiver(SETTINGS, book.record, SignerRegistry(frozenset({CONN_ID}), read), _fine, PATIENT)
    assert _receive(receiver, _delivery(partnero)) == [UNAVAILABLE]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"\xff", b"[]", b"null", b"\xef\xbb\xbf{}", b" " * 9_000 + b"{}"])
@pytest.mark.parametrize("secret", [SECRET, "guess"])
def test_what_is_no_object_is_malformed_whoever_signed_it_and_nobody_is_asked(
    partnero: Sandbox, receiver: Receiver, book: Book, body: bytes, secret: str
) -> None:
    assert _receive(receiver, replace(_delivery(partnero), body=body).signed(secret)) == [MALFORMED]
    assert (book.kept, _asked(partnero)) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"event":"partner.created"}',
        b'{"webhook_key":"oursKey"}',
        b'{"webhook_key":"oursKey","event":"partner.created"',
        b'{"event":"partner.created","webhook_key":""}',
        b'{"event":"partner.created","webhook_key":7}',
        b'{"event":null,"webhook_key":"oursKey"}',
        b'{"event":"audit","webhook_key":"oursKey"}',
        b'{"event":"partner.created","webhook_key":"oursKey","data":NaN}',
        b'{"event":"partner.created","webhook_key":"oursKey","data":' + b"[" * 100_000,
        b'{"event":"partner.created\\nFAKE log line","webhook_key":"oursKey"}',
        b'{"event":"\\u001b[31mpartner.created","webhook_key":"oursKey"}',
        b'{"event":"' + b"x" * 201 + b'","webhook_key":"oursKey"}',
        b'{"event":"partner.created","webhook_key":"oursKey","data":"\xff"}',
    ],
    ids=lambda body: repr(body[:70]),
)
def test_a_body_without_a_delivery_is_malformed_only_to_whoever_has_signed_it(
    partnero: Sandbox, receiver: Receiver, book: Book, body: bytes
) -> None:
    request = replace(_delivery(partnero), body=body)
    assert _receive(receiver, request.signed(SECRET), request.signed("guess")) == [MALFORMED, UNAUTHORIZED]
    assert book.kept == []


@pytest.mark.parametrize("key", ["oursKey\r\nFAKE log line", "\u202eoursKey", "k" * 201, "oursKey ", "\ud800", "\0"])
def test_a_key_that_nobody_can_have_is_unauthorized_and_harms_no_line_of_the_log(
    partnero: Sandbox, receiver: Receiver, key: str
) -> None:
    assert _receive(receiver, _delivery(partnero).with_fields(webhook_key=key).signed("guess")) == [UNAUTHORIZED]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"event":"partner.created","webhook_key":"theirsKey","webhook_key":"oursKey",%b', ACCEPTED),
        (
            b'{"event":"partner.created","webhook_key":"oursKey","webhook_key":"theirsKey",%b',
            UNAUTHORIZED,
        ),
        (
            b'{"event":"partner.created","webhook_key":"oursKey","data":{},"webhook_key":"theirsKey",%b',
            UNAUTHORIZED,
        ),
        (
            b'{"data":{"webhook_key":"theirsKey"},"event":"partner.created","webhook_key":"oursKey",%b',
            ACCEPTED,
        ),
        (b'{"data":{},"event":"partner.created","webhook_key":"theirsKey",%b', UNAUTHORIZED),
        (b'{"event":"partner.created","webhook\\u005fkey":"ours\\u004bey",%b', ACCEPTED),
    ],
)
def test_a_secret_signs_for_its_own_webhook_wherever_and_however_often_the_body_names_one(
    partnero: Sandbox, book: Book, body: bytes, expected: Answer
) -> None:
    partnero.put_webhooks([OURS, {**THEIRS, "url": OURS["url"]}])
    now = b'"created_at":"%b"}' % datetime.now(UTC).isoformat().encode()
    receiver = _receiver(_connection(partnero), book)
    assert _receive(receiver, replace(_delivery(partnero), body=body % now).signed(SECRET)) == [expected]
    assert [job.delivery.webhook_key for job in book.kept] == ["oursKey"] * (expected == ACCEPTED)


def test_a_body_that_is_nested_deeply_is_accepted_if_it_is_signed(partnero: Sandbox, receiver: Receiver) -> None:
    deep = replace(
        _delivery(partnero),
        body=b'{"event":"a","webhook_key":"oursKey","created_at":"%b","data":%b}'
        % (datetime.now(UTC).isoformat().encode(), b"[" * 500 + b"]" * 500),
    )
    assert _receive(receiver, deep.signed("guess"), deep.signed(SECRET)) == [UNAUTHORIZED, ACCEPTED]


@pytest.mark.parametrize("field", ["data", "url"])
def test_a_forgery_is_not_taken_apart(partnero: Sandbox, receiver: Receiver, field: str) -> None:
    """A mebibyte of brackets costs a second of everybody's time, so nobody looks at them before they are proven."""
    nested: Any = []
    for _ in range(100):
        nested = [nested]
    taken_apart = _delivery(partnero).with_fields(**{field: nested})
    assert _receive(receiver, taken_apart.signed(SECRET), taken_apart.signed("guess")) == [ACCEPTED, UNAUTHORIZED]


@pytest.mark.parametrize("event", ['quo"ted', "per%scent %d", "{braces}", "e" * 200, "zoë.created", "a\0b", "\ud800"])
def test_an_odd_event_is_accepted_and_logged_in_one_line(
    partnero: Sandbox, receiver: Receiver, caplog: pytest.LogCaptureFixture, event: str
) -> None:
    assert _receive(receiver, _delivery(partnero).with_fields(event=event).signed(SECRET)) == [ACCEPTED]
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert line.startswith("Partnero delivered ")
    assert len(line) < 200


def test_a_body_of_256_kib_is_accepted_and_one_byte_more_is_too_large(partnero: Sandbox, receiver: Receiver) -> None:
    good = _delivery(partnero)
    padded = [replace(good, body=good.body.ljust(LARGEST + more)).signed(SECRET) for more in (0, 1)]
    assert _receive(receiver, *padded) == [ACCEPTED, TOO_LARGE]


@pytest.mark.parametrize("length", [str(LARGEST + 1), "9" * 5_000])
def test_a_body_that_is_announced_too_large_is_not_read(partnero: Sandbox, receiver: Receiver, length: str) -> None:
    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("it was read")
        yield b""

    headers = _delivery(partnero).with_headers(content_length=[length]).headers
    assert asyncio.run(receiver.receive(CONN_ID, headers, unread)) == TOO_LARGE
    assert _asked(partnero) == []


@pytest.mark.parametrize("length", [None, ["10"], ["-1"], ["x"], ["10", "10"], ["٣"], [str(LARGEST)]])
def test_a_body_that_is_larger_than_announced_is_read_up_to_the_limit(
    partnero: Sandbox, receiver: Receiver, length: list[str] | None
) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65_536
            yield b" " * 65_536

    headers = _delivery(partnero).with_headers(content_length=length).headers
    assert asyncio.run(receiver.receive(CONN_ID, headers, endless)) == TOO_LARGE
    assert read == LARGEST + 65_536


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/vnd.api+json ;x=y"],
)
def test_every_way_to_say_json_is_taken(partnero: Sandbox, receiver: Receiver, content_type: str) -> None:
    assert _receive(receiver, _delivery(partnero).with_headers(content_type=[content_type])) == [ACCEPTED]


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": None},
        {"content_type": [""]},
        {"content_type": ["text/plain"]},
        {"content_type": ["text/json"]},
        {"content_type": ["application/x-www-form-urlencoded"]},
        {"content_type": ["multipart/form-data; boundary=application/json"]},
        {"content_type": ["application/jsonp"]},
        {"content_type": ["application/json", "text/plain"]},
        {"content_type": ["text/plain\r\nFAKE log line \x1b[31m" + "x" * 5_000]},
        {"content_encoding": ["gzip"]},
        {"content_encoding": ["identity", "br"]},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_what_is_not_plain_json_is_refused_unread(
    partnero: Sandbox, receiver: Receiver, caplog: pytest.LogCaptureFixture, headers: dict[str, list[str] | None]
) -> None:
    assert _receive(receiver, _delivery(partnero).with_headers(**headers)) == [NOT_JSON]
    assert _asked(partnero) == []
    assert max(len(record.getMessage()) for record in caplog.records) < 700


def test_a_body_that_says_it_is_not_compressed_is_taken(partnero: Sandbox, receiver: Receiver) -> None:
    assert _receive(receiver, _delivery(partnero).with_headers(content_encoding=["identity"])) == [ACCEPTED]


@pytest.mark.parametrize("body", [_never_ends, _drips])
def test_a_body_that_does_not_arrive_is_too_slow(partnero: Sandbox, book: Book, body: Body) -> None:
    receiver = _receiver(_connection(partnero), book, limits=HURRIED)
    assert asyncio.run(_answer(receiver, _delivery(partnero), body)) == TOO_SLOW


def test_a_body_that_never_arrives_is_answered_within_two_seconds(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = _receiver(_connection(partnero), book, limits=LIMITS)
    assert asyncio.run(_answer(receiver, _delivery(partnero), _never_ends)) == TOO_SLOW
    assert LIMITS.deadline < 2
    assert f"the body did not arrive within {LIMITS.deadline} s" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 401},
        {"status": 403},
        {"drop": "before"},
        {"body": "html"},
        {"body": "truncated"},
        {"body": "not-json"},
        {"redirect": "http://127.0.0.1:1/"},
    ],
    ids=str,
)
def test_while_partnero_cannot_be_asked_a_delivery_is_to_come_again(
    partnero: Sandbox, book: Book, fault: dict[str, Any]
) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    partnero.fault(times=2, **fault)
    request = _delivery(partnero)
    assert _receive(receiver, request) == [UNAVAILABLE]
    assert book.kept == []
    assert UNAVAILABLE.retry_after
    partnero.clear_faults()
    clock.now += 10
    assert _receive(receiver, request) == [ACCEPTED]


def test_a_partnero_that_is_slow_is_not_waited_for(partnero: Sandbox, book: Book) -> None:
    partnero.fault(delay=HANG)
    request = _delivery(partnero)
    receiver = _receiver(_connection(partnero), book, limits=HURRIED)
    assert asyncio.run(_answer(receiver, request, request.chunks)) == UNAVAILABLE
    assert book.kept == []


def test_a_connection_that_is_not_read_in_time_is_unavailable_until_it_is(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    is_read = threading.Event()

    def read(conn_id: str) -> SigningConnection:
        assert is_read.wait(HANG)
        return _connection(partnero)

    registry = SignerRegistry(frozenset({CONN_ID}), read)
    hurried, patient = (Receiver(SETTINGS, book.record, registry, _fine, limits) for limits in (HURRIED, PATIENT))
    request = _delivery(partnero)

    async def scene() -> list[Answer]:
        first = await _answer(hurried, request, request.chunks)
        is_read.set()
        return [first, await _answer(patient, request, request.chunks)]

    assert asyncio.run(scene()) == [UNAVAILABLE, ACCEPTED]
    assert "no secret or no database within 0.1 s" in caplog.text


def test_an_outage_of_partnero_does_not_stop_deliveries_of_a_webhook_that_is_known(
    partnero: Sandbox, book: Book
) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    assert _receive(receiver, _delivery(partnero)) == [ACCEPTED]
    clock.now += 3_600
    partnero.fault(status=500)
    assert _receive(receiver, _delivery(partnero)) == [ACCEPTED]
    assert partnero.faults() == []


@pytest.mark.parametrize("answer", [UNAVAILABLE, FLOODED], ids=lambda answer: answer.words)
def test_what_cannot_be_recorded_is_to_come_again(partnero: Sandbox, answer: Answer) -> None:
    def refuse() -> Answer:
        raise RefusedError(answer, "the database is out\nFAKE log line")

    book = Book(refuse)
    assert _receive(_receiver(_connection(partnero), book), _delivery(partnero)) == [answer]
    assert book.kept == []


def test_a_database_that_does_not_answer_is_not_waited_for(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    async def hang(job: Job) -> Answer:
        asked.append(job)
        await asyncio.Event().wait()
        return ACCEPTED

    registry = SignerRegistry(frozenset({CONN_ID}), lambda _: _connection(partnero))
    request = _delivery(partnero)
    patient = Receiver(SETTINGS, book.record, registry, _fine, PATIENT)
    assert _receive(patient, request) == [ACCEPTED]  # learns the secret
    hurried = Receiver(SETTINGS, hang, registry, _fine, HURRIED)
    assert asyncio.run(_answer(hurried, request, request.chunks)) == UNAVAILABLE
    assert asked == book.kept
    assert "no secret or no database within 0.1 s" in caplog.text


def test_more_proven_deliveries_at_once_than_can_be_carried_are_put_off(partnero: Sandbox) -> None:
    ends = asyncio.Event()

    async def record(job: Job) -> Answer:
        await ends.wait()
        return ACCEPTED

    registry = SignerRegistry(frozenset({CONN_ID}), lambda _: _connection(partnero))
    receiver = Receiver(SETTINGS, record, registry, _fine, replace(PATIENT, most_proven=2))
    requests = [_delivery(partnero, data=number) for number in range(4)]

    async def scene() -> tuple[Answer, list[Answer], Answer]:
        await _answers(receiver, [requests[3].signed("guess")])  # learns the secret
        under_way = [asyncio.create_task(receiver.receive(CONN_ID, one.headers, one.chunks)) for one in requests[:2]]
        await _suspended()
        [put_off] = await _answers(receiver, [requests[2]])
        ends.set()
        carried = await asyncio.gather(*under_way)
        [later] = await _answers(receiver, [requests[2]])
        return put_off, carried, later

    put_off, carried, later = asyncio.run(scene())
    assert (put_off, carried, later) == (FLOODED, [ACCEPTED, ACCEPTED], ACCEPTED)
    assert put_off.retry_after


def test_half_sent_bodies_however_many_keep_no_genuine_delivery_out(partnero: Sandbox, book: Book) -> None:
    receiver = _receiver(_connection(partnero), book, limits=replace(PATIENT, most_unproven=3))
    good = _delivery(partnero)

    async def scene() -> tuple[Answer, list[Answer]]:
        half_sent = [asyncio.create_task(receiver.receive(CONN_ID, good.headers, _never_ends)) for _ in range(20)]
        await _suspended()
        [answer] = await _answers(receiver, [good])
        await asyncio.wait(half_sent[:-2], timeout=HANG)
        for still_read in half_sent[-2:]:
            still_read.cancel()
        return answer, [one.result() for one in half_sent[:-2]]

    answer, dropped = asyncio.run(scene())
    assert (answer, dropped) == (ACCEPTED, [TOO_SLOW] * 18)


def test_large_half_sent_bodies_are_dropped_oldest_first_when_their_bytes_are_too_many(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = _receiver(_connection(partnero), book, limits=replace(PATIENT, unproven_bytes=1))  # four bodies, then
    good = _delivery(partnero)

    async def half_sent() -> AsyncIterator[bytes]:
        yield b"{" * (LARGEST - 1)
        await asyncio.Event().wait()

    async def scene() -> tuple[Answer, int]:
        tasks = [asyncio.create_task(receiver.receive(CONN_ID, good.headers, half_sent)) for _ in range(6)]
        await asyncio.wait(tasks[:2], timeout=HANG)
        [answer] = await _answers(receiver, [good])
        reading = [not task.done() for task in tasks]
        for task in tasks:
            task.cancel()
        return answer, reading.index(True)

    assert asyncio.run(scene()) in {(ACCEPTED, 2), (ACCEPTED, 3)}
    assert "the oldest of too many" in caplog.text


def test_a_delivery_that_comes_again_is_a_duplicate_without_the_database(partnero: Sandbox, book: Book) -> None:
    receiver = _receiver(_connection(partnero), book, limits=replace(PATIENT, remembered=9))
    good, large = _delivery(partnero), _delivery(partnero, data="x" * 100_000)
    forged = good.with_fields(data=7)
    answers = _receive(receiver, good, good, forged, large, large, good)
    assert answers == [ACCEPTED, DUPLICATE, UNAUTHORIZED, ACCEPTED, DUPLICATE, DUPLICATE]
    assert len(book.kept) == 2


def test_a_probe_is_answered_with_what_arrived_and_recorded_nowhere(partnero: Sandbox, book: Book) -> None:
    looked = list[str]()

    async def check() -> str:
        looked.append("x")
        return "no table"

    clock = Clock()
    registry = SignerRegistry(frozenset({CONN_ID}), lambda _: _connection(partnero), clock=clock)
    receiver = Receiver(SETTINGS, book.record, registry, check, PATIENT, clock)
    probe = _delivery(partnero).with_fields(event=PROBE_EVENT).signed(SECRET)
    digest = hashlib.sha256(probe.body).hexdigest()
    expected = Answer(200, "probe", more=(("body_sha256", digest), ("tables", "no table")))

    assert set(asyncio.run(_at_once(receiver, [probe] * 50))) == {expected}
    assert (looked, book.kept) == (["x"], [])
    forged = probe.signed("guess")
    old = probe.with_fields(created_at=(datetime.now(UTC) - timedelta(minutes=6)).isoformat()).signed(SECRET)
    assert _receive(receiver, forged, old) == [UNAUTHORIZED, UNAUTHORIZED]


def test_a_fault_of_our_own_is_one_line_and_to_come_again(partnero: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Answer:
        raise KeyError(PERSON["email"])

    assert _receive(_receiver(_connection(partnero), Book(fail)), _delivery(partnero)) == [UNAVAILABLE]
    [line] = [record.getMessage() for record in caplog.records]
    assert "KeyError in " in line


def test_a_secret_that_was_rotated_at_partnero_works_at_once_with_one_more_request(
    partnero: Sandbox, receiver: Receiver
) -> None:
    before = _delivery(partnero)
    assert _receive(receiver, before) == [ACCEPTED]
    partnero.put_webhooks([OURS | {"signature": NEW_SECRET}])
    after = _delivery(partnero)
    assert _receive(receiver, after, after, before, before) == [ACCEPTED, ACCEPTED, UNAUTHORIZED, UNAUTHORIZED]
    assert _asked(partnero) == ["GET /webhooks"] * 2


def test_forgeries_in_the_name_of_a_known_webhook_ask_partnero_once_a_minute(partnero: Sandbox, book: Book) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    assert _receive(receiver, _delivery(partnero)) == [ACCEPTED]
    for minute in range(1, 4):
        assert set(_receive(receiver, *[_delivery(partnero).signed("guess")] * 50)) == {UNAUTHORIZED}
        assert len(_asked(partnero)) == 1 + minute
        clock.now += 61


def test_for_a_hundred_deliveries_with_an_unknown_key_the_list_is_read_once_more(
    partnero: Sandbox, receiver: Receiver
) -> None:
    forged = [_delivery(partnero).with_fields(webhook_key="nobodysKey", n=n).signed(SECRET) for n in range(100)]

    assert set(asyncio.run(_at_once(receiver, forged[:50], before=[EMPTY]))) == {UNAUTHORIZED}
    assert set(_receive(receiver, *forged[50:])) == {UNAVAILABLE}  # it may be a new webhook's, and none may ask now
    assert _asked(partnero) == ["GET /webhooks"] * 2


def test_a_webhook_that_is_new_is_known_ten_seconds_later(partnero: Sandbox, book: Book) -> None:
    clock = Clock()
    receiver = _receiver(_connection(partnero), book, clock)
    new = _delivery(partnero).with_fields(webhook_key="newKey").signed(NEW_SECRET)
    assert _receive(receiver, new) == [UNAUTHORIZED]
    partnero.put_webhooks([OURS | {"key": "newKey", "signature": NEW_SECRET}])
    clock.now += 10
    assert _receive(receiver, new) == [ACCEPTED]


def test_five_hundred_made_up_keys_cost_partnero_one_request_and_known_webhooks_nothing(
    partnero: Sandbox, receiver: Receiver
) -> None:
    good = _delivery(partnero)
    made_up = [good.with_fields(webhook_key=f"madeUp{number}").signed("guess") for number in range(500)]
    answers = _receive(receiver, good, *made_up, good)
    assert answers == [ACCEPTED, UNAUTHORIZED, *[UNAVAILABLE] * 499, ACCEPTED]
    assert len(_asked(partnero)) == 2


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(days=90), UNAUTHORIZED),
        (timedelta(days=4_000), UNAUTHORIZED),
        (timedelta(days=89, hours=23, minutes=59), ACCEPTED),
        (timedelta(minutes=-5), ACCEPTED),
    ],
)
def test_a_delivery_as_old_as_the_memory_of_the_ledger_is_not_let_in_again(
    partnero: Sandbox, receiver: Receiver, age: timedelta, expected: Answer
) -> None:
    assert _receive(receiver, _delivery(partnero, at=datetime.now(UTC) - age)) == [expected]


@pytest.mark.parametrize(
    "created_at",
    [None, "", "yesterday", 1_700_000_000, {}, "9999-12-31T23:59:59-23:59", "2999-01-01T00:00:00Z"],
    ids=repr,
)
def test_a_signed_delivery_without_a_usable_time_could_be_sent_again_for_ever_and_is_refused(
    partnero: Sandbox, receiver: Receiver, book: Book, caplog: pytest.LogCaptureFixture, created_at: Any
) -> None:
    assert _receive(receiver, _delivery(partnero).with_fields(created_at=created_at).signed(SECRET)) == [UNAUTHORIZED]
    assert book.kept == []
    assert "created_at is " in caplog.text


def test_listed_secrets_are_enough_and_partnero_is_never_asked(partnero: Sandbox, book: Book) -> None:
    receiver = _receiver(
        _connection(partnero, SigningSecret(Secret(OTHER_SECRET)), SigningSecret(Secret(SECRET))), book
    )
    good = _delivery(partnero)
    theirs = _delivery(partnero, key="theirsKey")
    unknown = good.with_fields(webhook_key="nobodysKey").signed(SECRET)
    assert _receive(receiver, good, theirs, unknown, good.signed("guess")) == [*[ACCEPTED] * 3, UNAUTHORIZED]
    assert _asked(partnero) == []


def test_a_secret_that_is_listed_for_a_webhook_signs_for_no_other(
    partnero: Sandbox, book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    listed = [SigningSecret(Secret(SECRET), "oursKey"), SigningSecret(Secret(OTHER_SECRET), "theirsKey")]
    receiver = _receiver(_connection(partnero, *listed), book)
    ours, theirs = _delivery(partnero), _delivery(partnero, key="theirsKey")
    crossed = [ours.signed(OTHER_SECRET), theirs.signed(SECRET)]
    unlisted = ours.with_fields(webhook_key="nobodysKey").signed(SECRET)
    answers = _receive(receiver, ours, theirs, *crossed, unlisted)
    assert answers == [ACCEPTED, ACCEPTED, UNAUTHORIZED, UNAUTHORIZED, UNAVAILABLE]
    assert "signed with the secret of another webhook ('theirsKey')" in caplog.text
    assert _asked(partnero) == []


def test_neither_secrets_nor_the_token_nor_data_are_logged_whatever_arrives(
    partnero: Sandbox, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    good = _delivery(partnero)
    malformed = replace(good, body=good.body[:-1])
    _receive(receiver, good, malformed, *(forge(good) for forge in FORGERIES.values()))
    _receive(receiver, good, conn_id="nobody")
    text = _logged(caplog.records)
    assert len(caplog.records) >= len(FORGERIES) + 3
    assert [private for private in (*PRIVATE, good.signature) if private in text] == []
