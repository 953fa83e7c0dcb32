"""The receiver's door on a real API server, against eight senders that prove nothing: answers are counted."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from airflow_provider_partnero.api import sign
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope

from .cluster import Cluster
from .deliveries import PATH, envelope, settled
from .floods import FLOODS, counts_of, flooding, forged_body, memory_of, request
from .programme import TOKEN, webhook
from .waiting import HTTP_PATIENCE, answer_of

pytestmark = pytest.mark.airflow

EVENT = "transaction.created"
ODD = "odd/näme"  # an id that a URL must encode
GENUINE = 20
TAKEN = {200, 202}
LATE = {408, 503}  # the machine took longer than the deadline to read the body or to record it: to come again
KINDS_OF_ANSWERS = 12
DIGITS = b"0" * 64
SENDERS_LINES = 10


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Cluster]:
    """An API server below a path, which has read the secrets; nothing else of Airflow runs."""
    with Sandbox(token=TOKEN) as sandbox:
        cluster = Cluster(tmp_path_factory.mktemp("door"), sandbox, migrated_database)
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT], url=f"https://airflow.example/air{PATH}")])
        cluster.environment |= {
            "AIRFLOW__API__BASE_URL": f"{cluster.address}/air",
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS": f"partnero_default, {ODD}, other",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        cluster.address += "/air"
        with cluster:
            cluster.start("api-server")
            cluster.wait_until_up()
            first = envelope(sandbox, EVENT, "first")
            settled(partial(deliver, cluster, first))
            yield cluster


def deliver(cluster: Cluster, one: Envelope) -> requests.Response:
    """One attempt."""
    return requests.post(cluster.address + PATH, one.body, headers=dict(one.headers), timeout=HTTP_PATIENCE)


def raw(cluster: Cluster, data: bytes) -> tuple[int, bytes]:
    """Status of the answer to what is sent, and all that came until the server closed the connection."""
    parts = urlsplit(cluster.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=HTTP_PATIENCE) as link:
        link.sendall(data)
        answer = b""
        while chunk := link.recv(65_536):
            answer += chunk
    return int(answer[9:12]), answer


@pytest.mark.parametrize("flood", FLOODS)
def test_genuine_deliveries_are_taken_amid_eight_senders(door: Cluster, tmp_path: Path, flood: str) -> None:
    """How fast is for the benchmark to say: here the machine may be slow, but nobody may be turned away."""
    caught = envelope(door.sandbox, EVENT, f"caught {flood}")
    settled(partial(deliver, door, caught))
    genuine = tmp_path / "genuine"
    genuine.write_bytes(caught.headers["Signature"].encode() + b"\n" + caught.body)
    answers: Counter[int] = Counter()

    def attempt(one: Envelope) -> requests.Response:
        answer = deliver(door, one)
        answers[answer.status_code] += 1
        return answer

    log = door.log("api-server")
    before = our_lines(log)
    with flooding(flood, door.address, genuine, rate=10, path=f"/air{PATH}") as senders:
        for number in range(GENUINE):
            settled(partial(attempt, envelope(door.sandbox, EVENT, f"{flood} {number}")))
            time.sleep(0.1)
        told = counts_of(senders)
    print(flood, "genuine:", dict(answers), "senders:", told)
    assert set(answers) <= TAKEN | LATE
    assert sum(answers[status] for status in TAKEN) == GENUINE
    late = {str(status) for status in LATE}  # only where a whole body is read
    expected = {
        "forged 1 MiB": {"413", "closed"}, "half-sent": {"408", "given up", "closed"}, "made-up connections": {"404"},
        "repeated": {"200", "202"} | late,
    }  # fmt: skip
    assert set(told) <= expected.get(flood, {"401"} | late), told
    assert our_lines(log) - before <= KINDS_OF_ANSWERS * 60 + GENUINE + SENDERS_LINES


def our_lines(log: Path) -> int:
    """How many lines the receiver has written; Airflow writes one for each request besides."""
    return len(re.findall(r"A delivery to|Partnero delivered", log.read_text(errors="replace")))


def test_what_is_too_large_is_refused_unread_and_the_connection_is_closed(door: Cluster) -> None:
    started = request(f"/air{PATH}", b"{", DIGITS, length=300_000)
    status, answer = raw(door, started)  # would wait for ever if the server waited for the rest
    assert (status, b"connection: close" in answer.lower()) == (413, True)


def test_a_body_without_a_length_is_read_up_to_the_limit(door: Cluster) -> None:
    head = request(f"/air{PATH}", b"", DIGITS).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    status, answer = raw(door, head + chunk * 9)
    assert (status, b"connection: close" in answer.lower()) == (413, True)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Signature: " + DIGITS, b"X: y", 401),
        (b"Signature: " + DIGITS, b"Signature: " + DIGITS + b"\r\nSignature: " + DIGITS, 401),
        (b"application/json", b"text/plain", 415),
        (b"partnero_default", b"nobody", 404),
        (b"partnero_default", b"../variables/secret", 404),
        (b"partnero_default", b"..%2Fvariables%2Fsecret", 404),
        (b"partnero_default", b"PARTNERO_DEFAULT", 404),
        (b"partnero_default", b"partnero_default/", 404),
        (b"partnero_default", b"arn:aws:secretsmanager:x", 404),
    ],
)
def test_what_the_head_alone_gives_away_is_refused_without_waiting_for_the_body(
    door: Cluster, old: bytes, new: bytes, status: int
) -> None:
    half_sent = request(f"/air{PATH}", b"{", DIGITS, length=1_000).replace(old, new, 1)
    told, answer = raw(door, half_sent)
    assert (told, b"connection: close" in answer.lower()) == (status, True)


def test_a_half_sent_body_ends_by_the_deadline(door: Cluster) -> None:
    status, answer = raw(door, request(f"/air{PATH}", b"{", DIGITS, length=1_000))
    assert (status, b"connection: close" in answer.lower()) == (408, True)


def test_a_connection_id_may_be_percent_encoded_and_is_compared_exactly(door: Cluster) -> None:
    secret, now = "sEcReT-of-the-odd-one", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stored = {"connection_id": "other", "conn_type": "partnero", "extra": json.dumps({"signing_secrets": [secret]})}
    door.api("POST", "/api/v2/connections", **stored)
    body = json.dumps({"event": EVENT, "webhook_key": "k", "created_at": now, "data": {}}).encode()
    headers = {"Content-Type": "application/json", "Signature": sign(body, secret)}
    encoded = "".join(f"%{byte:02X}" for byte in b"other")
    url = f"{door.address}/partnero/webhooks/"
    assert settled(lambda: answer_of("POST", url + encoded, data=body, headers=headers)).status_code in TAKEN
    # A connection that is named, and is not there, is to come: whoever set this up has not finished.
    assert answer_of("POST", url + quote(ODD, safe=""), data=body, headers=headers).status_code == 503
    assert answer_of("POST", url + "ot%48er", data=body, headers=headers).status_code == 404


def test_large_forgeries_leave_the_memory_as_it_was(door: Cluster) -> None:
    """Parsed, each would take 24 times its bytes."""
    before, _ = memory_of(door, "api-server")
    body = request(f"/air{PATH}", forged_body("loadKey", 250 * 1024), DIGITS)
    threads = [threading.Thread(target=raw_quietly, args=(door, body)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, peak = memory_of(door, "api-server")
    assert peak - before < 64  # MiB


def raw_quietly(cluster: Cluster, data: bytes) -> None:
    parts = urlsplit(cluster.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=HTTP_PATIENCE) as link:
        link.sendall(data)
        link.recv(1_000)


def test_a_wrong_option_is_told_at_the_start_and_airflow_serves_everything_else(door: Cluster) -> None:
    door.environment["AIRFLOW__PARTNERO__STORE"] = "everything"
    address = f"{door.start_server('wrong')}/air"
    del door.environment["AIRFLOW__PARTNERO__STORE"]
    door.wait_until_up(address)
    log = door.log("wrong")
    words = "The receiver takes no deliveries until Airflow's configuration is right"
    assert log.read_text(errors="replace").count(words) == 1  # before any request
    one = envelope(door.sandbox, EVENT, "wrong")
    for _ in range(3):
        answer = answer_of("POST", address + PATH, data=one.body, headers=dict(one.headers))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert log.read_text(errors="replace").count(words) == 1
    assert "Traceback" not in log.read_text(errors="replace")
    plugins = answer_of("GET", f"{address}/api/v2/plugins", headers=door.login(address)).json()["plugins"]
    assert "partnero" in [plugin["name"] for plugin in plugins]
