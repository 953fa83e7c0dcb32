"""The receiver under load on PostgreSQL, two API servers, one of them killed: nothing is lost, nothing doubled.

Prints throughput and latency, and the ratio to Airflow's own way to make an asset event, from one run.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope, sealed

from .conftest import TOKEN, Cluster, wait_until_up
from .postgres import Postgres

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

Tell = Callable[[str], None]

HERE = Path(__file__).parent
DELIVERIES = 2_000
SENDERS = 8
COMPARED = 400
COME_AGAIN = {408, 429, 503}
PATH = "/partnero/webhooks/partnero_default"
URI = "partnero://partnero_default/transaction.created"


@dataclass
class Servers:
    cluster: Cluster
    addresses: tuple[str, str]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, migrated_database: Path) -> Iterator[Servers]:
    """Two API servers on one PostgreSQL, the first with two workers; no scheduler, so that only they are measured."""
    with Sandbox(token=TOKEN) as sandbox:
        sandbox.put_webhooks(
            [{"key": "loadKey", "url": "http://x.example/", "events": ["transaction.created"], "signature": "s" * 16}]
        )
        folder = tmp_path_factory.mktemp("load")
        cluster = Cluster(folder, sandbox, migrated_database, postgres=postgres, dags=HERE / "dags_receiver")
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        cluster.airflow("dags", "reserialize")
        try:
            addresses = cluster.start_server("first", workers=2), cluster.start_server("second")
            for address in addresses:
                wait_until_up(address)
            cluster.address = addresses[1]
            yield Servers(cluster, addresses)
        finally:
            cluster.stop()


def envelopes(sandbox: Sandbox, prefix: str, number: int) -> list[Envelope]:
    """Deliveries as Partnero makes them, signed by the sandbox."""
    webhooks = sandbox.webhooks()
    return [
        envelope
        for position in range(number)
        for envelope in sealed("transaction.created", {"key": f"{prefix}-{position}"}, webhooks, Profile())
    ]


def in_parallel(work: Sequence[object], do: Callable[[requests.Session, object], None]) -> list[float]:
    """Do it all with 8 senders, each with a connection of its own; seconds for each."""
    local = threading.local()
    taken: list[float] = []

    def one(item: object) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        start = time.perf_counter()
        do(local.session, item)
        taken.append(time.perf_counter() - start)

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(one, work))
    return taken


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Print a figure, also when the test passes."""

    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="", flush=True)

    return tell


def measured(name: str, work: Sequence[object], do: Callable[[requests.Session, object], None], tell: Tell) -> float:
    """Tell throughput and latency; returns the throughput."""
    start = time.perf_counter()
    taken = in_parallel(work, do)
    rate = len(work) / (time.perf_counter() - start)
    p99 = quantiles(taken, n=100)[98]
    tell(f"{name}: {rate:.0f}/s, p50 {median(taken) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms ({len(work)} requests)")
    return rate


def recorded(cluster: Cluster) -> list[str]:
    """Delivery ids of all asset events of the asset."""
    rows = cluster.rows(
        "select e.extra from asset_event e join asset a on a.id = e.asset_id where a.uri = ? order by e.id", URI
    )
    extras = [extra if isinstance(extra, dict) else json.loads(extra) for (extra,) in rows]
    return [extra["delivery_id"] for extra in extras if "delivery_id" in extra]


def test_two_thousand_deliveries_are_one_asset_event_each_although_a_server_is_killed(
    servers: Servers, tell: Tell
) -> None:
    cluster = servers.cluster
    before = set(recorded(cluster))
    acknowledged: set[str] = set()
    statuses: list[str] = []
    done = count(1)
    chance = random.Random(4)
    work = envelopes(cluster.sandbox, "load", DELIVERIES)
    twice = chance.sample(work, DELIVERIES // 10)
    schedule: list[Envelope] = []
    for envelope in work:
        schedule.extend([envelope, envelope] if envelope in twice else [envelope])
    turns = count()

    def deliver(session: requests.Session, envelope: object) -> None:
        assert isinstance(envelope, Envelope)
        pause = 0.5
        while True:
            # Partnero gives up after three tries; how often it may fail here is up to the machine.
            address = servers.addresses[next(turns) % 2]
            try:
                answer = session.post(address + PATH, envelope.body, headers=dict(envelope.headers), timeout=3)
            except requests.RequestException as error:
                statuses.append(type(error).__name__)
            else:
                statuses.append(str(answer.status_code))
                if answer.ok:
                    acknowledged.add(envelope.body.decode())
                    break
                assert answer.status_code in COME_AGAIN, answer.text
            time.sleep(pause)
            pause = min(2 * pause, 4)
        if next(done) == len(schedule) // 3:
            cluster.kill("first")
            cluster.start_server("first", workers=2)

    start = time.perf_counter()
    taken = in_parallel(schedule, deliver)
    seconds = time.perf_counter() - start
    tell(
        f"{len(schedule)} deliveries ({DELIVERIES} distinct) in {seconds:.1f} s with one of two servers killed: "
        f"p50 {median(taken) * 1000:.1f} ms, p99 {quantiles(taken, n=100)[98] * 1000:.0f} ms; "
        f"answers: { {status: statuses.count(status) for status in sorted(set(statuses))} }"
    )
    wait_until_up(servers.addresses[0])

    found = [delivery_id for delivery_id in recorded(cluster) if delivery_id not in before]
    assert len(acknowledged) == DELIVERIES
    assert len(found) == len(set(found)) == DELIVERIES
    assert statuses.count("200") >= len(twice) - statuses.count("ReadTimeout")


def test_the_receiver_against_airflows_own_asset_events(servers: Servers, tell: Tell) -> None:
    cluster, address = servers.cluster, servers.addresses[1]
    [(asset_id,)] = cluster.rows("select id from asset where uri = ?", URI)
    token = requests.get(f"{address}/auth/token", timeout=10).json()["access_token"]

    def deliver(session: requests.Session, envelope: object) -> None:
        assert isinstance(envelope, Envelope)
        while True:
            answer = session.post(address + PATH, envelope.body, headers=dict(envelope.headers), timeout=10)
            if answer.ok:
                break
            assert answer.status_code in COME_AGAIN, answer.text  # counts as a long time, on a machine that is busy

    def emit(session: requests.Session, position: object) -> None:
        answer = session.post(
            f"{address}/api/v2/assets/events",
            json={"asset_id": asset_id, "extra": {"key": f"own-{position}"}},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.ok, answer.text

    ratios = []
    for turn in range(3):
        own = measured("POST /api/v2/assets/events", range(COMPARED), emit, tell)
        ours = measured("the receiver", envelopes(cluster.sandbox, f"ratio-{turn}", COMPARED), deliver, tell)
        ratios.append(ours / own)
    tell(f"the receiver is {median(ratios):.2f} times as fast as Airflow's own (median of {len(ratios)} turns)")
