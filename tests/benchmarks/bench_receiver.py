"""Throughput and latency of the receiver on PostgreSQL: ``python -m tests.benchmarks.bench_receiver``.

Two API servers. So many deliveries are offered a second; then ten thousand, each twice, while one server is killed. No
scheduler runs, so that only the servers are measured. What Airflow's own endpoint does, ``against`` compares.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from itertools import count
from statistics import median, quantiles

import requests

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope

from ..e2e.cluster import Cluster
from ..e2e.deliveries import PATH, deliver, envelopes, in_parallel
from ..e2e.programme import TOKEN, webhook
from .against.receiving import EVENT, keys, receiver_requests, servers
from .own_postgres import postgres_and_folder
from .raw_http import Timing, send_all

CLIENTS = 32  # with 64, Airflow's own endpoint does not answer for minutes
OFFERED = 300  # a second
OFFERED_FOR = 20  # seconds
OFFERING_CLIENTS = 64
DELIVERIES = 10_000


def main() -> None:
    """Print the figures."""
    with ExitStack() as stack:
        postgres, folder = stack.enter_context(postgres_and_folder())
        sandbox = stack.enter_context(Sandbox(token=TOKEN))
        cluster = servers(folder / "airflow", sandbox, postgres)
        stack.enter_context(cluster)
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT], url=cluster.address + PATH)])
        other = cluster.start_server("other")
        cluster.start("api-server")
        addresses = [cluster.address, other]
        for address in addresses:
            cluster.wait_until_up(address)
        offer(cluster, addresses)
        kill_amid_them(cluster, "other", addresses)


def offer(cluster: Cluster, addresses: list[str]) -> None:
    """So many deliveries a second, whether the servers keep up or not."""
    offered = receiver_requests(cluster, addresses, "offered", OFFERED * OFFERED_FOR)
    measure(cluster, f"the receiver, {OFFERED}/s offered", offered, OFFERING_CLIENTS, OFFERED)


def measure(
    cluster: Cluster,
    name: str,
    work: list[tuple[str, bytes]],
    clients: int = CLIENTS,
    per_second: float | None = None,
) -> tuple[float, float]:
    """Print throughput, latency, the servers' CPU and answers.

    :returns: requests a second, and CPU seconds of the servers for a thousand requests: these depend much less on what
        else the machine does.
    """
    before = cluster.cpu_seconds()
    seconds, timings = send_all(work, clients, per_second)
    rate, cpu = len(work) / seconds, 1000 * (cluster.cpu_seconds() - before) / len(work)
    answers = dict(Counter(one.status for one in timings))
    print(f"{name}: {rate:.0f}/s, {latencies(timings)}, {cpu:.1f} CPU seconds for a thousand, answers {answers}")
    return rate, cpu


def latencies(timings: list[Timing]) -> str:
    """Their median and 99th percentile."""
    seconds = [one.seconds for one in timings]
    return f"p50 {median(seconds) * 1000:.0f} ms, p99 {quantiles(seconds, n=100)[98] * 1000:.0f} ms"


def kill_amid_them(cluster: Cluster, killed: str, addresses: list[str]) -> None:
    """Deliver each twice to two servers, of which one is killed after a third, and started again."""
    outcomes: list[str] = []
    done, turns = count(1), count()
    made = envelopes(cluster.sandbox, EVENT, keys("load", DELIVERIES))

    def one(session: requests.Session, delivery: Envelope) -> None:
        start = next(turns)
        deliver(session, (addresses[(start + turn) % 2] for turn in count()), delivery, outcomes.append)
        if next(done) == 2 * DELIVERIES // 3:
            cluster.kill(killed)
            cluster.start_server(killed)

    start = time.perf_counter()
    in_parallel([*made, *made], one)
    rate = 2 * DELIVERIES / (time.perf_counter() - start)
    query = "select count(*), count(distinct extra::json->'data'->>'key') from asset_event where extra::text like ?"
    [(events, distinct)] = cluster.rows(query, '%"load-%')
    print(f"{DELIVERIES} deliveries twice each, one server killed: {rate:.0f}/s, answers {dict(Counter(outcomes))}")
    verdict = "each exactly once" if events == distinct == DELIVERIES else "WRONG"
    print(f"    {events} asset events of {distinct} deliveries: {verdict}")


if __name__ == "__main__":
    main()
