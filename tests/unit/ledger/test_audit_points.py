"""The audits that Airflow's database knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.utils.session import create_session

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.ledger.audit_points import (
    LARGEST_EXTRA,
    AuditPlace,
    AuditRun,
    RecordedPoints,
    latest_audit,
    read_past_audit,
    read_points,
)
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError
from tests.unit.conftest import Airflow

from .conftest import sql

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CONN = "audited"


@pytest.fixture
def asset_ids(airflow: Airflow) -> Iterator[dict[str, int]]:
    """The audit assets of two connections, without an event."""
    from airflow.models.asset import AssetModel

    with create_session() as session:
        made = [AssetModel(audit_asset_uri(conn_id)) for conn_id in (CONN, "other")]
        session.add_all(made)
        session.flush()
        ids = dict(zip((CONN, "other"), [asset.id for asset in made], strict=True))
    yield ids
    for asset_id in ids.values():
        sql("delete from asset_event where asset_id = :id", id=asset_id)
        sql("delete from asset where id = :id", id=asset_id)


def _extra(at: datetime, errors: int = 1) -> dict[str, Any]:
    audit = PastAudit(at, CONN, "", frozenset(), ())
    return {"counts": {"errors": errors, "warnings": 2, "webhooks": 3}, "for_next_audit": audit.to_dict()}


def _record(asset_id: int, extra: Any, timestamp: datetime = NOW, **source: Any) -> int:
    from airflow.models.asset import AssetEvent

    with create_session() as session:
        event = AssetEvent(asset_id=asset_id, extra=extra, timestamp=timestamp, **source)
        session.add(event)
        session.flush()
        return int(event.id)


def _read(conn_id: str = CONN, most: int = 500) -> RecordedPoints:
    with create_session() as session:
        return read_points(session, conn_id, most)


def test_audits_come_in_the_order_in_which_they_were_made_with_the_tasks_that_made_them(
    asset_ids: dict[str, int],
) -> None:
    task: dict[str, Any] = {"source_dag_id": "d", "source_run_id": "r", "source_task_id": "t", "source_map_index": 4}
    later = _record(asset_ids[CONN], _extra(NOW - DAY, 7))
    earlier = _record(asset_ids[CONN], _extra(NOW - 2 * DAY), **task)
    _record(asset_ids["other"], _extra(NOW))
    found = _read()
    assert [(one.place.event_id, one.point.at, one.point.errors) for one in found.points] == [
        (earlier, NOW - 2 * DAY, 1),
        (later, NOW - DAY, 7),
    ]
    assert [one.run for one in found.points] == [AuditRun("d", "r", "t", 4), None]
    assert (found.unreadable, found.is_more) == (0, False)


def test_a_programme_that_nobody_has_audited_has_no_history(asset_ids: dict[str, int]) -> None:
    assert _read("never") == _read() == RecordedPoints((), 0, is_more=False)


def test_only_the_latest_are_read(asset_ids: dict[str, int]) -> None:
    ids = [_record(asset_ids[CONN], _extra(NOW), NOW + day * DAY) for day in range(70)]
    found = _read(most=60)
    assert [one.place.event_id for one in found.points] == ids[10:]
    assert found.is_more


@pytest.mark.parametrize(
    "extra",
    [
        {},
        [],
        "x",
        7,
        {"counts": None},
        {"counts": {"errors": 1, "warnings": 2}},
        {"counts": {"errors": 10**30, "warnings": 2, "webhooks": 3}},
        _extra(NOW) | {"padding": "x" * LARGEST_EXTRA},
    ],
    ids=lambda extra: str(extra)[:30],
)
def test_an_event_that_somebody_wrote_by_hand_is_counted_and_passed_over(asset_ids: dict[str, int], extra: Any) -> None:
    _record(asset_ids[CONN], _extra(NOW))
    written = _record(asset_ids[CONN], extra)
    found = _read()
    assert (len(found.points), found.unreadable) == (1, 1)
    with create_session() as session, pytest.raises(UnreadableAuditError):
        read_past_audit(session, CONN, AuditPlace(written))


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5_000, "", "nonsense", '{"counts": NaN}'])
def test_an_extra_that_is_not_even_readable_json_breaks_nothing(asset_ids: dict[str, int], text: str) -> None:
    written = _record(asset_ids[CONN], {})
    sql("update asset_event set extra = :text where id = :id", text=text, id=written)
    assert _read().unreadable == 1
    with create_session() as session, pytest.raises(UnreadableAuditError):
        read_past_audit(session, CONN, AuditPlace(written))


def test_what_one_audit_has_found_is_read_for_its_own_connection_only(asset_ids: dict[str, int]) -> None:
    written = _record(asset_ids[CONN], _extra(NOW))
    with create_session() as session:
        assert read_past_audit(session, CONN, AuditPlace(written)).at == NOW
        for conn_id, event_id in (("other", written), (CONN, written + 1000)):
            with pytest.raises(UnreadableAuditError, match="not there any more"):
                read_past_audit(session, conn_id, AuditPlace(event_id))


def test_what_an_alias_of_airflow_3_0_has_written_is_read(asset_ids: dict[str, int]) -> None:
    written = _record(asset_ids[CONN], {name: json.dumps(value) for name, value in _extra(NOW).items()})
    assert [one.point.errors for one in _read().points] == [1]
    with create_session() as session:
        assert read_past_audit(session, CONN, AuditPlace(written)).conn_id == CONN


def _run_audit(airflow: Airflow, dag_id: str, sandbox: Sandbox, **arguments: Any) -> str | None:
    """Audit the sandbox in a real task; the task's state."""
    with DAG(dag_id, schedule=None, start_date=NOW - DAY) as dag:
        PartneroAuditWebhooksOperator(task_id="audit", partnero_conn_id="twice_audited", **arguments)
    return airflow.run(dag)["audit"][0].state


def test_an_audit_that_fails_its_task_is_told_like_one_that_does_not(
    airflow: Airflow, partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TWICE_AUDITED", partnero_sandbox.connection_json)
    secret = "-".join(("sgn", "7Qk2audit"))  # Airflow stores this file's text as the DAGs' code
    partnero_sandbox.put_webhooks([{"key": "plain0", "url": "http://blog.example.com/x", "signature": secret}])
    assert _run_audit(airflow, "failing_audit", partnero_sandbox) == "failed"
    assert _run_audit(airflow, "passing_audit", partnero_sandbox, fail_on="never") == "success"
    with create_session() as session:
        failed, passed = read_points(session, "twice_audited").points
        assert (failed.has_failed, passed.has_failed) == (True, False)
        assert failed.point.errors == passed.point.errors > 0
        assert failed.run is not None
        assert (failed.run.dag_id, failed.run.task_id, failed.run.map_index) == ("failing_audit", "audit", -1)
        places = [one.place for one in (failed, passed)]
        audits = [read_past_audit(session, "twice_audited", place) for place in places]
        with pytest.raises(UnreadableAuditError):
            read_past_audit(session, CONN, failed.place)
        latest = latest_audit(session, "twice_audited")
    assert {known.fingerprint for known in audits[0].findings} == {known.fingerprint for known in audits[1].findings}
    assert latest is not None
    assert latest[0].place == passed.place
    assert secret.encode() not in airflow.stored()
