"""Deliveries on PostgreSQL with a real scheduler: every schedule sees every delivery, and none twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import airflow.sdk
import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope, sealed

from .conftest import TOKEN, Cluster, wait_for, wait_until_up
from .postgres import Postgres

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

DAGS = Path(__file__).parent / "dags_receiver"
PATH = "/partnero/webhooks/partnero_default"
EVENTS = ["transaction.created", "transaction.deleted", "partner.created", "reward.created"]
HAS_PARTITIONS = hasattr(airflow.sdk, "PartitionedAssetTimetable")  # from 3.2
CONSUMERS = 5 if HAS_PARTITIONS else 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, migrated_database: Path) -> Iterator[Cluster]:
    """API server, scheduler and DAG processor; the consumers are parsed."""
    with Sandbox(token=TOKEN) as sandbox:
        folder = tmp_path_factory.mktemp("schedules")
        cluster = Cluster(folder, sandbox, migrated_database, postgres=postgres, dags=DAGS)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        webhook = {"key": "schedKey", "url": f"{cluster.address}{PATH}", "events": EVENTS}
        sandbox.put_webhooks([webhook])
        cluster.start("api-server", "scheduler", "dag-processor")
        try:
            parsed = "select count(*) from serialized_dag where dag_id like 'hears%'"
            wait_until_up(cluster.address)
            wait_for(lambda: cluster.rows(parsed) == [(CONSUMERS,)], "the DAGs to be parsed", patience=180)
            yield cluster
        finally:
            cluster.stop()


def told(cluster: Cluster, dag_id: str) -> list[list[Any]]:
    """What each run of the DAG was told, a list a run: [event, data]."""
    path = cluster.folder / f"{dag_id}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["told"] for line in lines]


def keys(cluster: Cluster, dag_id: str, prefix: str) -> list[str]:
    """The subjects of all deliveries that the DAG's runs were told, as often as they were told."""
    subjects = [data["key"] for run in told(cluster, dag_id) for _, data in run]
    return [key for key in subjects if key.startswith(prefix)]


def envelope(cluster: Cluster, event: str, key: str, at: datetime | None = None) -> Envelope:
    [sealed_one] = sealed(event, {"key": key}, cluster.sandbox.webhooks(), Profile(), at)
    return sealed_one


def deliver(cluster: Cluster, delivery: Envelope) -> str:
    """Deliver, and again until it is acknowledged, as Partnero does; the receiver's word."""
    for _ in range(20):
        answer = requests.post(cluster.address + PATH, delivery.body, headers=dict(delivery.headers), timeout=3)
        if answer.ok:
            word: str = answer.json()["status"]
            return word
        assert answer.status_code in {408, 429, 503}, answer.text
        time.sleep(0.5)
    pytest.fail("the delivery was never acknowledged")


def test_three_deliveries_in_a_row_are_all_seen_and_none_twice(cluster: Cluster) -> None:
    for number in range(3):
        assert deliver(cluster, envelope(cluster, "transaction.created", f"row-{number}")) == "accepted"
    for dag_id in ("hears_one", "hears_any"):
        wait_for(lambda dag_id=dag_id: len(keys(cluster, dag_id, "row-")) >= 3, f"{dag_id} to be told")  # type: ignore[misc]
    time.sleep(3)
    for dag_id in ("hears_one", "hears_any"):
        assert sorted(keys(cluster, dag_id, "row-")) == ["row-0", "row-1", "row-2"]


def test_deliveries_that_pour_in_while_runs_start_are_each_seen_once(cluster: Cluster) -> None:
    events = ("transaction.created", "transaction.deleted")
    pouring = [envelope(cluster, events[number % 2], f"pour-{number}") for number in range(240)]

    def one(delivery: Envelope) -> str:
        time.sleep(0.15)
        return deliver(cluster, delivery)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, pouring)) == {"accepted"}
    expected = {
        "hears_any": sorted(f"pour-{number}" for number in range(240)),
        "hears_one": sorted(f"pour-{number}" for number in range(0, 240, 2)),
    }
    for dag_id, subjects in expected.items():
        wait_for(
            lambda dag_id=dag_id, subjects=subjects: set(keys(cluster, dag_id, "pour-")) == set(subjects),  # type: ignore[misc]
            f"every delivery to be seen by {dag_id}, without a further one to push it",
        )
        assert sorted(keys(cluster, dag_id, "pour-")) == subjects
    assert len([run for run in told(cluster, "hears_any") if run]) >= 3


def test_a_dag_that_needs_two_events_waits_for_both_and_sees_both(cluster: Cluster) -> None:
    already = len(told(cluster, "hears_all"))
    deliver(cluster, envelope(cluster, "partner.created", "all-partner"))
    if not already:
        deliver(cluster, envelope(cluster, "transaction.deleted", "all-transaction"))
    wait_for(lambda: "all-partner" in keys(cluster, "hears_all", "all-"), "the DAG that needs both")
    [run] = [run for run in told(cluster, "hears_all") if ["partner.created", {"key": "all-partner"}] in run]
    assert {event for event, _ in run} == {"partner.created", "transaction.deleted"}


@pytest.mark.skipif(not HAS_PARTITIONS, reason="partitions come with Airflow 3.2")
def test_partitioned_and_plain_schedules_on_one_event_both_see_it_once(cluster: Cluster) -> None:
    start = datetime.now(UTC)
    for number in range(3):
        at = start + timedelta(seconds=number)
        assert deliver(cluster, envelope(cluster, "reward.created", f"part-{number}", at)) == "accepted"
    for dag_id in ("hears_partitions", "hears_without_partitions"):
        wait_for(lambda dag_id=dag_id: len(keys(cluster, dag_id, "part-")) >= 3, f"{dag_id} to be told")  # type: ignore[misc]
    time.sleep(3)
    for dag_id in ("hears_partitions", "hears_without_partitions"):
        assert sorted(keys(cluster, dag_id, "part-")) == ["part-0", "part-1", "part-2"]
    partitions = cluster.rows("select partition_key from dag_run where dag_id = 'hears_partitions' order by 1")
    assert partitions == [((start + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%S"),) for n in range(3)]


def test_an_event_without_a_dag_is_acknowledged_as_unrouted_every_time(cluster: Cluster) -> None:
    cluster.sandbox.put_webhooks([cluster.sandbox.webhooks()[0] | {"events": [*EVENTS, "lead.submitted"]}])
    lead = envelope(cluster, "lead.submitted", "nobody listens")
    assert [deliver(cluster, lead), deliver(cluster, lead)] == ["unrouted", "unrouted"]


def test_a_delivery_that_comes_again_is_a_duplicate_and_starts_nothing(cluster: Cluster) -> None:
    again = envelope(cluster, "transaction.created", "again-0")
    assert deliver(cluster, again) == "accepted"
    wait_for(lambda: keys(cluster, "hears_one", "again-"), "the first to be seen")
    runs = len(told(cluster, "hears_one"))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: deliver(cluster, again), range(16))) == {"duplicate"}
    time.sleep(3)
    assert keys(cluster, "hears_one", "again-") == ["again-0"]
    assert len(told(cluster, "hears_one")) == runs


def test_sixteen_copies_at_once_are_one_asset_event(cluster: Cluster) -> None:
    copies = envelope(cluster, "transaction.created", "copies-0")
    with ThreadPoolExecutor(8) as pool:
        words = list(pool.map(lambda _: deliver(cluster, copies), range(16)))
    assert sorted(words) == ["accepted"] + ["duplicate"] * 15
