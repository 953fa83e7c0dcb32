"""What strangers cost the API server: ``python -m tests.benchmarks.bench_door [rate [flood...]]``.

One API server on PostgreSQL, no scheduler. Eight senders, each a process of its own, send as many requests a second as
the rate says (5 each, unless told otherwise). They run on the machine that they attack, so part of what is measured is
their own work. The same senders at a page of Airflow's that does nothing say what any request costs.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

import requests

from airflow_provider_partnero.sandbox import Sandbox

from ..e2e.cluster import Cluster
from ..e2e.deliveries import PATH, envelope, envelopes
from ..e2e.floods import FLOODS, SENDERS, counts_of, flooding, memory_of
from ..e2e.programme import TOKEN, webhook
from ..e2e.waiting import HTTP_PATIENCE
from .own_postgres import postgres_and_folder

EVENT = "transaction.created"
SECONDS = 10.0  # of each flood
RATE = 5.0  # requests a second of each sender
DAGS = Path(__file__).parents[1] / "e2e" / "dags_receiver"
REFERENCE = "/api/v2/version"


def main() -> None:
    """Print the table."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    with ExitStack() as stack:
        postgres, folder = stack.enter_context(postgres_and_folder())
        sandbox = stack.enter_context(Sandbox(token=TOKEN))
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT], url=f"https://airflow.example{PATH}")])
        cluster = Cluster(folder / "airflow", sandbox, postgres, dags=DAGS)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        cluster.airflow("dags", "reserialize")
        stack.enter_context(cluster)
        cluster.start("api-server")
        cluster.wait_until_up()
        caught = envelope(sandbox, EVENT, "caught")
        genuine = folder / "genuine"
        genuine.write_bytes(caught.headers["Signature"].encode() + b"\n" + caught.body)
        for _ in range(20):
            requests.post(cluster.address + PATH, caught.body, headers=dict(caught.headers), timeout=HTTP_PATIENCE)
        measure_all(cluster, genuine, rate)


def measure_all(cluster: Cluster, genuine: Path, rate: float) -> None:
    """A line for each flood."""
    print(f"{SENDERS} senders with {rate:g} requests/s each, on the machine that they attack; {SECONDS:g} s each")
    print(f"{'':34}{'health p50/p99':>17}{'genuine <2 s':>14}{'p50/p99':>14}{'memory':>10}{'peak':>9}{'lines':>7}")
    quiet = measure(cluster, "quiet")
    measure(cluster, f"reference: {REFERENCE}", ("made-up keys", REFERENCE), genuine, rate, quiet)
    for name in sys.argv[2:] or FLOODS:
        measure(cluster, name, (name, None), genuine, rate, quiet)
    measure(cluster, "quiet again", quiet=quiet)


def measure(
    cluster: Cluster,
    title: str,
    flood: tuple[str, str | None] | None = None,
    genuine: Path = Path(),
    rate: float = RATE,
    quiet: float | None = None,
) -> float:
    """Print one line; the median of the health page's latency, in ms."""
    log = cluster.log("api-server")
    lines, (resident, _) = our_lines(log), memory_of(cluster, "api-server")
    answers: dict[str, int] = {}
    with ExitStack() as stack:
        senders = []
        if flood:
            senders = stack.enter_context(flooding(flood[0], cluster.address, genuine, rate, path=flood[1]))
            time.sleep(1.5)  # until Python has started
        health, taken, words = look(cluster, title)
        if senders:
            answers = counts_of(senders)
    after, peak = memory_of(cluster, "api-server")
    in_time = sum(seconds < 2 and word in {200, 202} for seconds, word in zip(taken, words, strict=True))
    p50 = median(health) * 1000
    times = f" ({p50 / quiet:.1f}x)" if quiet else ""
    print(
        f"{title:34}{f'{p50:.0f}/{p99(health):.0f} ms':>17}{f'{in_time}/{len(taken)}':>14}"
        f"{f'{median(taken) * 1000:.0f}/{p99(taken):.0f} ms':>14}{after - resident:+7.1f} MiB{peak - resident:+6.0f}"
        f"{our_lines(log) - lines:7}  {answers or ''}{times}",
        flush=True,
    )
    return p50


def look(cluster: Cluster, title: str) -> tuple[list[float], list[float], list[int]]:
    """Seconds that the health page takes, those that genuine deliveries take, and how these are answered."""
    health: list[float] = []
    taken: list[float] = []
    words: list[int] = []
    work = envelopes(cluster.sandbox, EVENT, [f"{title} {number}" for number in range(int(SECONDS * 5))])

    def ask() -> None:
        with requests.Session() as session:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                with timed(health):
                    session.get(f"{cluster.address}/api/v2/monitor/health", timeout=HTTP_PATIENCE)
                time.sleep(0.05)

    asking = threading.Thread(target=ask)
    asking.start()
    end = time.monotonic() + SECONDS
    with requests.Session() as session:
        for one in work:
            if time.monotonic() > end:
                break
            with timed(taken):
                answer = session.post(
                    cluster.address + PATH, one.body, headers=dict(one.headers), timeout=HTTP_PATIENCE
                )
            words.append(answer.status_code)
            time.sleep(0.1)
    asking.join()
    others = Counter(words) - Counter({202: words.count(202)})
    if others:
        print(f"    genuine ones that were not answered 202: {dict(others)}")
    return health, taken, words


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Add how long it takes."""
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)


def p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return quantiles(seconds, n=100)[98] * 1000


def our_lines(log: Path) -> int:
    """Lines of the receiver about refusals; Airflow itself writes one for each request."""
    return log.read_text(errors="replace").count("A delivery to")


if __name__ == "__main__":
    main()
