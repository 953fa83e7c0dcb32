"""Recording in Airflow's own database, and the thread that does it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from airflow.sdk import DAG
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from airflow_provider_partnero.assets import event_asset_uri, partnero_event_asset
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNROUTED, Answer, RefusedError
from airflow_provider_partnero.plugin.receiver.recording import batch_queue as recorder_module
from airflow_provider_partnero.plugin.receiver.recording import ledger
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import Job, Recorder
from airflow_provider_partnero.plugin.receiver.recording.ledger import KEPT_FOR, TICK
from airflow_provider_partnero.plugin.receiver.recording.writer import Recording
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.conftest import Airflow

CONN = "partnero_default"
HEARD, UNHEARD = "transaction.created", "lead.submitted"


@pytest.fixture(scope="module")
def listener(airflow: Airflow) -> Airflow:
    """An Airflow with one DAG, unpaused, that transactions start."""
    with DAG("listener", schedule=partnero_event_asset(HEARD), start_date=datetime(2026, 1, 1)) as dag:
        pass
    airflow.store(dag)
    _sql("update dag set is_paused = 0, is_stale = 0 where dag_id = 'listener'")
    return airflow


@pytest.fixture
def recording(listener: Airflow) -> Iterator[Recording]:
    """A recording on a database without deliveries."""
    yield Recording()
    for table in ("asset_event", "asset_dag_run_queue", "partnero_delivery", "dag_run"):
        _sql(f"delete from {table}")


def _sql(statement: str, **values: Any) -> list[Any]:
    from airflow.utils.session import create_session

    with create_session() as session:
        result: Any = session.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def _job(number: int, event: str = HEARD, conn_id: str = CONN) -> Job:
    body = f'{{"event": "{event}", "webhook_key": "k", "data": {{"number": {number}}}}}'.encode()
    delivery = PartneroDelivery.from_body(body)
    loop = asyncio.new_event_loop()
    loop.close()
    return Job(conn_id, event_asset_uri(event, conn_id), delivery, "full", loop, cast("Any", None))


def _queued() -> int:
    return len(_sql("select * from asset_dag_run_queue where target_dag_id = 'listener'"))


def test_a_new_delivery_is_one_asset_event_and_one_queued_run_and_comes_again_in_vain(recording: Recording) -> None:
    assert recording.write([_job(1)]) == [ACCEPTED]
    assert recording.write([_job(1), _job(2), _job(2)]) == [DUPLICATE, ACCEPTED, DUPLICATE]
    assert Recording().write([_job(2)]) == [DUPLICATE]
    assert len(_sql("select * from asset_event")) == 2
    assert _queued() == 1


def test_a_delivery_that_comes_again_starts_nothing_not_even_a_run_without_events(recording: Recording) -> None:
    assert recording.write([_job(1)]) == [ACCEPTED]
    _sql("delete from asset_dag_run_queue")  # as the scheduler does when it makes the run
    assert recording.write([_job(1), _job(1)]) == [DUPLICATE, DUPLICATE]
    assert _queued() == 0


def test_one_body_for_two_connections_is_two_deliveries(recording: Recording) -> None:
    assert recording.write([_job(1), _job(1, conn_id="other")]) == [ACCEPTED, UNROUTED]


def test_an_event_that_no_dag_knows_leaves_nothing_and_may_come_again(recording: Recording) -> None:
    assert recording.write([_job(1, UNHEARD)]) == recording.write([_job(1, UNHEARD)]) == [UNROUTED]
    assert _sql("select * from asset_event") == []


def test_an_event_of_a_paused_dag_is_kept_and_said_to_be_unrouted(recording: Recording) -> None:
    _sql("update dag set is_paused = 1 where dag_id = 'listener'")
    try:
        assert recording.write([_job(1)]) == [UNROUTED]
    finally:
        _sql("update dag set is_paused = 0 where dag_id = 'listener'")
    assert len(_sql("select * from asset_event")) == 1


def test_times_grow_even_when_the_clock_was_set_back(recording: Recording) -> None:
    assert recording.write([_job(1)]) == [ACCEPTED]
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    _sql("update partnero_receiver_clock set last = :last", last=ahead.replace(tzinfo=None).isoformat(" "))
    try:
        recording.write([_job(number) for number in range(2, 12)])
        times = [datetime.fromisoformat(time) for (time,) in _sql("select timestamp from asset_event order by id")]
        assert times == sorted(set(times))
        assert times[1].replace(tzinfo=UTC) > ahead
        [(queued,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        assert datetime.fromisoformat(queued) == times[-1]
    finally:
        _sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")


def test_a_clock_that_was_far_ahead_once_does_not_hold_runs_back(recording: Recording) -> None:
    assert recording.write([_job(1)]) == [ACCEPTED]
    _sql("delete from asset_dag_run_queue")
    _sql("update partnero_receiver_clock set last = '2099-01-01 00:00:00.000000'")
    for number in (2, 3):
        assert recording.write([_job(number)]) == [ACCEPTED]
    [(queued,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
    assert datetime.fromisoformat(queued).replace(tzinfo=UTC) <= datetime.now(UTC)


def test_a_run_is_queued_for_the_time_of_the_last_event_not_for_that_of_this_server(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = datetime.now(UTC) - timedelta(minutes=5)  # the database's clock; Airflow itself takes this server's
    monkeypatch.setattr(ledger, "_as_utc", lambda now: behind)
    _sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")
    recording.write([_job(number) for number in range(5)])
    [(latest,)] = _sql("select max(timestamp) from asset_event")
    assert _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'") == [(latest,)]
    assert datetime.fromisoformat(latest).replace(tzinfo=UTC) < behind + timedelta(seconds=1)


def _recorded_long_ago(number: int) -> None:
    for position in range(number):
        at = datetime.now(UTC) - KEPT_FOR - TICK - timedelta(hours=position)
        _sql(
            "insert into partnero_delivery (delivery_id, conn_id, recorded_at) values (:id, 'old', :at)",
            id=str(position),
            at=at.replace(tzinfo=None).isoformat(" "),
        )


def _old_ones() -> int:
    return len(_sql("select * from partnero_delivery where conn_id = 'old'"))


def test_what_is_too_old_to_come_again_is_forgotten_once_an_hour(recording: Recording) -> None:
    now = [1_000.0]
    forgetful = Recording(lambda: now[0])
    forgetful.write([_job(1)])
    forgetful.look_after()
    _recorded_long_ago(5)
    for waited, left in [(3_599, 5), (1, 0)]:
        now[0] += waited
        forgetful.look_after()
        assert _old_ones() == left
    assert len(_sql("select * from partnero_delivery")) == 1


def test_much_that_is_old_is_forgotten_in_portions_and_not_while_a_sender_waits(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_FORGOTTEN_AT_ONCE", 10)
    recording.write([_job(1)])
    _recorded_long_ago(25)
    recording.write([_job(2)])
    left = [_old_ones()]
    for _ in range(3):
        recording.look_after()
        left.append(_old_ones())
    assert left == [25, 15, 5, 0]


def test_a_database_that_cannot_forget_records_all_the_same(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> bool:
        raise OperationalError("delete", {}, Exception("statement timeout"))

    monkeypatch.setattr(ledger, "forget_old", refuses)
    for number in range(3):
        assert recording.write([_job(number)]) == [ACCEPTED]
        recording.look_after()


def test_tables_that_somebody_has_dropped_are_made_again_for_the_next_try(recording: Recording) -> None:
    recording.write([_job(1)])
    _sql("drop table partnero_delivery")
    with pytest.raises(OperationalError):
        recording.write([_job(2)])
    assert recording.write([_job(2)]) == [ACCEPTED]


class TestASecondLook:
    """The scheduler of Airflow 3.0 and 3.1 may delete from the queue what it has not seen."""

    @pytest.fixture
    def clock(self) -> list[float]:
        return [1_000.0]

    @pytest.fixture
    def watching(self, recording: Recording, clock: list[float]) -> Recording:
        return Recording(lambda: clock[0])

    def test_what_was_dropped_is_queued_again_after_ten_seconds(self, watching: Recording, clock: list[float]) -> None:
        watching.write([_job(1)])
        _sql("delete from asset_dag_run_queue")
        clock[0] += 9
        watching.look_again()
        assert _queued() == 0
        clock[0] += 1
        watching.look_again()
        assert _queued() == 1

    def test_what_has_started_its_run_is_not_started_again(self, watching: Recording, clock: list[float]) -> None:
        watching.write([_job(1)])
        [(at,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        _sql("delete from asset_dag_run_queue")
        _made_run(at)
        clock[0] += 10
        watching.look_again()
        assert _queued() == 0

    def test_a_run_that_took_only_what_came_before_does_not_count(
        self, watching: Recording, clock: list[float]
    ) -> None:
        watching.write([_job(1)])
        [(at,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        watching.write([_job(2)])
        _sql("delete from asset_dag_run_queue")
        _made_run(at)
        clock[0] += 10
        watching.look_again()
        assert _queued() == 1

    def test_what_is_still_queued_stays_as_it_is(self, watching: Recording, clock: list[float]) -> None:
        watching.write([_job(1)])
        before = _sql("select * from asset_dag_run_queue")
        clock[0] += 10
        watching.look_again()
        assert _sql("select * from asset_dag_run_queue") == before


def _made_run(run_after: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    with create_session() as session:
        at = datetime.fromisoformat(run_after).replace(tzinfo=UTC)
        session.add(DagRun("listener", run_id=f"asset-{at:%f}", run_type=DagRunType.ASSET_TRIGGERED, run_after=at))


class Database:
    """A stand-in that refuses as told: for each batch, the error or None."""

    def __init__(self, refuses: Any = lambda jobs: None, is_open: bool = True) -> None:
        self.refuses = refuses
        self.batches: list[int] = []
        self.looked = 0
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        self.gate.wait(5)
        self.batches.append(len(jobs))
        if error := self.refuses(jobs):
            raise error
        return [ACCEPTED] * len(jobs)

    def look_after(self) -> None:
        self.looked += 1


async def _recorded(recorder: Recorder, number: int) -> list[Any]:
    jobs = [_job(position) for position in range(number)]
    return await asyncio.gather(
        *(recorder.record(job.conn_id, job.asset_uri, job.delivery, "full") for job in jobs), return_exceptions=True
    )


def _outcomes(found: Sequence[Any]) -> list[int]:
    return [one.answer.status if isinstance(one, RefusedError) else one.status for one in found]


def test_a_database_that_has_vanished_is_given_up_for_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_HANGS_AFTER", 0.1)
    monkeypatch.setattr(recorder_module, "_LOOK_EVERY", 0.02)
    gone, back = threading.Event(), threading.Event()

    class Vanishes(Database):
        def write(self, jobs: Sequence[Job]) -> list[Answer]:
            if not back.is_set():
                gone.wait(5)
            return super().write(jobs)

    database = Vanishes()

    async def scene() -> tuple[int, list[int]]:
        recorder = Recorder(database)
        before = threading.active_count()
        for _ in range(8):
            impatient = asyncio.create_task(_recorded(recorder, 1))
            await asyncio.sleep(0.15)
            impatient.cancel()
        hanging = threading.active_count() - before
        back.set()
        gone.set()
        await asyncio.sleep(0.2)
        assert threading.active_count() - before == 1
        return hanging, _outcomes(await _recorded(recorder, 3))

    assert asyncio.run(scene()) == (4, [202] * 3)


def test_what_is_not_urgent_is_looked_after_while_deliveries_pour_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_LOOK_EVERY", 0.05)
    database = Database()

    async def pour() -> None:
        recorder = Recorder(database)
        for _ in range(40):
            await _recorded(recorder, 1)
            await asyncio.sleep(0.01)

    asyncio.run(pour())
    assert database.looked >= 2


def test_deliveries_that_arrive_together_are_recorded_together() -> None:
    database = Database()
    assert _outcomes(asyncio.run(_recorded(Recorder(database), 100))) == [202] * 100
    assert len(database.batches) < 20


def test_one_delivery_that_the_database_refuses_does_not_take_the_others_along() -> None:
    def refuses(jobs: Sequence[Job]) -> Exception | None:
        is_spoilt = any(job.delivery.data["number"] == 7 for job in jobs)
        return DataError("insert", {"data": "pErSoNaL"}, Exception("too long")) if is_spoilt else None

    found = asyncio.run(_recorded(Recorder(Database(refuses)), 20))
    assert _outcomes(found) == [202] * 7 + [503] + [202] * 12
    assert "too long" in found[7].reason
    assert "pErSoNaL" not in found[7].reason


def test_a_database_that_is_out_is_not_asked_again_for_each_delivery() -> None:
    database = Database(lambda jobs: OperationalError("select", {}, Exception("no connection")))
    assert set(_outcomes(asyncio.run(_recorded(Recorder(database), 20)))) == {503}
    assert len(database.batches) <= 3


def test_more_than_two_hundred_waiting_deliveries_are_told_to_come_again() -> None:
    database = Database(is_open=False)

    async def flooded() -> list[Any]:
        asyncio.get_running_loop().call_later(0.3, database.gate.set)
        return await _recorded(Recorder(database), 400)

    statuses = _outcomes(asyncio.run(flooded()))
    assert set(statuses) == {202, 429}
    assert 200 <= statuses.count(202) <= 233


def test_what_a_sender_has_given_up_is_not_recorded_as_it_comes_again() -> None:
    database = Database(is_open=False)

    async def given_up() -> None:
        recorder = Recorder(database)
        first = asyncio.create_task(_recorded(recorder, 1))
        await asyncio.sleep(0.1)
        impatient = asyncio.create_task(_recorded(recorder, 5))
        await asyncio.sleep(0.1)
        impatient.cancel()
        await asyncio.sleep(0)
        database.gate.set()
        await first
        await _recorded(recorder, 1)

    asyncio.run(given_up())
    assert sum(database.batches) == 2
