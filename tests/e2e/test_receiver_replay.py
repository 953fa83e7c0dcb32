"""Deliveries that reached nobody, on PostgreSQL with a real scheduler: each reaches its DAG in the end, and once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import airflow.sdk
import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .cluster import Cluster
from .deliveries import PATH, TAKEN, deliver_to, envelope
from .postgres import Postgres
from .programme import TOKEN
from .waiting import PATIENCE

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

DAGS = Path(__file__).parent / "dags_replay"
EVENTS = ["transaction.created", "partner.created", "lead.submitted"]
PARTITIONED = ["waits_by_partition"] if hasattr(airflow.sdk, "PartitionedAssetTimetable") else []  # from 3.2
COMMAND = [sys.executable, "-m", "airflow_provider_partnero", "deliveries"]


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Cluster]:
    """API server, scheduler and DAG processor; the DAGs are parsed, but for the late one."""
    with Sandbox(token=TOKEN) as sandbox:
        cluster = Cluster(tmp_path_factory.mktemp("replaying"), sandbox, postgres, dags=DAGS)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
        }
        sandbox.put_webhooks([{"key": "replayKey", "url": f"{cluster.address}{PATH}", "events": EVENTS}])
        with cluster:
            cluster.start("api-server", "scheduler", "dag-processor")
            cluster.wait_until_up()
            for dag_id in ("waits", "fails", *PARTITIONED):
                cluster.wait_until_parsed(dag_id)
            yield cluster


def told(cluster: Cluster, dag_id: str) -> list[tuple[str, int]]:
    """What the runs of a DAG were told: key and replay of each delivery."""
    path = cluster.folder / f"{dag_id}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(key, replay) for line in lines for key, replay in json.loads(line)]


def send(cluster: Cluster, event: str, key: str, at: datetime | None = None) -> str:
    """Deliver until it is acknowledged; the receiver's word. A slow one may have recorded it at an attempt before."""
    return deliver_to(cluster.address, envelope(cluster.sandbox, event, key, at))


def pause(cluster: Cluster, dag_id: str, *, is_paused: bool) -> None:
    """As the switch in Airflow's page does."""
    cluster.api("PATCH", f"/api/v2/dags/{dag_id}?update_mask=is_paused", is_paused=is_paused)


def command(cluster: Cluster, *arguments: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=cluster.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_until_told(cluster: Cluster, dag_id: str, key: str, replay: int = 0) -> None:
    """Wait until a run of the DAG was told of a delivery."""
    cluster.wait_for(lambda: (key, replay) in told(cluster, dag_id), f"{dag_id} to be told of {key}")


def test_what_came_while_dags_were_paused_is_seen_once_after_the_unpausing(receiving: Cluster) -> None:
    waiting = ["waits", *PARTITIONED]
    for dag_id in waiting:
        pause(receiving, dag_id, is_paused=True)
    start = datetime.now(UTC) - timedelta(hours=1)
    keys = [f"paused-{number}" for number in range(3)]
    for number, key in enumerate(keys):
        word = send(receiving, "transaction.created", key, start + timedelta(seconds=number))
        assert word in {"unrouted", "duplicate"}
    for dag_id in waiting:
        pause(receiving, dag_id, is_paused=False)
        for key in keys:
            wait_until_told(receiving, dag_id, key)
    assert send(receiving, "transaction.created", "afterwards") in TAKEN
    for dag_id in waiting:
        wait_until_told(receiving, dag_id, "afterwards")
        assert sorted(told(receiving, dag_id)) == [("afterwards", 0), *[(key, 0) for key in keys]]
    assert receiving.rows("select count(*) from partnero_waiting") == [(0,)]


def test_what_came_before_any_dag_was_scheduled_is_seen_once_by_the_first(receiving: Cluster) -> None:
    keys = [f"early-{number}" for number in range(120)]
    for key in keys:
        assert send(receiving, "lead.submitted", key) in {"unrouted", "duplicate"}
    (receiving.folder / "late-is-there").touch()
    receiving.wait_until_parsed("late")
    receiving.wait_for(lambda: len(told(receiving, "late")) >= 120, "the new DAG to be told of what came before")
    assert send(receiving, "lead.submitted", "one more") in TAKEN
    receiving.wait_for(lambda: ("one more", 0) in told(receiving, "late"), "one more")
    assert sorted(told(receiving, "late")) == sorted([*[(key, 1) for key in keys], ("one more", 0)])


def test_failed_deliveries_are_replayed_once_although_the_command_is_killed_in_the_middle(receiving: Cluster) -> None:
    broken = receiving.folder / "fails-is-broken"
    broken.touch()
    keys = [f"failed-{number}" for number in range(300)]
    for key in keys:
        assert send(receiving, "partner.created", key) in TAKEN
    failed = "select count(distinct d.delivery_id) from partnero_delivery d join dagrun_asset_event t on "
    failed += "t.event_id = d.asset_event_id join dag_run r on r.id = t.dag_run_id where r.state = 'failed'"
    receiving.wait_for(lambda: receiving.rows(failed) == [(300,)], "all runs to fail")
    broken.unlink()
    replayed = "select count(*) from partnero_delivery where replays = 1 and event = 'partner.created'"
    with subprocess.Popen(
        [*COMMAND, "replay", "--outcome", "failed", "--yes"], env=receiving.environment, start_new_session=True
    ) as process:
        while process.poll() is None and receiving.rows(replayed) == [(0,)]:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    [(halfway,)] = receiving.rows(replayed)
    print(f"killed after {halfway} of 300")
    assert halfway < 300
    command(receiving, "replay", "--outcome", "failed", "--yes")
    receiving.wait_for(lambda: len(told(receiving, "fails")) >= 300, "the DAG to be told of all")
    assert send(receiving, "partner.created", "mark") in TAKEN
    receiving.wait_for(lambda: ("mark", 0) in told(receiving, "fails"), "one more")
    assert sorted(told(receiving, "fails")) == sorted([*[(key, 1) for key in keys], ("mark", 0)])
    assert command(receiving, "replay", "--outcome", "failed", "--yes") == "Nothing to send again.\n"
