"""An Airflow whose DAGs listen to Partnero's events, are paused and scheduled, and whose runs are made by hand."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from sqlalchemy import text

from airflow_provider_partnero.assets import partnero_event_asset
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.conftest import Airflow

CONN = "partnero_default"
HEARD, LATE = "transaction.created", "reward.created"
LISTENERS = {"one": HEARD, "other": HEARD, "late": LATE}
_TABLES = (
    "dagrun_asset_event",
    "asset_event",
    "asset_dag_run_queue",
    "dag_run",
    "partnero_delivery",
    "partnero_waiting",
)


def sql(statement: str, **values: Any) -> list[Any]:
    """Rows of Airflow's database."""
    from airflow.utils.session import create_session

    with create_session() as session:
        result: Any = session.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def job(number: int, event: str = HEARD, data: dict[str, Any] | None = None, conn_id: str = CONN) -> Job:
    """A delivery that differs from others by its number."""
    body = {
        "event": event,
        "webhook_key": "whk",
        "created_at": "2026-05-07T10:30:00Z",
        "data": {"n": number} | (data or {}),
    }
    return Job(conn_id, PartneroDelivery.from_body(json.dumps(body).encode()), "full")


def _make_run(dag_id: str, run_id: str, at: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    with create_session() as session:
        run_after = datetime.fromisoformat(at).replace(tzinfo=UTC)
        session.add(DagRun(dag_id, run_id=run_id, run_type=DagRunType.ASSET_TRIGGERED, run_after=run_after))


class Programme:
    """What becomes of deliveries in an Airflow whose scheduler is the test."""

    def __init__(self) -> None:
        self.clock = [0.0]
        self.writer = DeliveryWriter(lambda: self.clock[0], resumed_at_once=3)

    def deliver(self, *jobs: Job) -> list[str]:
        """The receiver's words."""
        return [answer.words for answer in self.writer.write(jobs)]

    def pause(self, dag_id: str, *, is_paused: bool = True) -> None:
        """Pause a DAG, or not."""
        sql("update dag set is_paused = :paused where dag_id = :dag_id", paused=is_paused, dag_id=dag_id)

    def schedule(self, dag_id: str, *, is_there: bool = True) -> None:
        """Take a DAG out of the folder, or put it back."""
        sql("update dag set is_stale = :stale where dag_id = :dag_id", stale=not is_there, dag_id=dag_id)

    def upkeep(self) -> None:
        """What the receiver does by itself within some seconds."""
        for _ in range(3):
            self.clock[0] += 11
            self.writer.do_upkeep()

    def run(self) -> None:
        """Make the runs that are queued, as Airflow's scheduler does."""
        queued = sql(
            "select q.target_dag_id, q.asset_id, q.created_at from asset_dag_run_queue q "
            "join dag on dag.dag_id = q.target_dag_id where is_paused = 0 and is_stale = 0"
        )
        for dag_id, asset_id, at in queued:
            number = len(sql("select id from dag_run"))
            values = {"dag_id": dag_id, "run_id": f"asset__{number}", "at": at}
            events = sql(
                "select id from asset_event where asset_id = :asset_id and timestamp <= :at and timestamp > coalesce("
                "(select max(run_after) from dag_run where dag_id = :dag_id and run_after < :at), '')",
                asset_id=asset_id,
                at=at,
                dag_id=dag_id,
            )
            _make_run(**values)
            [(run,)] = sql("select max(id) from dag_run")
            for (event,) in events:
                sql("insert into dagrun_asset_event (dag_run_id, event_id) values (:run, :event)", run=run, event=event)
            sql("delete from asset_dag_run_queue where target_dag_id = :dag_id", dag_id=dag_id)

    def told(self, dag_id: str) -> list[tuple[int, int]]:
        """What the runs of a DAG were given: number and replay of each delivery that is not forgotten, in order."""
        rows = sql(
            "select e.extra from asset_event e join dagrun_asset_event t on t.event_id = e.id "
            "join dag_run r on r.id = t.dag_run_id where r.dag_id = :dag_id order by e.timestamp",
            dag_id=dag_id,
        )
        extras = [json.loads(extra) for (extra,) in rows]
        deliveries = [PartneroDelivery.from_extra(extra) for extra in extras if "forgotten" not in extra]
        return [(delivery.data["n"], delivery.replay) for delivery in deliveries]

    def fail(self, dag_id: str) -> None:
        """Let all runs of a DAG have failed."""
        sql("update dag_run set state = 'failed' where dag_id = :dag_id", dag_id=dag_id)

    def outcomes(self) -> list[str]:
        """Of all deliveries, in their order."""
        return [outcome for (outcome,) in sql("select outcome from partnero_delivery order by recorded_at")]

    def waiting(self) -> list[str]:
        """The DAGs that something waits for; empty for none in particular."""
        return [dag_id for (dag_id,) in sql("select dag_id from partnero_waiting order by 1")]

    def reset(self) -> None:
        """As it was before the first delivery."""
        for table in _TABLES:
            sql(f"delete from {table}")
        sql("update dag set is_stale = 1, is_paused = 1")  # other modules have listeners of their own
        for dag_id in LISTENERS:
            self.pause(dag_id, is_paused=False)
            self.schedule(dag_id, is_there=dag_id != "late")
        self.__init__()  # type: ignore[misc]


@pytest.fixture
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Fernet key, as an Airflow in earnest has one; that of the tests has none."""
    from airflow.models import crypto

    def forget_key() -> None:
        monkeypatch.setattr(crypto, "_fernet", None, raising=False)  # before 3.2
        getattr(crypto.get_fernet, "cache_clear", lambda: None)()

    key = urlsafe_b64encode(b"partnero-tests-partnero-tests-32").decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
    forget_key()
    yield key
    forget_key()


@pytest.fixture(scope="session")
def listening(airflow: Airflow) -> Programme:
    """DAGs that listen; nobody is scheduled on the late event yet."""
    for dag_id, event in LISTENERS.items():
        with DAG(dag_id, schedule=partnero_event_asset(event), start_date=datetime(2026, 1, 1)) as dag:
            pass
        airflow.store(dag)
    programme = Programme()
    assert programme.writer.check() == "ok"
    return programme


@pytest.fixture
def programme(listening: Programme) -> Iterator[Programme]:
    """The same, without a delivery."""
    listening.reset()
    yield listening
    for table in _TABLES:
        sql(f"delete from {table}")
    for dag_id in LISTENERS:
        listening.schedule(dag_id, is_there=False)  # other modules have listeners of their own
