"""The receiver on PostgreSQL with a real scheduler: every delivery is one event, which every schedule sees once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any

import airflow.sdk
import pytest
import requests

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope

from .cluster import Cluster
from .deliveries import PATH, TAKEN, deliver, deliver_to, envelope, envelopes, in_parallel
from .postgres import Postgres
from .programme import TOKEN
from .waiting import PATIENCE

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

DAGS = Path(__file__).parent / "dags_receiver"
EVENTS = ["transaction.created", "transaction.deleted", "partner.created", "reward.created"]
HAS_PARTITIONS = hasattr(airflow.sdk, "PartitionedAssetTimetable")  # from 3.2
CONSUMERS = 5 if HAS_PARTITIONS else 4
MARKS = count()


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Cluster]:
    """API server, scheduler and DAG processor; the consumers are parsed."""
    with Sandbox(token=TOKEN) as sandbox:
        cluster = Cluster(tmp_path_factory.mktemp("receiving"), sandbox, postgres, dags=DAGS)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        webhook = {"key": "schedKey", "url": f"{cluster.address}{PATH}", "events": EVENTS}
        sandbox.put_webhooks([webhook])
        with cluster:
            cluster.start("api-server", "scheduler", "dag-processor")
            parsed = "select count(*) from serialized_dag where dag_id like 'hears%'"
            cluster.wait_until_up()
            cluster.wait_for(lambda: cluster.rows(parsed) == [(CONSUMERS,)], "the DAGs to be parsed")
            yield cluster


def told(cluster: Cluster, dag_id: str) -> list[list[Any]]:
    """What each run of the DAG was told, a list a run: [event, data]."""
    path = cluster.folder / f"{dag_id}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["told"] for line in lines]


def keys(cluster: Cluster, dag_id: str, prefix: str) -> list[str]:
    """The subjects of all deliveries that the DAG's runs were told, as often as they were told."""
    subjects = [data["key"] for run in told(cluster, dag_id) for _, data in run]
    return [key for key in subjects if key.startswith(prefix)]


def send(cluster: Cluster, event: str, key: str, at: datetime | None = None) -> str:
    """Deliver until it is acknowledged; the receiver's word."""
    return deliver_to(cluster.address, envelope(cluster.sandbox, event, key, at))


def assert_each_is_seen_once(cluster: Cluster, dag_id: str, prefix: str, expected: Sequence[str]) -> None:
    """Wait until the DAG was told them all, and of one more delivery: nothing that came before is under way then."""
    cluster.wait_for(
        lambda: set(keys(cluster, dag_id, prefix)) == set(expected),
        f"{dag_id} to be told of all {len(expected)}, without a further delivery to push it",
    )
    mark = f"mark-{next(MARKS)}"
    assert send(cluster, "reward.created" if "partitions" in dag_id else "transaction.created", mark) in TAKEN
    cluster.wait_for(lambda: mark in keys(cluster, dag_id, "mark-"), f"{dag_id} to be told of one more")
    assert sorted(keys(cluster, dag_id, prefix)) == sorted(expected)


def test_three_deliveries_in_a_row_are_all_seen_and_none_twice(receiving: Cluster) -> None:
    expected = [f"row-{number}" for number in range(3)]
    for key in expected:
        assert send(receiving, "transaction.created", key) in TAKEN
    for dag_id in ("hears_one", "hears_any"):
        assert_each_is_seen_once(receiving, dag_id, "row-", expected)


def test_deliveries_that_pour_in_while_runs_start_are_each_seen_once(receiving: Cluster) -> None:
    numbers = count()
    poured: list[tuple[str, str]] = []

    def runs() -> int:
        return sum(any(data["key"].startswith("pour-") for _, data in run) for run in told(receiving, "hears_any"))

    def pour(_: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while runs() < 4:  # so that some came while runs started
            assert time.monotonic() < deadline, f"only {runs()} runs in {PATIENCE:g} s"
            number = next(numbers)
            event, key = EVENTS[number % 2], f"pour-{number}"
            assert send(receiving, event, key) in TAKEN
            poured.append((event, key))
            time.sleep(0.1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pour, range(4)))
    assert_each_is_seen_once(receiving, "hears_any", "pour-", [key for _, key in poured])
    created = [key for event, key in poured if event == "transaction.created"]
    assert_each_is_seen_once(receiving, "hears_one", "pour-", created)


def test_a_dag_that_needs_two_events_waits_for_both_and_sees_both(receiving: Cluster) -> None:
    already = len(told(receiving, "hears_all"))
    send(receiving, "partner.created", "all-partner")
    if not already:
        send(receiving, "transaction.deleted", "all-transaction")
    receiving.wait_for(lambda: "all-partner" in keys(receiving, "hears_all", "all-"), "the DAG that needs both")
    [run] = [run for run in told(receiving, "hears_all") if ["partner.created", {"key": "all-partner"}] in run]
    assert {event for event, _ in run} == {"partner.created", "transaction.deleted"}


@pytest.mark.skipif(not HAS_PARTITIONS, reason="partitions come with Airflow 3.2")
def test_partitioned_and_plain_schedules_on_one_event_both_see_it_once(receiving: Cluster) -> None:
    start = datetime.now(UTC) - timedelta(hours=1)
    moments = [start + timedelta(seconds=number) for number in range(3)]
    expected = [f"part-{number}" for number in range(3)]
    for key, at in zip(expected, moments, strict=True):
        assert send(receiving, "reward.created", key, at) in TAKEN
    for dag_id in ("hears_partitions", "hears_without_partitions"):
        assert_each_is_seen_once(receiving, dag_id, "part-", expected)
    partitions = receiving.rows("select partition_key from dag_run where dag_id = 'hears_partitions' order by 1")
    assert partitions[:3] == [(at.strftime("%Y-%m-%dT%H:%M:%S"),) for at in moments]


def test_an_event_without_a_dag_is_acknowledged_as_unrouted_and_then_as_a_duplicate(receiving: Cluster) -> None:
    [webhook] = receiving.sandbox.webhooks()
    receiving.sandbox.put_webhooks([webhook | {"events": [*EVENTS, "lead.submitted"]}])
    lead = envelope(receiving.sandbox, "lead.submitted", "nobody listens")
    first, again = (deliver_to(receiving.address, lead) for _ in range(2))
    assert first in {"unrouted", "duplicate"}  # a slow receiver may have recorded it at an attempt before
    assert again == "duplicate"


def test_a_delivery_that_comes_again_is_a_duplicate_and_starts_nothing(receiving: Cluster) -> None:
    again = envelope(receiving.sandbox, "transaction.created", "again-0")
    assert deliver_to(receiving.address, again) in TAKEN
    receiving.wait_for(lambda: keys(receiving, "hears_one", "again-"), "the first to be seen")
    runs = len(told(receiving, "hears_one"))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: deliver_to(receiving.address, again), range(16))) == {"duplicate"}
    assert receiving.rows("select count(*) from asset_dag_run_queue where target_dag_id = 'hears_one'") == [(0,)]
    assert_each_is_seen_once(receiving, "hears_one", "again-", ["again-0"])
    assert len(told(receiving, "hears_one")) == runs + 1  # that of the one more


def test_sixteen_copies_at_once_are_one_asset_event(receiving: Cluster) -> None:
    copies = envelope(receiving.sandbox, "transaction.created", "copies-0")
    with ThreadPoolExecutor(8) as pool:
        words = list(pool.map(lambda _: deliver_to(receiving.address, copies), range(16)))
    assert set(words) <= TAKEN
    assert words.count("accepted") <= 1
    assert recorded(receiving, "copies-") == ["copies-0"]


@pytest.mark.parametrize(("number", "copied"), [(300, 30), pytest.param(2_000, 2_000, marks=pytest.mark.slow)])
def test_each_delivery_is_one_asset_event_although_one_of_two_servers_is_killed(
    receiving: Cluster, number: int, copied: int
) -> None:
    """Two servers, one with two workers, which are killed amid the deliveries; some of these, or all, come twice."""
    killed = receiving.start_server("killed", workers=2)
    receiving.wait_until_up(killed)
    prefix = f"load-{number}-"
    expected = [f"{prefix}{position}" for position in range(number)]
    work = envelopes(receiving.sandbox, "transaction.created", expected)
    twice = {one.body for one in random.Random(4).sample(work, copied)}
    schedule = list(chain.from_iterable([one, one] if one.body in twice else [one] for one in work))
    done, turns, killing = count(1), count(), threading.Lock()
    outcomes: list[str] = []

    def one(session: requests.Session, delivery: Envelope) -> str:
        addresses = (killed, receiving.address)
        start = next(turns)
        word = deliver(session, (addresses[(start + turn) % 2] for turn in count()), delivery, outcomes.append)
        if next(done) == len(schedule) // 3:
            with killing:
                receiving.kill("killed")
                receiving.start_server("killed", workers=2)
        return word

    words = in_parallel(schedule, one)
    receiving.kill("killed")
    assert set(words) == TAKEN
    assert words.count("accepted") <= number
    assert "ConnectionError" in outcomes  # the kill came amid them
    assert sorted(recorded(receiving, prefix)) == sorted(expected)
    assert_each_is_seen_once(receiving, "hears_one", prefix, expected)


def recorded(cluster: Cluster, prefix: str) -> list[str]:
    """The subjects of all asset events, as often as there are events."""
    extras = [
        extra if isinstance(extra, dict) else json.loads(extra)
        for (extra,) in cluster.rows("select extra from asset_event")
    ]
    subjects = [str(extra["data"]["key"]) for extra in extras]
    return [key for key in subjects if key.startswith(prefix)]
