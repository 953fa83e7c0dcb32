"""Whatever is delivered, the run that gets it starts, and so do all deliveries beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_partnero.api import sign
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

from ..wild_json import enveloped, wild_texts
from .cluster import Cluster
from .deliveries import PATH, TAKEN, in_parallel, settled
from .mariadb import HOW_TO_START, is_installed
from .postgres import Postgres
from .programme import TOKEN, webhook
from .waiting import HTTP_PATIENCE

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).parent / "dags_anything"
KEY = "anything1234"
POISON = ["18446744073709551616", "9" * 5_000, '{"__classname__": "x"}', "[" * 600 + "]" * 600, '"\\ud800"', "1e400"]


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Cluster]:
    """``airflow standalone`` with one DAG, and one webhook that delivers to it."""
    with Sandbox(token=TOKEN) as sandbox:
        cluster = Cluster(tmp_path_factory.mktemp("anything"), sandbox, migrated_database, dags=DAGS)
        cluster.environment |= {
            "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
            "AIRFLOW__PARTNERO__MAX_BODY_KB": "1024",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        sandbox.put_webhooks([webhook(KEY, url=cluster.address + PATH, events=["transaction.created"])])
        with cluster:
            cluster.start("standalone")
            cluster.wait_until_up()
            cluster.wait_until_parsed("takes_anything")
            yield cluster


def _deliver(cluster: Cluster, bodies: list[bytes]) -> None:
    [signer] = cluster.sandbox.webhooks()

    def one(session: requests.Session, body: bytes) -> str:
        headers = {"Content-Type": "application/json", "Signature": sign(body, signer["signature"])}
        url = cluster.address + PATH
        answer = settled(lambda: session.post(url, body, headers=headers, timeout=HTTP_PATIENCE))
        word: str = answer.json()["status"]
        return word

    assert set(in_parallel(bodies, one)) <= TAKEN


def _taken_back(cluster: Cluster) -> dict[str, Any]:
    """What the last task of each run has returned, all runs together."""
    taken: dict[str, Any] = {}
    for (value,) in cluster.rows("select value from xcom where task_id = 'take_back' and key = 'return_value'"):
        told = json.loads(value) if isinstance(value, str) else value
        taken |= json.loads(told) if isinstance(told, str) else told  # JSON in JSON before Airflow 3.1
    return taken


def test_hundreds_of_poisonous_deliveries_reach_tasks_and_come_back_as_xcom(receiving: Cluster) -> None:
    texts = POISON + wild_texts(250)
    bodies = [enveloped(text, KEY) for text in texts]
    wanted = {told.delivery_id: told.data for told in map(PartneroDelivery.from_body, bodies)}
    _deliver(receiving, bodies)
    receiving.wait_for(lambda: len(_taken_back(receiving)) >= len(wanted), f"{len(wanted)} deliveries to come back")
    assert _taken_back(receiving) == wanted
    assert receiving.rows("select run_id from dag_run where state = 'failed'") == []


@pytest.mark.skipif(shutil.which("php") is None, reason="needs php-cli, which writes as Partnero does")
def test_what_php_writes_reaches_a_task_and_comes_back(receiving: Cluster) -> None:
    code = """
        $deep = 1; for ($i = 0; $i < 400; $i++) { $deep = [$deep]; }
        foreach ([0, JSON_PRESERVE_ZERO_FRACTION, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES] as $flags) {
            $data = ['flags' => $flags, 'float' => [1.0E+25, -0.0, 10.0, 0.1], 'int' => [PHP_INT_MAX, PHP_INT_MIN],
                     '__type' => 'dict', '__var' => [], '' => "\\u{0}/ü\\u{1F600}", 'deep' => $deep];
            $body = ['event' => 'transaction.created', 'webhook_key' => $argv[1], 'created_at' => date('c')];
            echo json_encode($body + ['data' => $data], $flags), "\\n";
        }
    """
    written = subprocess.run(["php", "-r", code, KEY], capture_output=True, check=True, timeout=600).stdout
    bodies = written.splitlines()
    wanted = {told.delivery_id: told.data for told in map(PartneroDelivery.from_body, bodies)}
    assert len(wanted) == 3
    _deliver(receiving, bodies)
    receiving.wait_for(lambda: wanted.keys() <= _taken_back(receiving).keys(), "PHP's deliveries to come back")
    taken = _taken_back(receiving)
    assert {one: taken[one] for one in wanted} == wanted


def _columns() -> list[str]:
    """The extra of asset events, and a return value with some lists around the data."""
    told = [PartneroDelivery.from_body(enveloped(text)) for text in POISON + wild_texts(250)]
    return [json.dumps(one.to_extra("full")) for one in told] + [json.dumps([[[{"a": [one.data]}]]]) for one in told]


def test_postgresqls_columns_take_whatever_is_stored(postgres: Postgres) -> None:
    postgres.rows("postgres", "create table taken (plain json, indexed jsonb)")
    for text in _columns():
        postgres.rows("postgres", "insert into taken values (%s, %s)", (text, text))
    assert postgres.rows("postgres", "select count(*) from taken") == [(2 * (250 + len(POISON)),)]


@pytest.mark.mariadb
@pytest.mark.skipif(not is_installed(), reason=HOW_TO_START)
def test_mariadbs_columns_take_whatever_is_stored() -> None:
    from .mariadb import running

    with running() as server:
        server.create("taken")
        server.rows("taken", "create table taken (value json)")
        for text in _columns():
            server.rows("taken", "insert into taken values (%s)", (text,))
        assert server.rows("taken", "select count(*) from taken") == [(2 * (250 + len(POISON)),)]
