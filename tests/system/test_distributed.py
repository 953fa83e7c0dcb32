"""Two of each part on Celery, Redis and PostgreSQL: what is promised holds although each of them is killed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox
from tests.e2e.deliveries import PATH
from tests.e2e.postgres import Postgres
from tests.e2e.programme import TOKEN, webhook

from . import balancer, stories
from .distributed import PARTS, TRIGGERERS, WORKERS, Distributed
from .storm import CREATE_KILLS, EVENT, RECONCILE_KILLS, Storm, deliver_all

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.celery, pytest.mark.nginx, pytest.mark.slow]

CREATES, DECLARED, SENSORS, SENSORS_A_DAG, INTERVAL = 30, 200, 1_000, 20, 5
_STORM = Path(__file__).parent / "dags" / "storm.py"
_SENSOR_DAGS = [f"storm_sensors_{first}" for first in range(0, SENSORS, SENSORS_A_DAG)]
_SENSOR = "dag_id like 'storm|_sensors|_%' escape '|'"


@dataclass(frozen=True)
class Programmes:
    """The Partneros: one for the examples and the deliveries, and one for each thing that the storm disturbs."""

    examples: Sandbox
    creates: Sandbox
    reconciles: Sandbox
    waits: Sandbox


@pytest.fixture(scope="module")
def programmes() -> Iterator[Programmes]:
    with (
        Sandbox(token=TOKEN) as examples,
        Sandbox(token=TOKEN, profile=Profile(taken_key="second")) as creates,
        Sandbox(token=TOKEN, profile=Profile(taken_key="second")) as reconciles,
        Sandbox(token=TOKEN) as waits,
    ):
        yield Programmes(examples, creates, reconciles, waits)


@pytest.fixture(scope="module")
def cluster(
    programmes: Programmes,
    postgres: Postgres,
    broker: str,
    nginx_program: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Distributed]:
    """All parts are up, and all DAGs are parsed."""
    folder = tmp_path_factory.mktemp("distributed")
    dags = stories.copy_examples(folder / "source")
    shutil.copy(_STORM, dags)
    cluster = Distributed(folder / "distributed", programmes.examples, postgres, broker, dags)
    cluster.environment |= stories.RECEIVING | {
        "AIRFLOW_CONN_CREATES": programmes.creates.connection_json,
        "AIRFLOW_CONN_RECONCILES": programmes.reconciles.connection_json,
        "AIRFLOW_CONN_WAITS": programmes.waits.connection_json,
        "PARTNERO_TEST_SENSORS": str(SENSORS),
    }
    port = int(cluster.address.rpartition(":")[2])
    with balancer.running(nginx_program, folder / "nginx", port, cluster.api_ports), cluster:
        cluster.start(*PARTS)
        cluster.wait_until_healthy()
        cluster.wait_until_parsed(_SENSOR_DAGS[-1])
        yield cluster


def test_all_example_dags_succeed(cluster: Distributed) -> None:
    stories.put_programme(cluster)
    stories.run_all(cluster)


@pytest.fixture(scope="module")
def storm(cluster: Distributed, programmes: Programmes) -> Storm:
    """30 creates, a reconcile of 200, 1,000 deferred sensors and deliveries, while 37 times a part is killed."""
    for dag_id in (stories.HEARS, stories.DRIFT):
        cluster.pause(dag_id, is_paused=True)
    programmes.examples.reset()
    programmes.examples.put_webhooks([webhook("heard", url=f"{cluster.address}{PATH}", events=[EVENT])])
    programmes.waits.put_webhooks(_waited(is_active=False))
    for dag_id in _SENSOR_DAGS:
        cluster.trigger(dag_id)
    cluster.wait_for(lambda: _sensors(cluster) == {"deferred": SENSORS}, "all sensors to defer")

    cluster.make_impatient()
    # Partnero answers long after it has made the webhook: that is when a worker is killed.
    programmes.creates.fault(method="POST", path="^/webhooks$", delay=20, times=10_000)
    programmes.reconciles.fault(method="POST", path="^/webhooks$", delay=0.3, times=10_000)
    cluster.trigger("storm_creates")
    cluster.trigger("storm_reconcile")
    storm = Storm(cluster, programmes.creates, programmes.reconciles, DECLARED)
    storm.rage()
    return storm


def test_thirty_creates_make_thirty_webhooks_although_workers_are_killed_amid_them(
    cluster: Distributed, programmes: Programmes, storm: Storm
) -> None:
    assert sum(part in WORKERS for part in storm.killed) == CREATE_KILLS + RECONCILE_KILLS
    assert sum(made > known for made, known in storm.made) >= CREATE_KILLS // 2  # before the task heard of its webhook
    cluster.wait_for(lambda: _states(cluster, "storm_creates") == {"success": CREATES}, "all creates")
    assert Counter(made["name"] for made in programmes.creates.webhooks()) == Counter(
        f"Storm {number:02d}" for number in range(CREATES)
    )


def test_a_reconcile_of_200_webhooks_killed_ten_times_makes_each_once(
    cluster: Distributed, programmes: Programmes, storm: Storm
) -> None:
    assert len(storm.reconciled) == RECONCILE_KILLS
    assert 0 < storm.reconciled[0] < storm.reconciled[-1] < DECLARED
    cluster.wait_for(lambda: _states(cluster, "storm_reconcile") == {"success": 1}, "the reconcile")
    assert Counter(made["name"] for made in programmes.reconciles.webhooks()) == Counter(
        f"Declared {number:03d}" for number in range(DECLARED)
    )


def test_each_delivery_is_one_event_that_one_run_hears_although_each_part_is_killed(
    cluster: Distributed, storm: Storm
) -> None:
    assert set(storm.killed) >= set(PARTS) - set(WORKERS)
    extras = [extra for (extra,) in cluster.rows("select extra from asset_event where extra is not null")]
    subjects = [(extra.get("data") or {}).get("key") for extra in extras if isinstance(extra, dict)]
    recorded = Counter(subject for subject in subjects if str(subject).startswith("storm-"))
    assert recorded == Counter(storm.delivered)

    cluster.wait_for(lambda: set(_heard(cluster)) >= set(storm.delivered), "all deliveries to be heard")
    deliver_all(cluster, ["storm-last"])
    cluster.wait_for(lambda: "storm-last" in _heard(cluster), "one more delivery to be heard")
    assert _heard(cluster) == Counter([*storm.delivered, "storm-last"])


def test_a_thousand_sensors_share_a_poll_in_each_triggerer_and_none_is_lost_when_triggerers_are_killed(
    cluster: Distributed, programmes: Programmes, storm: Storm
) -> None:
    assert set(storm.killed) >= set(TRIGGERERS)
    assert _sensors(cluster) == {"deferred": SENSORS}
    homes = "select count(*) from trigger join job on job.id = triggerer_id where classpath like '%ActiveTrigger'"
    alive = f"{homes} and latest_heartbeat > now() - interval '5 seconds'"
    cluster.wait_for(lambda: cluster.rows(alive) == [(SENSORS,)], "each sensor to be in a live triggerer")
    pages = len(TRIGGERERS) * ceil(SENSORS / 100)
    programmes.waits.clear_requests()
    polls = cluster.wait_for(
        lambda: requests if len(requests := programmes.waits.requests()) >= 3 * pages else None, "3 polls"
    )
    assert polls is not None
    assert {(request.method, request.path) for request in polls} == {("GET", "/webhooks")}
    assert len(polls) <= pages * ((polls[-1].at - polls[0].at) / INTERVAL + 2)

    cluster.wait_until_healthy()
    for dag_id in _SENSOR_DAGS:
        cluster.pause(dag_id, is_paused=True)  # what was heard is seen in the rows; no worker need finish the tasks
    programmes.waits.put_webhooks(_waited(is_active=True))
    cluster.wait_for(lambda: _sensors(cluster) == {"scheduled": SENSORS}, "each sensor to hear of its webhook")
    heard = cluster.rows(f"select task_id, next_kwargs::text from task_instance where {_SENSOR}")
    assert {task_id for task_id, told in heard if _key(int(task_id.removeprefix("wait_"))) not in told} == set()


def _key(number: int) -> str:
    return f"waited{number:06d}"


def _waited(*, is_active: bool) -> list[dict[str, object]]:
    return [webhook(_key(number), is_active=is_active) for number in range(SENSORS)]


def _sensors(cluster: Distributed) -> dict[str, int]:
    query = f"select coalesce(state, 'none'), count(*) from task_instance where {_SENSOR} group by 1"
    return dict(cluster.rows(query))


def _states(cluster: Distributed, dag_id: str) -> dict[str, int]:
    """How many task instances of the DAG are in each state."""
    query = "select coalesce(state, 'none'), count(*) from task_instance where dag_id = ? group by 1"
    return dict(cluster.rows(query, dag_id))


def _heard(cluster: Distributed) -> Counter[str]:
    """The subjects of the storm's deliveries that runs were told; a run that was tried again was told the same."""
    path = cluster.folder / "heard.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    by_run = {line["run"]: line["told"] for line in lines}
    return Counter(key for told in by_run.values() for key in told if key.startswith("storm-"))
