"""A real triggerer with fifty waits at servers that never finish an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_partnero.sandbox import Sandbox
from tests.slow_server import SlowServer

from .cluster import DAGS, Cluster
from .postgres import Postgres
from .programme import TOKEN, webhook
from .waiting import PATIENCE

pytestmark = [pytest.mark.airflow, pytest.mark.postgres]

CONNECTIONS = 50
MOST = 40  # hang at any time; the others pause for a second


@pytest.fixture(scope="module")
def quick() -> Iterator[Sandbox]:
    with Sandbox(token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[SlowServer, SlowServer]]:
    with SlowServer("silent") as silent, SlowServer("dripping") as dripping:
        yield silent, dripping


@pytest.fixture(scope="module")
def hanging(
    tmp_path_factory: pytest.TempPathFactory,
    quick: Sandbox,
    servers: tuple[SlowServer, SlowServer],
    postgres: Postgres,
) -> Iterator[Cluster]:
    """An Airflow whose connections are in its database, as the triggerer asks its supervisor for them."""
    cluster = Cluster(tmp_path_factory.mktemp("hanging"), quick, postgres, dags=DAGS.parent / "dags_slow")
    with cluster:
        cluster.start("api-server")
        cluster.wait_until_up()
        stored = {f"hanging{n}": servers[n % 2].connection(timeout=600) for n in range(CONNECTIONS)}
        for name, text in {**stored, "quick": quick.connection_json}.items():
            fields = json.loads(text)
            body = fields | {"connection_id": name, "extra": json.dumps(fields.get("extra", {}))}
            cluster.api("POST", "/api/v2/connections", **body)
        cluster.start("scheduler", "dag-processor", "triggerer")
        cluster.wait_until_healthy()
        cluster.wait_for(lambda: _waiting(servers) > MOST, "polls that hang")
        yield cluster


def _waiting(servers: tuple[SlowServer, SlowServer]) -> int:
    return sum(server.waiting for server in servers)


def test_a_sensor_of_airflows_own_is_punctual_beside_them(
    hanging: Cluster, servers: tuple[SlowServer, SlowServer]
) -> None:
    run_id = hanging.trigger("punctual")
    hanging.wait_for(lambda: hanging.state("punctual", run_id, "wait") == "deferred", "the sensor to defer")
    hanging.wait_for(lambda: _waiting(servers) > MOST, "polls that hang beside it")
    hanging.succeed("punctual", run_id)
    # The triggerer ends this task by itself, so no worker's start is in these seconds.
    [(started, ended)] = hanging.rows(
        "select run_after, task_instance.end_date from dag_run join task_instance using (dag_id, run_id) "
        "where run_id = ?",
        run_id,
    )
    assert timedelta(seconds=60) <= ended - started < timedelta(seconds=90)


def test_a_sensor_whose_server_answers_succeeds_beside_them(
    hanging: Cluster, quick: Sandbox, servers: tuple[SlowServer, SlowServer]
) -> None:
    quick.put_webhooks([webhook("k", is_active=False)])
    run_id = hanging.trigger("answered")
    hanging.wait_for(lambda: hanging.state("answered", run_id, "wait") == "deferred", "the sensor to defer")
    quick.clear_requests()
    hanging.wait_for(lambda: len(quick.requests()) >= 3, "three polls")
    hanging.wait_until_heard("answered", run_id, "wait")
    quick.put_webhooks([webhook("k", is_active=True)])
    hanging.succeed("answered", run_id)
    assert sum(server.requests for server in servers) > CONNECTIONS  # those that hang are asked again and again


def test_the_polls_of_a_triggerer_that_is_told_to_stop_are_gone_within_five_seconds(
    hanging: Cluster, servers: tuple[SlowServer, SlowServer]
) -> None:
    hanging.wait_for(lambda: _waiting(servers) > MOST, "polls that hang")
    triggerer = hanging.stop("triggerer")
    told = hanging.wait_for(lambda: _time_of(hanging, "Exiting gracefully"), "the triggerer to be told")
    hanging.wait_for(lambda: _waiting(servers) == 0, "all polls to be gone with their process")
    assert told is not None
    assert datetime.now(UTC) - told < timedelta(seconds=5)
    # Airflow may take ten seconds to see that the process of the triggers has ended, with any triggers or none.
    assert triggerer.wait(PATIENCE) == 0


def _time_of(cluster: Cluster, words: str) -> datetime | None:
    """When the triggerer's log said so."""
    lines = [line for line in cluster.log("triggerer").read_text().splitlines() if words in line]
    return datetime.fromisoformat(lines[0].split()[0]) if lines else None
