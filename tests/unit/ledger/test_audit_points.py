"""The audits that Airflow's database knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.utils.session import create_session

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.ledger import audit_points
from airflow_provider_partnero.ledger.audit_history import AuditRun
from airflow_provider_partnero.ledger.audit_points import (
    LARGEST_EXTRA,
    RecordedPoints,
    read_past_audit,
    read_points,
)
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


def _read(conn_id: str = CONN) -> RecordedPoints:
    with create_session() as session:
        return read_points(session, conn_id)


def test_audits_come_in_the_order_in_which_they_were_made_with_the_tasks_that_made_them(
    asset_ids: dict[str, int],
) -> None:
    task: dict[str, Any] = {"source_dag_id": "d", "source_run_id": "r", "source_task_id": "t", "source_map_index": 4}
    later = _record(asset_ids[CONN], _extra(NOW - DAY, 7))
    earlier = _record(asset_ids[CONN], _extra(NOW - 2 * DAY), **task)
    _record(asset_ids["other"], _extra(NOW))
    found = _read()
    assert [(one.event_id, one.point.at, one.point.errors) for one in found.points] == [
        (earlier, NOW - 2 * DAY, 1),
        (later, NOW - DAY, 7),
    ]
    assert [one.run for one in found.points] == [AuditRun("d", "r", "t", 4), None]
    assert (found.unreadable, found.is_more) == (0, False)


def test_a_programme_that_nobody_has_audited_has_no_history(asset_ids: dict[str, int]) -> None:
    assert _read("never") == _read() == RecordedPoints((), 0, is_more=False)


def test_only_the_latest_are_read(asset_ids: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_points, "MOST_AUDITS", 5)
    monkeypatch.setattr(audit_points, "_READ_AT_ONCE", 2)
    ids = [_record(asset_ids[CONN], _extra(NOW), NOW + day * DAY) for day in range(7)]
    found = _read()
    assert [one.event_id for one in found.points] == ids[2:]
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
        read_past_audit(session, CONN, written)


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5_000, "", "nonsense", '{"counts": NaN}'])
def test_an_extra_that_is_not_even_readable_json_breaks_nothing(asset_ids: dict[str, int], text: str) -> None:
    written = _record(asset_ids[CONN], {})
    sql("update asset_event set extra = :text where id = :id", text=text, id=written)
    assert _read().unreadable == 1
    with create_session() as session, pytest.raises(UnreadableAuditError):
        read_past_audit(session, CONN, written)


def test_what_one_audit_has_found_is_read_for_its_own_connection_only(asset_ids: dict[str, int]) -> None:
    written = _record(asset_ids[CONN], _extra(NOW))
    with create_session() as session:
        assert read_past_audit(session, CONN, written).at == NOW
        for conn_id, event_id in (("other", written), (CONN, written + 1000)):
            with pytest.raises(UnreadableAuditError, match="not there any more"):
                read_past_audit(session, conn_id, event_id)


def test_what_an_alias_of_airflow_3_0_has_written_is_read(asset_ids: dict[str, int]) -> None:
    written = _record(asset_ids[CONN], {name: json.dumps(value) for name, value in _extra(NOW).items()})
    assert [one.point.errors for one in _read().points] == [1]
    with create_session() as session:
        assert read_past_audit(session, CONN, written).conn_id == CONN
