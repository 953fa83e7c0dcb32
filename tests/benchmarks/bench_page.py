"""What Partnero's page takes: ``python -m tests.benchmarks.bench_page [webhooks...]``.

One API server on PostgreSQL, without a scheduler, and Debian's Chromium beside it. For each number of webhooks (100 and
10,000, unless told otherwise), with 100,000 deliveries in the ledger: until the browser paints, until the page has
loaded, and what processor time the server takes for it; medians of :data:`TURNS` loads. The first load of a view reads
the programme from Partnero; the others find it in the page's memory.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from statistics import median
from typing import TYPE_CHECKING

from airflow_provider_partnero.sandbox import Sandbox

from ..e2e.chromium import chromium
from ..e2e.cluster import Cluster
from ..e2e.programme import TOKEN
from .own_postgres import postgres_and_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TURNS = 7
DELIVERIES, AT_ONCE = 100_000, 5_000
CONN_ID = "partnero_default"
VIEWS = ("health", "webhooks", "webhooks?q=Webhook+77&sort=host", "coverage", "history", "deliveries")
PAINTED = """() => new Promise(done => {
  const told = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    const [load] = performance.getEntriesByType('navigation');
    paint && load.loadEventEnd ? done([paint.startTime, load.loadEventEnd]) : setTimeout(told, 5);
  };
  told();
})"""


@dataclass(frozen=True)
class Load:
    """One load of a view; milliseconds.

    :param processor: time of the server's.
    :param size: of the answer's HTML, in KiB.
    """

    painted: float
    loaded: float
    processor: float
    size: float


def main() -> None:
    """Print the tables."""
    numbers = [int(text) for text in sys.argv[1:]] or [100, 10_000]
    with server() as (cluster, sandbox), chromium() as browser:
        print(f"{DELIVERIES:,} deliveries; milliseconds, medians of {TURNS} loads after the first", flush=True)
        first: dict[str, Load] = {}
        for number in numbers:
            sandbox.reset()
            sandbox.seed(number)
            print(f"\n{number:,} webhooks\n{'view':34} first paint  loaded  server's CPU  HTML, KiB  first load's CPU")
            for view in VIEWS:
                begun, *others = loads(cluster, browser, view)
                usual = Load(*(median(values) for values in zip(*map(_figures, others), strict=True)))
                first.setdefault(view, usual)
                print(
                    f"{view:34} {usual.painted:11.0f} {usual.loaded:7.0f} {usual.processor:13.0f} {usual.size:10.0f} "
                    f"{begun.processor:17.0f}   ({usual.painted / first[view].painted:.1f} times the first table's)",
                    flush=True,
                )


def _figures(load: Load) -> tuple[float, float, float, float]:
    return load.painted, load.loaded, load.processor, load.size


def loads(cluster: Cluster, browser: Browser, view: str) -> Iterator[Load]:
    """Load a view again and again, each time as a browser that has the page's style and script already."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    token = cluster.login()["Authorization"].removeprefix("Bearer ")
    context.add_cookies([{"name": "_token", "value": token, "url": cluster.address}])
    page = context.new_page()
    address = f"{cluster.address}/partnero/page/{CONN_ID}/{view}"
    for turn in range(TURNS + 1):
        before = cluster.cpu_seconds()
        again = "" if turn else f"{'&' if '?' in view else '?'}refresh=1"
        answer = page.goto(f"{address}{again}")
        page.get_by_text("are being read from Partnero").wait_for(state="detached", timeout=120_000)
        painted, loaded = page.evaluate(PAINTED)
        assert answer is not None
        size = len(answer.body()) / 1024
        yield Load(painted, loaded, (cluster.cpu_seconds() - before) * 1000, size)
    context.close()


@contextmanager
def server() -> Iterator[tuple[Cluster, Sandbox]]:
    """An API server with many deliveries in its ledger."""
    with ExitStack() as stack:
        postgres, folder = stack.enter_context(postgres_and_folder())
        sandbox = stack.enter_context(Sandbox(token=TOKEN))
        cluster = Cluster(folder / "airflow", sandbox, postgres)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        stack.enter_context(cluster)
        cluster.start("api-server")
        cluster.wait_until_up()
        command = [sys.executable, "-m", "tests.benchmarks.bench_page", "fill"]
        subprocess.run(command, env=cluster.environment, check=True)
        yield cluster, sandbox


def fill() -> None:
    """Put deliveries into the ledger that found no DAG."""
    from airflow.utils.session import create_session
    from sqlalchemy import insert, text

    from airflow_provider_partnero.ledger.keeping import pack
    from airflow_provider_partnero.ledger.tables import DELIVERIES as LEDGER

    events = ("customer.created", "partner.created", "partner.updated", "transaction.created")
    start = datetime.now(UTC) - timedelta(days=80)
    for first in range(0, DELIVERIES, AT_ONCE):
        entries = [
            {
                "delivery_id": sha256(str(number).encode()).hexdigest(),
                "conn_id": CONN_ID,
                "recorded_at": start + timedelta(minutes=number),
                "event": events[number % len(events)],
                "webhook_key": "key",
                "created_at": start + timedelta(minutes=number),
                "outcome": "unrouted",
                "asset_event_id": None,
                "kept": pack({"event": events[number % len(events)], "data": {"key": f"k_{number}"}}),
            }
            for number in range(first, first + AT_ONCE)
        ]
        with create_session() as session:
            session.execute(insert(LEDGER), entries)
    with create_session() as session:
        session.execute(text("analyze"))


if __name__ == "__main__":
    fill() if sys.argv[1:] == ["fill"] else main()
