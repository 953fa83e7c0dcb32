"""The receiver and its example on ``airflow standalone`` with SQLite, as anybody would try it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_partnero.api import sign
from airflow_provider_partnero.demo.airflow import dags_folder
from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope, sealed

from .cluster import Cluster
from .deliveries import COME_AGAIN, PATH, TAKEN, deliver_to, in_parallel, settled
from .programme import TOKEN
from .waiting import HTTP_PATIENCE, answer_of, wait_until_up

pytestmark = pytest.mark.airflow

SWITCH = "partnero_event_driven_switch"
SECRETS = ("first-sEcReT-7Qw2", "second-sEcReT-9Zx4", "other-sEcReT-3Vb8")


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Cluster]:
    """``airflow standalone`` with logins, the event-driven example, and the receiver switched on."""
    with Sandbox(token=TOKEN) as sandbox:
        dags = tmp_path_factory.mktemp("example")
        shutil.copy(dags_folder() / "partnero_event_driven.py", dags)
        cluster = Cluster(tmp_path_factory.mktemp("standalone"), sandbox, migrated_database, dags=dags)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__PARTNERO__RECEIVER_BASE_URL": cluster.address,
            "AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS": "partnero_default, other, missing",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            # A task that was killed together with its scheduler is run again soon.
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        with cluster:
            cluster.start("standalone")
            cluster.wait_until_up()
            yield cluster


def booked(cluster: Cluster) -> list[str]:
    """What the example's runs have returned so far, all lines of all runs."""
    rows = cluster.rows("select value from xcom where dag_id = 'partnero_event_driven' and key = 'return_value'")
    lines: list[str] = []
    for (value,) in rows:
        told = json.loads(value) if isinstance(value, str) else value
        lines.extend(json.loads(told) if isinstance(told, str) else told)  # JSON in JSON before Airflow 3.1
    return lines


def recorded(cluster: Cluster) -> int:
    """How many asset events there are."""
    [(number,)] = cluster.rows("select count(*) from asset_event")
    return int(number)


def envelope(cluster: Cluster, key: str, secret: str | None = None) -> Envelope:
    """A delivery to the registered webhook; signed with its secret unless told otherwise."""
    [webhook] = cluster.sandbox.webhooks()
    signer = webhook | ({"signature": secret} if secret else {})
    [one] = sealed("transaction.created", {"key": key, "amount": 1}, [signer], Profile())
    return one


def post(cluster: Cluster, body: bytes, headers: Mapping[str, str], path: str = PATH) -> requests.Response:
    """The answer to a delivery, which is sent again while the receiver is too busy."""
    return settled(lambda: answer_of("POST", cluster.address + path, data=body, headers=dict(headers)))


def deliver(cluster: Cluster, key: str) -> None:
    """A new delivery, sent until it is taken."""
    one = envelope(cluster, key)
    answer = post(cluster, one.body, one.headers)
    assert answer.json()["status"] in TAKEN


def test_switched_on_by_the_example_every_transaction_is_booked_once(standalone: Cluster) -> None:
    standalone.succeed(SWITCH, standalone.trigger(SWITCH, on=True))
    [webhook] = standalone.sandbox.webhooks()
    assert webhook["url"] == standalone.address + PATH
    assert webhook["is_active"] is True
    for number in range(3):
        deliver(standalone, f"tx-{number}")
    standalone.wait_for(lambda: len(booked(standalone)) >= 3, "three transactions to be booked")
    assert sorted(booked(standalone)) == [f"transaction.created: tx-{number} of 1" for number in range(3)]


def test_a_connection_in_airflows_database_one_that_is_missing_and_one_that_is_not_named(standalone: Cluster) -> None:
    standalone.wait_until_idle()
    stored = {"connection_id": "other", "conn_type": "partnero", "password": TOKEN}
    standalone.api("POST", "/api/v2/connections", **stored, host=standalone.sandbox.base_url)
    [registered] = standalone.sandbox.webhooks()
    own = registered | {"key": "keyOfOther", "url": f"{standalone.address}/partnero/webhooks/other"}
    standalone.sandbox.put_webhooks([own])
    [one] = sealed("transaction.created", {"key": "other-programme", "amount": 1}, [own], Profile())
    answer = post(standalone, one.body, one.headers, "/partnero/webhooks/other")
    assert answer.json()["status"] in {"unrouted", "duplicate"}  # recorded at an attempt before, if it is slow
    for conn_id, status in (("missing", 503), ("nobody", 404)):
        url = f"{standalone.address}/partnero/webhooks/{conn_id}"
        assert answer_of("POST", url, data=one.body, headers=dict(one.headers)).status_code == status
    standalone.sandbox.delete_webhook("keyOfOther")


def test_a_rotated_secret_works_at_once_and_the_old_one_no_longer(standalone: Cluster) -> None:
    deliver(standalone, "before the rotation")
    [webhook] = standalone.sandbox.webhooks()
    late = envelope(standalone, "signed before the rotation")
    standalone.sandbox.put_webhooks([webhook | {"signature": SECRETS[0]}])
    deliver(standalone, "after the rotation")
    assert post(standalone, late.body, late.headers).status_code == 401


Forgery = Callable[[bytes, str], tuple[bytes, dict[str, str]]]

FORGERIES: dict[str, tuple[Forgery, str]] = {
    "no header": (lambda body, _: (body, {}), "no Signature header"),
    "the old header": (lambda body, signature: (body, {"X-Partnero-Signature": signature}), "older documentation"),
    "upper case": (lambda body, signature: (body, {"Signature": signature.upper()}), "in upper case"),
    "truncated": (lambda body, signature: (body, {"Signature": signature[:-1]}), "63 characters"),
    "prefixed": (lambda body, signature: (body, {"Signature": f"sha256={signature}"}), "around its 64 hex digits"),
    "wrong secret": (lambda body, _: (body, {"Signature": sign(body, SECRETS[1])}), "not made with this webhook"),
    "re-serialised": (
        lambda body, signature: (json.dumps(json.loads(body)).encode(), {"Signature": signature}),
        "wrote it again",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_delivery_is_refused_with_one_word_and_the_log_says_why(standalone: Cluster, name: str) -> None:
    forge, diagnosis = FORGERIES[name]
    before = recorded(standalone)
    genuine = envelope(standalone, f"forged: {name}")
    body, headers = forge(genuine.body, genuine.headers["Signature"])
    answer = post(standalone, body, {"Content-Type": "application/json", **headers})
    assert (answer.status_code, answer.json()) == (401, {"status": "unauthorized"})
    log = standalone.log("standalone")
    standalone.wait_for(lambda: diagnosis in log.read_text(errors="replace"), f"the diagnosis {diagnosis!r}")
    assert recorded(standalone) == before


def test_a_doubled_header_is_refused(standalone: Cluster) -> None:
    genuine = envelope(standalone, "doubled")
    assert settled(lambda: post_doubled(standalone, genuine)).status_code == 401


def post_doubled(cluster: Cluster, genuine: Envelope) -> requests.Response:
    """The answer to a delivery whose signature comes twice, which requests cannot send."""
    connection = HTTPConnection(urlsplit(cluster.address).netloc, timeout=HTTP_PATIENCE)
    connection.putrequest("POST", PATH)
    for name, value in (*genuine.headers.items(), ("Signature", genuine.headers["Signature"])):
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(genuine.body)))
    connection.endheaders(genuine.body)
    answer = requests.Response()
    answer.status_code = connection.getresponse().status
    connection.close()
    return answer


def test_a_replayed_delivery_is_a_duplicate_and_no_second_event(standalone: Cluster) -> None:
    once = envelope(standalone, "replayed")
    assert post(standalone, once.body, once.headers).json()["status"] in TAKEN
    before = recorded(standalone)
    for _ in range(3):
        answer = post(standalone, once.body, once.headers)
        assert (answer.status_code, answer.json()) == (200, {"status": "duplicate"})
    assert recorded(standalone) == before


@pytest.mark.parametrize("number", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_of_many_mutated_deliveries_none_is_accepted_and_a_genuine_one_still_is(
    standalone: Cluster, number: int
) -> None:
    genuine = envelope(standalone, f"mutated {number}")
    before = recorded(standalone)
    chance = random.Random(10_000)
    mutated = [mutation(genuine, chance) for _ in range(number)]

    def one(session: requests.Session, forged: tuple[bytes, str]) -> int:
        body, signature = forged
        headers = {"Content-Type": "application/json", "Signature": signature}
        return session.post(standalone.address + PATH, body, headers=headers, timeout=HTTP_PATIENCE).status_code

    statuses = in_parallel(mutated, one)
    print({status: statuses.count(status) for status in sorted(set(statuses))})
    assert set(statuses) <= {400, 401, *COME_AGAIN}
    assert recorded(standalone) == before
    assert post(standalone, genuine.body, genuine.headers).json()["status"] in TAKEN


def mutation(genuine: Envelope, chance: random.Random) -> tuple[bytes, str]:
    """Body and signature, one of them changed in one place."""
    body, signature = bytearray(genuine.body), genuine.headers["Signature"]
    if chance.random() < 0.3:
        at = chance.randrange(len(signature))
        digit = chance.choice([one for one in "0123456789abcdefABCDEF" if one != signature[at]])
        return bytes(body), signature[:at] + digit + signature[at + 1 :]
    at = chance.randrange(len(body))
    way = chance.choice(["flip", "insert", "delete", "swap"])
    if way == "flip":
        body[at] ^= 1 << chance.randrange(8)
    elif way == "insert":
        body.insert(at, chance.randrange(256))
    elif way == "delete":
        del body[at]
    else:
        body = body[at:] + body[:at] if at else body + b" "
    return bytes(body), signature


def test_only_deliveries_need_no_login(standalone: Cluster) -> None:
    for path in (
        "/partnero/",
        "/partnero/status",
        "/partnero/docs",
        "/partnero/openapi.json",
        PATH,
        "/partnero/webhooks",
    ):
        assert answer_of("GET", standalone.address + path).status_code in {401, 403}
    for method in ("PUT", "DELETE", "PATCH"):
        assert answer_of(method, standalone.address + PATH).status_code in {401, 403}
    status = standalone.api("GET", "/partnero/status")
    assert status["receiver_enabled"] is True
    assert status["answered_by_this_process"]["unauthorized"] > 0
    assert "transaction.created" in {last["event"] for last in status["ledger"]["last_deliveries"]}


def test_deliveries_before_and_during_a_restart_are_booked_once(standalone: Cluster) -> None:
    restarted = envelope(standalone, "during")
    deliver(standalone, "before")
    standalone.kill("standalone")
    with pytest.raises(requests.ConnectionError):
        answer_of("POST", standalone.address + PATH, data=restarted.body, headers=dict(restarted.headers))
    standalone.start("standalone")
    # Partnero tries three times within 33 seconds, in which a slow machine does not start Airflow.
    assert deliver_to(standalone.address, restarted) in TAKEN
    lines = {f"transaction.created: {key} of 1" for key in ("before", "during")}
    standalone.wait_for(lambda: lines <= set(booked(standalone)), "both deliveries to be booked")
    assert [booked(standalone).count(line) for line in lines] == [1, 1]


def test_switched_off_by_the_example_nothing_is_left_at_partnero(standalone: Cluster) -> None:
    standalone.wait_until_idle()
    standalone.succeed(SWITCH, standalone.trigger(SWITCH, on=False))
    assert standalone.sandbox.webhooks() == []


def test_the_section_is_shown_by_airflow_config_list(standalone: Cluster) -> None:
    shown = standalone.airflow("config", "list", "--section", "partnero", "--include-descriptions", "--defaults")
    assert {"receiver_enabled", "receiver_base_url", "store"} <= set(shown.replace("=", " ").split())
    assert "needs no login" in shown


def test_the_receiver_is_off_unless_it_is_switched_on(standalone: Cluster) -> None:
    standalone.sandbox.put_webhooks([{"key": "offKey", "url": "https://x.example/", "events": ["transaction.created"]}])
    genuine = envelope(standalone, "off")
    del standalone.environment["AIRFLOW__PARTNERO__RECEIVER_ENABLED"]
    address = standalone.start_server("off")
    wait_until_up(address)
    before = recorded(standalone)
    answer = answer_of("POST", address + PATH, data=genuine.body, headers=dict(genuine.headers))
    assert (answer.status_code, answer.json()) == (404, {"status": "unknown"})
    assert recorded(standalone) == before
    status = answer_of("GET", f"{address}/partnero/status", headers=standalone.login(address)).json()
    assert status["receiver_enabled"] is False


def test_no_secret_is_in_anything_that_was_written(standalone: Cluster) -> None:
    secrets = [TOKEN, *SECRETS]
    found = [
        (name, secret)
        for name, content in standalone.everything_written()
        for secret in secrets
        if secret.encode() in content
    ]
    assert found == []
