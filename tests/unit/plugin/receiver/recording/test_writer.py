"""Recording in Airflow's own database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from airflow_provider_partnero.assets import partnero_event_asset
from airflow_provider_partnero.ledger.entries import KEPT_FOR
from airflow_provider_partnero.ledger.keeping import unpack
from airflow_provider_partnero.ledger.turn import TICK
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNROUTED
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.conftest import Airflow

CONN = "partnero_default"
HEARD, UNHEARD = "transaction.created", "lead.submitted"


@pytest.fixture(scope="module")
def listener(airflow: Airflow) -> Iterator[Airflow]:
    """An Airflow with one DAG, unpaused, that transactions start."""
    with DAG("listener", schedule=partnero_event_asset(HEARD), start_date=datetime(2026, 1, 1)) as dag:
        pass
    airflow.store(dag)
    _sql("update dag set is_paused = 0, is_stale = 0 where dag_id = 'listener'")
    yield airflow
    _sql("update dag set is_stale = 1 where dag_id = 'listener'")


@pytest.fixture
def writer(listener: Airflow) -> Iterator[DeliveryWriter]:
    """A writer to a database without deliveries, nor asset events of other modules' tests."""
    tables = ("asset_event", "asset_dag_run_queue", "dag_run")
    for table in tables:
        _sql(f"delete from {table}")
    yield DeliveryWriter()
    for table in (*tables, "partnero_delivery", "partnero_waiting"):
        _sql(f"delete from {table}")


def _sql(statement: str, **values: Any) -> list[Any]:
    from airflow.utils.session import create_session

    with create_session() as session:
        result: Any = session.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def _job(number: int, event: str = HEARD, conn_id: str = CONN) -> Job:
    body = f'{{"event": "{event}", "webhook_key": "k", "data": {{"number": {number}}}}}'.encode()
    return Job(conn_id, PartneroDelivery.from_body(body), "full")


def _queued() -> int:
    return len(_sql("select * from asset_dag_run_queue where target_dag_id = 'listener'"))


def test_a_new_delivery_is_one_asset_event_and_one_queued_run_however_often_it_comes(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1)]) == [ACCEPTED]
    assert writer.write([_job(1), _job(2), _job(2)]) == [DUPLICATE, ACCEPTED, DUPLICATE]
    assert DeliveryWriter().write([_job(2)]) == [DUPLICATE]
    assert len(_sql("select * from asset_event")) == 2
    assert _queued() == 1


def test_a_delivery_that_comes_again_starts_nothing_not_even_a_run_without_events(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1)]) == [ACCEPTED]
    _sql("delete from asset_dag_run_queue")  # as the scheduler does when it makes the run
    assert writer.write([_job(1), _job(1)]) == [DUPLICATE, DUPLICATE]
    assert _queued() == 0


def test_one_body_for_two_connections_is_two_deliveries(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1), _job(1, conn_id="other")]) == [ACCEPTED, UNROUTED]


def test_an_event_that_no_dag_knows_is_kept_but_is_no_asset_event(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1, UNHEARD), _job(1, UNHEARD)]) == [UNROUTED, DUPLICATE]
    assert writer.write([_job(1, UNHEARD)]) == [DUPLICATE]
    assert _sql("select * from asset_event") == []
    assert _sql("select event, outcome from partnero_delivery") == [(UNHEARD, "unrouted")]


def test_an_asset_without_a_dag_that_is_scheduled_on_it_gets_no_event(writer: DeliveryWriter) -> None:
    _sql("update dag set is_stale = 1 where dag_id = 'listener'")
    try:
        assert writer.write([_job(1)]) == [UNROUTED]
    finally:
        _sql("update dag set is_stale = 0 where dag_id = 'listener'")
    assert _sql("select * from asset_event") == []
    assert _sql("select outcome from partnero_delivery") == [("unrouted",)]


def test_an_entry_says_what_was_delivered_and_what_became_of_it(writer: DeliveryWriter) -> None:
    body = b'{"event": "%s", "webhook_key": "whk", "created_at": "2026-05-07T10:30:00Z", "data": 7}' % HEARD.encode()
    delivery = PartneroDelivery.from_body(body)
    writer.write([Job(CONN, delivery, "full")])
    [(event_id,)] = _sql("select id from asset_event")
    columns = "event, webhook_key, created_at, outcome, asset_event_id, replays"
    [(*said, kept)] = _sql(f"select {columns}, kept from partnero_delivery")
    assert said == [HEARD, "whk", "2026-05-07 10:30:00.000000", "accepted", event_id, None]
    assert unpack(kept) == delivery.to_extra("full")


@pytest.mark.parametrize("created_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "then"])
def test_a_time_that_no_database_can_store_is_left_out(writer: DeliveryWriter, created_at: str) -> None:
    body = json.dumps({"event": HEARD, "webhook_key": "k", "created_at": created_at}).encode()
    job = Job(CONN, PartneroDelivery.from_body(body), "full")
    assert writer.write([job]) == [ACCEPTED]
    assert _sql("select created_at from partnero_delivery") == [(None,)]


def test_what_is_kept_is_emptied_after_the_days_that_the_owner_says_and_the_entry_stays(
    writer: DeliveryWriter,
) -> None:
    now, wall = [1_000.0], [datetime.now(UTC)]
    forgetful = DeliveryWriter(lambda: now[0], lambda: wall[0], forgotten_at_once=2, keep_days=7)
    writer.write([_job(number, UNHEARD) for number in range(5)])
    kept = "select count(kept), count(*) from partnero_delivery"
    forgetful.check()
    left = []
    for days in (6, 1.1):
        wall[0] += timedelta(days=days)
        now[0] += 3_600
        for _ in range(4):
            forgetful.forget_old()
            left += _sql(kept)
    assert left == [(5, 5)] * 4 + [(3, 5), (1, 5), (0, 5), (0, 5)]


def test_entries_stay_as_long_as_the_owner_wants_to_send_them_again(writer: DeliveryWriter) -> None:
    later = datetime.now(UTC) + timedelta(days=200)
    writer.write([_job(1)])
    patient = DeliveryWriter(wall_clock=lambda: later, keep_days=365)
    patient.check()
    patient.forget_old()
    assert _sql("select count(kept), count(*) from partnero_delivery") == [(1, 1)]


def test_old_entries_are_left_alone_while_there_is_no_turn_to_take(writer: DeliveryWriter) -> None:
    writer.write([_job(1)])
    now, wall = [1_000.0], datetime.now(UTC) + timedelta(days=200)
    forgetful = DeliveryWriter(lambda: now[0], lambda: wall)
    forgetful.check()
    _sql("delete from partnero_receiver_clock")
    try:
        forgetful.forget_old()
        assert _sql("select count(kept), count(*) from partnero_delivery") == [(1, 1)]
    finally:
        _sql("insert into partnero_receiver_clock (id, last) values (1, '2026-01-01 00:00:00.000000')")
    now[0] += 3_600
    forgetful.forget_old()
    assert _sql("select count(*) from partnero_delivery") == [(0,)]


def test_the_tables_are_found_to_be_fine(writer: DeliveryWriter) -> None:
    assert writer.check() == "ok"


def test_an_empty_clock_is_found(writer: DeliveryWriter) -> None:
    writer.write([_job(1)])
    _sql("delete from partnero_receiver_clock")
    try:
        assert writer.check() == "partnero_receiver_clock is empty"
    finally:
        _sql("insert into partnero_receiver_clock (id, last) values (1, '2026-01-01 00:00:00.000000')")


def test_an_event_of_a_paused_dag_is_kept_and_said_to_be_unrouted(writer: DeliveryWriter) -> None:
    _sql("update dag set is_paused = 1 where dag_id = 'listener'")
    try:
        assert writer.write([_job(1)]) == [UNROUTED]
    finally:
        _sql("update dag set is_paused = 0 where dag_id = 'listener'")
    assert len(_sql("select * from asset_event")) == 1


def test_times_grow_even_when_the_clock_was_set_back(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1)]) == [ACCEPTED]
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    _sql("update partnero_receiver_clock set last = :last", last=ahead.replace(tzinfo=None).isoformat(" "))
    try:
        writer.write([_job(number) for number in range(2, 12)])
        times = [datetime.fromisoformat(time) for (time,) in _sql("select timestamp from asset_event order by id")]
        assert times == sorted(set(times))
        assert times[1].replace(tzinfo=UTC) > ahead
        [(queued,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        assert datetime.fromisoformat(queued) == times[-1]
    finally:
        _sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")


@pytest.mark.usefixtures("writer")
def test_times_grow_from_one_transaction_to_the_next_when_the_clock_is_set_back() -> None:
    now = datetime.now(UTC)
    clock = [now]
    writer = DeliveryWriter(wall_clock=lambda: clock[0])
    writer.write([_job(0, UNHEARD)])
    _sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")
    for number in range(1, 4):
        writer.write([_job(number), _job(10 + number)])
        clock[0] -= timedelta(seconds=10)
    times = [datetime.fromisoformat(time) for (time,) in _sql("select timestamp from asset_event order by id")]
    assert times == sorted(set(times))
    assert times[0].replace(tzinfo=UTC) > now
    assert len(times) == 6


def test_a_clock_that_was_far_ahead_once_does_not_hold_runs_back(writer: DeliveryWriter) -> None:
    assert writer.write([_job(1)]) == [ACCEPTED]
    _sql("delete from asset_dag_run_queue")
    _sql("update partnero_receiver_clock set last = '2099-01-01 00:00:00.000000'")
    for number in (2, 3):
        assert writer.write([_job(number)]) == [ACCEPTED]
    [(queued,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
    assert datetime.fromisoformat(queued).replace(tzinfo=UTC) <= datetime.now(UTC)


@pytest.mark.usefixtures("writer")
def test_a_run_is_queued_for_the_time_of_the_last_event_not_for_that_of_this_server() -> None:
    behind = datetime.now(UTC) - timedelta(minutes=5)  # the database's clock; Airflow itself takes this server's
    writer = DeliveryWriter(wall_clock=lambda: behind)
    writer.write([_job(0, UNHEARD)])
    _sql("update partnero_receiver_clock set last = '2026-01-01 00:00:00.000000'")
    writer.write([_job(number) for number in range(5)])
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


@pytest.mark.usefixtures("writer")
def test_what_is_too_old_to_come_again_is_forgotten_once_an_hour() -> None:
    now = [1_000.0]
    forgetful = DeliveryWriter(lambda: now[0])
    forgetful.write([_job(1)])
    forgetful.do_upkeep()
    _recorded_long_ago(5)
    for waited, left in [(3_599, 5), (1, 0)]:
        now[0] += waited
        forgetful.do_upkeep()
        assert _old_ones() == left
    assert len(_sql("select * from partnero_delivery")) == 1


@pytest.mark.usefixtures("writer")
def test_much_that_is_old_is_forgotten_in_portions_and_not_while_a_sender_waits() -> None:
    writer = DeliveryWriter(forgotten_at_once=10)
    writer.write([_job(1)])
    _recorded_long_ago(25)
    writer.write([_job(2)])
    left = [_old_ones()]
    for _ in range(3):
        writer.do_upkeep()
        left.append(_old_ones())
    assert left == [25, 15, 5, 0]


@pytest.mark.usefixtures("writer")
def test_a_database_that_cannot_forget_records_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    now = [1_000.0]
    writer = DeliveryWriter(lambda: now[0])
    writer.write([_job(0)])
    _recorded_long_ago(1)
    _sql("create trigger refuse before delete on partnero_delivery begin select raise(abort, 'no'); end")
    try:
        for number in range(1, 4):
            assert writer.write([_job(number)]) == [ACCEPTED]
            writer.do_upkeep()
            now[0] += 3_600
        assert _old_ones() == 1
    finally:
        _sql("drop trigger refuse")
    refused = "Old entries of partnero_delivery cannot be deleted: IntegrityError"
    assert [record.getMessage() for record in caplog.records if "Old entries" in record.getMessage()] == [refused] * 3
    writer.do_upkeep()
    assert _old_ones() == 0


def test_tables_that_somebody_has_dropped_are_made_again_for_the_next_try(writer: DeliveryWriter) -> None:
    writer.write([_job(1)])
    _sql("drop table partnero_delivery")
    with pytest.raises(OperationalError):
        writer.write([_job(2)])
    assert writer.write([_job(2)]) == [ACCEPTED]


class TestRunsThatWereDropped:
    """The scheduler of Airflow 3.0 and 3.1 may delete from the queue what it has not read."""

    @pytest.fixture
    def clock(self) -> list[float]:
        return [1_000.0]

    @pytest.fixture
    def checking(self, writer: DeliveryWriter, clock: list[float]) -> DeliveryWriter:
        return DeliveryWriter(lambda: clock[0])

    def test_what_was_dropped_is_queued_again_after_ten_seconds(
        self, checking: DeliveryWriter, clock: list[float]
    ) -> None:
        checking.write([_job(1)])
        _sql("delete from asset_dag_run_queue")
        clock[0] += 9
        checking.check_runs()
        assert _queued() == 0
        clock[0] += 1
        checking.check_runs()
        assert _queued() == 1

    def test_what_has_started_its_run_is_not_started_again(self, checking: DeliveryWriter, clock: list[float]) -> None:
        checking.write([_job(1)])
        [(at,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        _sql("delete from asset_dag_run_queue")
        _made_run(at)
        clock[0] += 10
        checking.check_runs()
        assert _queued() == 0

    def test_a_run_that_took_only_what_came_before_does_not_count(
        self, checking: DeliveryWriter, clock: list[float]
    ) -> None:
        checking.write([_job(1)])
        [(at,)] = _sql("select created_at from asset_dag_run_queue where target_dag_id = 'listener'")
        checking.write([_job(2)])
        _sql("delete from asset_dag_run_queue")
        _made_run(at)
        clock[0] += 10
        checking.check_runs()
        assert _queued() == 1

    def test_what_is_still_queued_stays_as_it_is(self, checking: DeliveryWriter, clock: list[float]) -> None:
        checking.write([_job(1)])
        before = _sql("select * from asset_dag_run_queue")
        clock[0] += 10
        checking.check_runs()
        assert _sql("select * from asset_dag_run_queue") == before


def _made_run(run_after: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    with create_session() as session:
        at = datetime.fromisoformat(run_after).replace(tzinfo=UTC)
        session.add(DagRun("listener", run_id=f"asset-{at:%f}", run_type=DagRunType.ASSET_TRIGGERED, run_after=at))
