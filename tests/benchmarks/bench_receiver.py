"""Throughput and latency of the receiver on PostgreSQL: ``python -m tests.benchmarks.bench_receiver``.

Two API servers, one of them killed amid the deliveries; then the receiver beside Airflow's own way to make an asset
event, in turns. No scheduler runs, so that only the servers are measured.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count, repeat
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import requests

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope

from ..e2e.cluster import Cluster
from ..e2e.deliveries import deliver, envelopes, in_parallel
from ..e2e.postgres import HOW_TO_START, Postgres, binaries, migrated
from ..e2e.programme import TOKEN, webhook
from ..e2e.waiting import HTTP_PATIENCE

Item = TypeVar("Item")

DELIVERIES = 2_000
COMPARED = 400
TURNS = 3
EVENT = "transaction.created"
DAGS = Path(__file__).parents[1] / "e2e" / "dags_receiver"


def main() -> None:
    """Print the figures."""
    bin_folder = binaries()
    if bin_folder is None:
        raise SystemExit(HOW_TO_START)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="partnero-bench-", ignore_cleanup_errors=True))
        )
        sandbox = stack.enter_context(Sandbox(token=TOKEN))
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT])])
        cluster = servers(folder, sandbox, stack.enter_context(migrated(bin_folder, folder)))
        stack.enter_context(cluster)
        killed = cluster.start_server("killed", workers=2)
        cluster.start("api-server")
        for address in (killed, cluster.address):
            cluster.wait_until_up(address)
        measure_a_kill(cluster, killed)
        compare(cluster)


def servers(folder: Path, sandbox: Sandbox, postgres: Postgres) -> Cluster:
    """An Airflow whose DAGs are parsed; none of its parts runs yet."""
    cluster = Cluster(folder / "airflow", sandbox, postgres, dags=DAGS)
    cluster.environment |= {
        "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    }
    cluster.airflow("dags", "reserialize")
    return cluster


def keys(prefix: str, number: int) -> list[str]:
    """Subjects of deliveries."""
    return [f"{prefix}-{position}" for position in range(number)]


def measure_a_kill(cluster: Cluster, killed: str) -> None:
    """Deliver to both servers, of which one is killed after a third, and started again."""
    outcomes: list[str] = []
    done, turns = count(1), count()

    def one(session: requests.Session, delivery: Envelope) -> None:
        addresses = (killed, cluster.address)
        start = next(turns)
        deliver(session, (addresses[(start + turn) % 2] for turn in count()), delivery, outcomes.append)
        if next(done) == DELIVERIES // 3:
            cluster.kill("killed")
            cluster.start_server("killed", workers=2)

    measure("two servers, one of them killed", envelopes(cluster.sandbox, EVENT, keys("load", DELIVERIES)), one)
    print(f"    answers: { {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))} }")


def compare(cluster: Cluster) -> None:
    """The receiver and Airflow's own endpoint, in turns, on one server."""
    [(asset_id,)] = cluster.rows("select id from asset where uri = ?", f"partnero://partnero_default/{EVENT}")
    headers = cluster.login()

    def receive(session: requests.Session, delivery: Envelope) -> None:
        deliver(session, repeat(cluster.address), delivery)

    def emit(session: requests.Session, position: int) -> None:
        event = {"asset_id": asset_id, "extra": {"key": f"own-{position}"}}
        url = f"{cluster.address}/api/v2/assets/events"
        session.post(url, json=event, headers=headers, timeout=HTTP_PATIENCE).raise_for_status()

    ratios = []
    for turn in range(TURNS):
        own = measure("POST /api/v2/assets/events", range(COMPARED), emit)
        ours = measure("the receiver", envelopes(cluster.sandbox, EVENT, keys(f"ratio-{turn}", COMPARED)), receive)
        ratios.append(ours / own)
    print(f"the receiver is {median(ratios):.2f} times as fast as Airflow's own (median of {TURNS} turns)")


def measure(name: str, work: Sequence[Item], do: Callable[[requests.Session, Item], object]) -> float:
    """Print throughput and latency; returns the throughput, in items a second."""

    def timed(session: requests.Session, item: Item) -> float:
        start = time.perf_counter()
        do(session, item)
        return time.perf_counter() - start

    start = time.perf_counter()
    taken = in_parallel(work, timed)
    rate = len(work) / (time.perf_counter() - start)
    p99 = quantiles(taken, n=100)[98]
    print(f"{name}: {rate:.0f}/s, p50 {median(taken) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms ({len(work)} requests)")
    return rate


if __name__ == "__main__":
    main()
