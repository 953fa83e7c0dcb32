"""What the receiver's turn costs on PostgreSQL: ``python -m tests.benchmarks.simulation.turn_costs``.

One writer records batches, in this process. Each delivery of a batch belongs to another programme, or all to one. It
prints the seconds that a batch holds the turn and takes in all, the processor's part, and the bytes of what is stored.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

from airflow_provider_partnero.demo.airflow import airflow_environment

from ...e2e.postgres import Postgres, running
from ..own_postgres import postgres_and_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_partnero.plugin.receiver.recording.job import Job
    from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter

EVENT = "transaction.created"
PROGRAMMES = 10_000
BATCHES = 25
WRITES_FOR = 15.0  # seconds
SIZES = (1, 8, 32)
_numbers, _programmes = count(), count()


def main() -> None:
    """Print the figures."""
    with postgres_and_folder(lambda bin_folder, _: running(bin_folder)) as (server, folder):
        server.rows("postgres", "create database ledger")
        os.environ |= airflow_environment(folder, "partnero://")
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = server.url("ledger")
        from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter

        make_tables()
        server.rows("ledger", "vacuum analyze")
        writer = DeliveryWriter()
        writer.write([job(0) for _ in range(32)])
        for size in SIZES:
            measure(writer, f"{size} of one programme", size, 1)
            measure(writer, f"{size} of as many programmes", size, PROGRAMMES)
        tell_bytes(server)
        for what, programmes in (("each of another programme", PROGRAMMES), ("all of one", 1)):
            print(f"two writers at once, {what}: {two_writers(programmes):.0f} deliveries a second")


def two_writers(programmes: int) -> float:
    """Deliveries a second that two processes record, each as fast as it can."""
    command = [sys.executable, "-m", __spec__.name, str(programmes)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = "".join(writer.communicate()[0] for writer in writers)
    return sum(map(float, re.findall(r"^recorded (\S+)", printed, re.MULTILINE)))


def write_for_a_while(programmes: int) -> None:
    """Print the deliveries a second that this process has recorded."""
    from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter

    writer, recorded = DeliveryWriter(), 0
    first = random.randrange(PROGRAMMES)
    started = time.perf_counter()
    while time.perf_counter() - started < WRITES_FOR:
        recorded += len(writer.write([job((first + recorded + n) % programmes) for n in range(32)]))
    print(f"recorded {recorded / (time.perf_counter() - started)} a second")


def make_tables() -> None:
    """Airflow's tables and ours, with a DAG and an asset for each programme."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.asset import AssetActive, AssetModel, DagScheduleAssetReference
    from airflow.models.base import Base
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    from airflow_provider_partnero.assets import event_asset_uri
    from airflow_provider_partnero.ledger.tables import create_tables

    assert settings.engine is not None
    import_all_models()  # type: ignore[no-untyped-call]
    Base.metadata.create_all(settings.engine)
    create_tables(settings.engine)
    with create_session() as session:
        session.add(DagBundleModel(name="dags"))
        session.flush()
        assets = [AssetModel(event_asset_uri(EVENT, conn_id(number))) for number in range(PROGRAMMES)]
        session.add_all(assets)
        session.flush()
        for number, asset in enumerate(assets):
            dag = DagModel(dag_id=f"dag_{number}", bundle_name="dags", is_paused=False, is_stale=False)  # type: ignore[no-untyped-call]
            session.add_all([dag, AssetActive.for_asset(asset)])
        session.flush()
        session.add_all(
            DagScheduleAssetReference(asset_id=asset.id, dag_id=f"dag_{number}") for number, asset in enumerate(assets)
        )


def conn_id(number: int) -> str:
    """The connection of a programme."""
    return f"shop_{number % PROGRAMMES}"


def job(programme: int) -> Job:
    """A delivery of half a kilobyte."""
    from airflow_provider_partnero.plugin.receiver.recording.job import Job
    from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

    number = next(_numbers)
    body = {
        "event": EVENT,
        "url": f"https://hooks.example.com/partnero/webhooks/{conn_id(programme)}",
        "webhook_key": f"key{programme % PROGRAMMES:09}",
        "created_at": datetime.now(UTC).isoformat(),
        "data": {"key": f"order-{number}", "amount": 49.9, "customer": f"c-{number}", "note": uuid4().hex * 6},
    }
    return Job(conn_id(programme), PartneroDelivery.from_body(json.dumps(body).encode()), "full")


def measure(writer: DeliveryWriter, what: str, size: int, programmes: int) -> None:
    """Print the least of the batches: what other work on the machine adds is no cost of ours."""
    turns: list[float] = []
    whole: list[float] = []
    processor = 0.0
    with turn_noted(turns):
        for _ in range(BATCHES):
            jobs = [job(next(_programmes) % programmes) for _ in range(size)]
            started, before = time.perf_counter(), time.process_time()
            answers = writer.write(jobs)
            whole.append(time.perf_counter() - started)
            processor += time.process_time() - before
            turns[-1] = time.perf_counter() - turns[-1]
            assert {answer.words for answer in answers} == {"accepted"}
    print(
        f"{what}: turn {1000 * min(turns):.1f} ms, whole {1000 * min(whole):.1f} ms, "
        f"processor {1000 * processor / BATCHES:.1f} ms"
    )


@contextmanager
def turn_noted(turns: list[float]) -> Iterator[None]:
    """Append the moment at which each turn was taken."""
    from airflow_provider_partnero.ledger import emission, turn

    def noted(*given: Any) -> datetime:
        taken = turn.take_turn(*given)
        turns.append(time.perf_counter())
        return taken

    with patch.object(emission, "take_turn", noted):
        yield


def tell_bytes(server: Postgres) -> None:
    """Print what a delivery takes in the database."""
    server.rows("ledger", "vacuum analyze")
    for table in ("partnero_delivery", "asset_event"):
        query = f"select pg_relation_size('{table}'), pg_indexes_size('{table}'), (select count(*) from {table})"
        [(heap, indexes, rows)] = server.rows("ledger", query)
        print(f"{table}: {rows:,} rows, {heap / rows:.0f} bytes each and {indexes / rows:.0f} of indexes")


if __name__ == "__main__":
    if sys.argv[1:]:
        write_for_a_while(int(sys.argv[1]))
    else:
        main()
