"""Throughput and latency of the receiver on PostgreSQL: ``python -m tests.benchmarks.bench_receiver``.

Two API servers. The receiver beside Airflow's own way to make an asset event, in turns; then so many deliveries offered
a second; then ten thousand, each twice, while one server is killed. No scheduler runs, so that only the servers are
measured.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count, cycle
from pathlib import Path
from statistics import median, quantiles

import requests

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.sandbox.deliveries import Envelope

from ..e2e.cluster import Cluster
from ..e2e.deliveries import PATH, deliver, envelopes, in_parallel
from ..e2e.postgres import Postgres
from ..e2e.programme import TOKEN, webhook
from .own_postgres import postgres_and_folder
from .raw_http import Timing, request_bytes, send_all

COMPARED = 3_000
TURNS = 3
CLIENTS = 32  # with 64, Airflow's own endpoint does not answer for minutes
OFFERED = 300  # a second
OFFERED_FOR = 20  # seconds
OFFERING_CLIENTS = 64
DELIVERIES = 10_000
EVENT = "transaction.created"
DAGS = Path(__file__).parents[1] / "e2e" / "dags_receiver"


def main() -> None:
    """Print the figures."""
    with ExitStack() as stack:
        postgres, folder = stack.enter_context(postgres_and_folder())
        sandbox = stack.enter_context(Sandbox(token=TOKEN))
        cluster = servers(folder, sandbox, postgres)
        stack.enter_context(cluster)
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT], url=cluster.address + PATH)])
        other = cluster.start_server("other")
        cluster.start("api-server")
        addresses = [cluster.address, other]
        for address in addresses:
            cluster.wait_until_up(address)
        compare(cluster, addresses)
        offer(cluster, addresses)
        kill_amid_them(cluster, "other", addresses)


def servers(folder: Path, sandbox: Sandbox, postgres: Postgres) -> Cluster:
    """An Airflow whose DAGs are parsed; none of its parts runs yet."""
    cluster = Cluster(folder / "airflow", sandbox, postgres, dags=DAGS)
    cluster.environment |= {
        "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        # Else Airflow makes a token for every request that has none.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    }
    cluster.airflow("dags", "reserialize")
    return cluster


def keys(prefix: str, number: int) -> list[str]:
    """Subjects of deliveries."""
    return [f"{prefix}-{position}" for position in range(number)]


def compare(cluster: Cluster, addresses: list[str]) -> None:
    """The receiver and Airflow's own endpoint, in turns, each on both servers."""
    [(asset_id,)] = cluster.rows("select id from asset where uri = ?", f"partnero://partnero_default/{EVENT}")
    login = cluster.login() | {"Content-Type": "application/json"}
    measure(cluster, "warming up", own_requests(addresses, asset_id, login, "warm", 50))
    measure(cluster, "warming up", receiver_requests(cluster, addresses, "warm", 50))
    owns: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for turn in range(TURNS):
        work = own_requests(addresses, asset_id, login, f"own-{turn}", COMPARED // 5)
        owns.append(measure(cluster, "POST /api/v2/assets/events", work))
        ours.append(measure(cluster, "the receiver", receiver_requests(cluster, addresses, f"ratio-{turn}", COMPARED)))
    tell_ratio("requests a second", [rate for rate, _ in owns], [rate for rate, _ in ours])
    tell_ratio("CPU seconds of the servers for a thousand", [cpu for _, cpu in owns], [cpu for _, cpu in ours])


def tell_ratio(what: str, owns: list[float], ours: list[float]) -> None:
    """Print the medians of the turns, and how many times one is the other."""
    own, our = median(owns), median(ours)
    ratio = max(own, our) / min(own, our)
    print(f"medians of {TURNS} turns, {what}: Airflow's own {own:.1f}, the receiver {our:.1f}; {ratio:.1f} times")


def own_requests(
    addresses: list[str], asset_id: int, headers: dict[str, str], prefix: str, number: int
) -> list[tuple[str, bytes]]:
    """Requests to Airflow's own endpoint, with extras like those of deliveries."""
    path = "/api/v2/assets/events"
    bodies = [json.dumps({"asset_id": asset_id, "extra": {"data": {"key": key}}}) for key in keys(prefix, number)]
    return [
        (address, request_bytes(address, path, headers, body.encode()))
        for address, body in zip(cycle(addresses), bodies, strict=False)
    ]


def receiver_requests(cluster: Cluster, addresses: list[str], prefix: str, number: int) -> list[tuple[str, bytes]]:
    """Deliveries to the receiver."""
    made = envelopes(cluster.sandbox, EVENT, keys(prefix, number))
    return [
        (address, request_bytes(address, PATH, dict(one.headers), one.body))
        for address, one in zip(cycle(addresses), made, strict=False)
    ]


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
