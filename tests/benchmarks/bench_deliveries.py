"""The commands on 100,000 deliveries, and a receiver beside them: ``python -m tests.benchmarks.bench_deliveries``.

On PostgreSQL and on SQLite: how long each command takes, how much memory, and how long the receiver's writer, which
records a delivery each tenth of a second, waits meanwhile. Those that write do so in turns, for one connection each.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles

from airflow_provider_partnero.demo.airflow import airflow_environment

from ..e2e.postgres import HOW_TO_START, MIGRATED, binaries, migrated

DELIVERIES = 100_000
TURNS = 3
CONNECTIONS = ("shop_a", "shop_b", "shop_c")
FAILED, UNROUTED, FORGOTTEN, OTHER = ("transaction.created", "reward.created", "partner.created", "customer.created")
EVENTS = (*(FAILED, UNROUTED, FORGOTTEN) * 3, OTHER)
PEOPLE = 20_000
IN_A_RUN = 100
QUIET_FOR = 10.0  # seconds
EACH = 0.1  # seconds between two deliveries to the writer
AT_ONCE = 5_000  # rows


def main() -> None:
    """Print the figures."""
    bin_folder = binaries()
    if bin_folder is None:
        raise SystemExit(HOW_TO_START)
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="partnero-bench-", ignore_cleanup_errors=True))
        )
        chosen = set(sys.argv[1:]) or {"postgres", "sqlite"}
        if "postgres" in chosen:
            server = stack.enter_context(migrated(bin_folder, folder))
            in_a_process("PostgreSQL", folder / "postgres", server.url(MIGRATED))
        if "sqlite" in chosen:
            in_a_process("SQLite", folder / "sqlite", "")


def in_a_process(kind: str, folder: Path, url: str) -> None:
    """Measure with one database; a process of Airflow has one only."""
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(kind, folder, url))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def measure(kind: str, folder: Path, url: str) -> None:
    """Fill a database, and run the commands."""
    folder.mkdir()
    os.environ |= airflow_environment(folder, "partnero://")
    os.environ["AIRFLOW__CORE__FERNET_KEY"] = "cGFydG5lcm8tdGVzdHMtcGFydG5lcm8tdGVzdHMtMzI="
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    if url:
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url
    else:
        subprocess.run([str(Path(sys.executable).parent / "airflow"), "db", "migrate"], capture_output=True, check=True)
    print(f"{kind}, {DELIVERIES:,} deliveries", flush=True)
    fill()
    with Receiver() as receiver:
        time.sleep(QUIET_FOR)
        quiet = receiver.waits()
    tell_waits("nothing beside the receiver", quiet, quiet)
    for name, turns in commands().items():
        done = [run_beside_receiver(arguments) for arguments in turns]
        seconds, peak = median(one.seconds for one in done), max(one.peak for one in done)
        print(f"{name}: {seconds:.1f} s, {peak} MiB; {done[-1].words}", flush=True)
        tell_waits("the receiver meanwhile", [wait for one in done for wait in one.waits], quiet)


def commands() -> dict[str, list[list[str]]]:
    """The arguments of each command, a list for each turn."""
    some = sha256(b"7").hexdigest()
    return {
        "list": [["list"]] * TURNS,
        "list --outcome failed": [["list", "--outcome", "failed"]] * TURNS,
        "show": [["show", some[:12], "--data"]] * TURNS,
        "forget --data-match": [
            ["forget", "--data-match", f"data.partner.key=p_{turn}", "--yes"] for turn in range(TURNS)
        ],
        **{
            f"{name} of one connection": [[*words, "--conn-id", conn_id, "--yes"] for conn_id in CONNECTIONS]
            for name, words in {
                "replay --outcome failed": ["replay", "--outcome", "failed"],
                "replay --outcome unrouted": ["replay", "--outcome", "unrouted"],
                f"forget --event {FORGOTTEN}": ["forget", "--event", FORGOTTEN],
                f"forget --event {UNROUTED}, all replayed,": ["forget", "--event", UNROUTED],
            }.items()
        },
    }


def fill() -> None:
    """Make DAGs that listen to all events, and deliveries: a third has failed, and of a third nobody was told."""
    from airflow.models.asset import AssetEvent, AssetModel, association_table
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType
    from sqlalchemy import insert, select, text, update

    from airflow_provider_partnero.assets import event_asset_uri, partnero_event_asset
    from airflow_provider_partnero.ledger.keeping import pack
    from airflow_provider_partnero.ledger.tables import DELIVERIES as LEDGER

    from ..unit.conftest import Airflow

    pairs = [(event, conn_id) for event in sorted(set(EVENTS)) for conn_id in CONNECTIONS]
    for event, conn_id in pairs:
        name = f"takes_{event}_{conn_id}"
        with DAG(name, schedule=partnero_event_asset(event, conn_id), start_date=datetime(2026, 1, 1)) as dag:
            pass
        Airflow().store(dag)
    start = datetime.now(UTC) - timedelta(days=80)
    with create_session() as session:
        session.execute(text("update dag set is_paused = false"))
        assets = dict(session.execute(select(AssetModel.uri, AssetModel.id)).tuples().all())
        for number in range(DELIVERIES // IN_A_RUN):
            session.add(
                DagRun("takes", run_id=f"asset__{number}", run_type=DagRunType.ASSET_TRIGGERED, run_after=start)
            )
        session.flush()
        runs: dict[str, list[int]] = {"failed": [], "success": []}
        for number, run_id in enumerate(session.scalars(select(DagRun.id).order_by(DagRun.id))):
            runs["failed" if number % 2 else "success"].append(run_id)
        session.execute(update(DagRun).where(DagRun.id.in_(runs["failed"])).values(state="failed"))
        session.execute(update(DagRun).where(DagRun.id.in_(runs["success"])).values(state="success"))
    for first in range(0, DELIVERIES, AT_ONCE):
        entries, events, taken = [], [], []
        for number in range(first, first + AT_ONCE):
            event, conn_id = EVENTS[number % len(EVENTS)], CONNECTIONS[number // len(EVENTS) % len(CONNECTIONS)]
            at, digest = start + timedelta(seconds=number * 60), sha256(str(number).encode()).hexdigest()
            extra = {
                "delivery_id": digest,
                "event": event,
                "webhook_key": "key",
                "created_at": at.isoformat(),
                "data": {"key": f"k_{number}", "partner": {"key": f"p_{number % PEOPLE}", "about": "x" * 400}},
            }
            has_event = event != UNROUTED
            entries.append(
                {
                    "delivery_id": digest,
                    "conn_id": conn_id,
                    "recorded_at": at,
                    "event": event,
                    "webhook_key": "key",
                    "created_at": at,
                    "outcome": "accepted" if has_event else "unrouted",
                    "asset_event_id": number + 1 if has_event else None,
                    "kept": pack(extra),
                }
            )
            if has_event:
                asset_id = assets[event_asset_uri(event, conn_id)]
                events.append({"id": number + 1, "asset_id": asset_id, "extra": extra, "timestamp": at})
                of_state = runs["failed" if event == FAILED else "success"]
                taken.append({"event_id": number + 1, "dag_run_id": of_state[number % len(of_state)]})
        with create_session() as session:
            session.execute(insert(AssetEvent), events)
            session.execute(insert(association_table), taken)
            session.execute(insert(LEDGER), entries)
    with create_session() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("select setval('asset_event_id_seq', :last)"), {"last": DELIVERIES + 1})
        session.execute(text("analyze"))


@dataclass
class Receiver:
    """A thread that records a delivery each tenth of a second, and measures how long it takes."""

    taken: list[float] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Receiver:
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.is_over.set()
        self.thread.join()

    def run(self) -> None:
        from airflow_provider_partnero.plugin.receiver.recording.job import Job
        from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
        from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

        writer = DeliveryWriter()
        while not self.is_over.wait(EACH):
            body = {"event": OTHER, "webhook_key": "key", "created_at": "2026-05-07T10:30:00Z", "data": time.time_ns()}
            job = Job(CONNECTIONS[0], PartneroDelivery.from_body(json.dumps(body).encode()), "full")
            start = time.perf_counter()
            try:
                writer.write([job])
            except Exception as error:
                print(f"    the receiver was refused: {str(error).splitlines()[0]}", flush=True)
            self.taken.append(time.perf_counter() - start)

    def waits(self) -> list[float]:
        """Seconds that each delivery took."""
        return self.taken.copy()


@dataclass(frozen=True)
class Done:
    """A command that has run.

    :param peak: of its memory, in MiB.
    :param waits: seconds that each delivery took meanwhile.
    """

    seconds: float
    peak: int
    words: str
    waits: list[float]


def run_beside_receiver(arguments: list[str]) -> Done:
    """Run a command while deliveries come in."""
    command = [sys.executable, "-W", "ignore", "-m", "airflow_provider_partnero", "deliveries", *arguments]
    with Receiver() as receiver, tempfile.TemporaryFile("w+") as output:
        start, peak = time.perf_counter(), 0
        process = subprocess.Popen(command, stdout=output, stderr=output)
        while process.poll() is None:
            with suppress(OSError, StopIteration):
                peak = max(peak, peak_of(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        output.seek(0)
        lines = output.read().splitlines() or [""]
    said = next((line for line in lines if line.startswith(("Sent again", "Forgotten", "...", "error"))), lines[-1])
    return Done(seconds, peak, f"exit code {process.returncode}: {said}", receiver.waits())


def peak_of(pid: int) -> int:
    """Of its memory, in MiB; ``ru_maxrss`` would count this process, too."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def tell_waits(what: str, waits: list[float], quiet: list[float]) -> None:
    """Print what a sender waits, and how many times that is what it waits otherwise."""
    p50, p99 = median(waits), quantiles(waits, n=100, method="inclusive")[98] if len(waits) > 1 else waits[0]
    ratio = p50 / median(quiet)
    words = " / ".join(f"{value * 1000:.0f}" for value in (p50, p99, max(waits)))
    print(f"    {what}: p50 / p99 / most {words} ms, {len(waits)} deliveries; p50 {ratio:.1f} times quiet", flush=True)


if __name__ == "__main__":
    main()
