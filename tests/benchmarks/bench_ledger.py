"""The ledger at a glance and by pages, of a million deliveries: ``python -m tests.benchmarks.bench_ledger``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

from airflow_provider_partnero.demo.airflow import airflow_environment

from ..e2e.postgres import running
from .own_postgres import postgres_and_folder

T = TypeVar("T")

DELIVERIES = 1_000_000
TURNS = 5
CONNECTIONS = ("shop_a", "shop_b", "shop_c")
FILL = """
insert into partnero_delivery (delivery_id, conn_id, recorded_at, event, outcome, webhook_key, kept)
select md5(i::text) || md5(i::text), (array['shop_a', 'shop_b', 'shop_c'])[1 + i %% 3],
    now() - i * interval '0.7 second', 'event.' || i %% 20,
    (array['accepted', 'accepted', 'accepted', 'paused', 'unrouted'])[1 + i %% 5],
    'key', decode(repeat('ab', 200), 'hex')
from generate_series(1, %s) i
"""


def main() -> None:
    """Print the figures."""
    with postgres_and_folder(lambda bin_folder, _: running(bin_folder)) as (server, folder):
        server.rows("postgres", "create database ledger")
        os.environ |= airflow_environment(folder, "partnero://")
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.url("ledger")
        from airflow import settings
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from airflow.utils.session import create_session

        from airflow_provider_partnero.ledger.listing import FAILED, DeliveryFilter
        from airflow_provider_partnero.ledger.overview import last_deliveries, read_overview
        from airflow_provider_partnero.ledger.pages import read_page
        from airflow_provider_partnero.ledger.tables import create_tables
        from airflow_provider_partnero.ledger.turn import utc_now

        assert settings.engine is not None
        import_all_models()  # type: ignore[no-untyped-call]
        Base.metadata.create_all(settings.engine)
        create_tables(settings.engine)
        server.rows("ledger", FILL, (DELIVERIES,))
        server.rows("ledger", "vacuum analyze partnero_delivery")
        with create_session() as session:
            told = measure("the last delivery of each event", lambda: last_deliveries(session, CONNECTIONS))
            print(f"    {len(told)} events of {len(CONNECTIONS)} connections, {DELIVERIES:,} deliveries")
            measure("all of it, with the counts", lambda: read_overview(session, CONNECTIONS, utc_now()))
            for what, wanted in (
                ("a page of the newest deliveries", DeliveryFilter(conn_id="shop_a")),
                ("of one event", DeliveryFilter(conn_id="shop_a", event="event.3")),
                ("of an outcome that is frequent", DeliveryFilter(conn_id="shop_a", outcomes=("unrouted",))),
                (
                    "of those whose run failed, of which there is none",
                    DeliveryFilter(conn_id="shop_a", outcomes=(FAILED,)),
                ),
                ("of a connection that has none", DeliveryFilter(conn_id="nobody")),
            ):
                measure(what, lambda wanted=wanted: read_page(session, wanted))  # type: ignore[misc]
        plain = "select conn_id, event, max(recorded_at) from partnero_delivery group by 1, 2"
        measure("the last delivery of each event, as a plain query", lambda: server.rows("ledger", plain))


def measure(what: str, do: Callable[[], T]) -> T:
    """Print how long it takes."""
    taken = []
    for _ in range(TURNS):
        start = time.perf_counter()
        found = do()
        taken.append(time.perf_counter() - start)
    print(f"{what}: {median(taken) * 1000:.0f} ms (median of {TURNS})")
    return found


if __name__ == "__main__":
    main()
