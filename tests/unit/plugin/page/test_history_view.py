"""The view History: audits over time, and what changed between two."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.utils.session import create_session
from starlette.testclient import TestClient

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.webhooks.history import KnownFinding, PastAudit
from tests.unit.conftest import Airflow
from tests.unit.ledger.conftest import sql

from .visitors import PAGE, cookie, page_served

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = frozenset({"PW001", "PW002"})
HOSTILE = '<script>alert(1)</script>"\u202e'


@pytest.fixture(scope="module")
def client(airflow: Airflow) -> Iterator[TestClient]:
    with page_served() as served:
        yield served


@pytest.fixture
def asset_id(airflow: Airflow) -> Iterator[int]:
    """The audit asset of the connection, without an event."""
    from airflow.models.asset import AssetModel

    uri = audit_asset_uri("partnero_default")
    for (old,) in sql("select id from asset where uri = :uri", uri=uri):
        sql("delete from asset_event where asset_id = :id", id=old)
    sql("delete from asset where uri = :uri", uri=uri)
    with create_session() as session:
        asset = AssetModel(uri)
        session.add(asset)
        session.flush()
        made = int(asset.id)
    yield made
    sql("delete from asset_event where asset_id = :id", id=made)
    sql("delete from asset where id = :id", id=made)


def _extra(at: datetime, findings: dict[str, str], **more: Any) -> dict[str, Any]:
    """What an audit writes.

    :param findings: fingerprints and rules.
    """
    known = tuple(KnownFinding(name, rule, "whk_1", f"hook {name}", at) for name, rule in findings.items())
    past = PastAudit(at, "partnero_default", "", RULES, known)
    warnings = sum(rule == "PW001" for rule in findings.values())
    counts = {"errors": len(findings) - warnings, "warnings": warnings, "webhooks": 40}
    return {"counts": counts, "for_next_audit": past.to_dict(), **more}


def _record(asset_id: int, extra: Any, timestamp: datetime = NOW, **source: Any) -> int:
    from airflow.models.asset import AssetEvent

    with create_session() as session:
        event = AssetEvent(asset_id=asset_id, extra=extra, timestamp=timestamp, **source)
        session.add(event)
        session.flush()
        return int(event.id)


def _get(client: TestClient, query: str = "", who: str = "owner") -> Any:
    return client.get(f"{PAGE}/history{query}", headers=cookie(who))


def _words(page: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_a_programme_without_an_audit_says_how_to_get_one(client: TestClient, asset_id: int) -> None:
    page = _get(client)
    assert page.status_code == 200
    assert "No audit of this programme is known yet." in _words(page)
    assert "PartneroAuditWebhooksOperator" in _words(page)


def test_a_single_audit_is_drawn_and_compared_with_nothing(client: TestClient, asset_id: int) -> None:
    _record(asset_id, _extra(NOW, {"a": "PW001"}))
    page = _get(client)
    assert 'aria-label="One audit, of 26 November 2026' in page.text
    assert "What changed" not in page.text
    assert 'type="radio"' not in page.text


def test_the_last_two_audits_are_compared_unless_others_are_chosen(client: TestClient, asset_id: int) -> None:
    first = _record(asset_id, _extra(NOW - 2 * DAY, {"a": "PW001", "b": "PW002"}))
    _record(asset_id, _extra(NOW - DAY, {"a": "PW001"}))
    third = _record(asset_id, _extra(NOW, {"a": "PW001", "c": "PW002"}))
    words = _words(_get(client))
    assert "What changed from 2026-11-25 06:00 UTC to 2026-11-26 06:00 UTC" in words
    assert "1 new, 0 gone, 1 still there." in words
    assert "hook c" in words
    for query in (f"?earlier={first}&later={third}", f"?earlier={third}&later={first}"):
        words = _words(_get(client, query))
        assert "What changed from 2026-11-24 06:00 UTC to 2026-11-26 06:00 UTC" in words
        assert "1 new, 1 gone, 1 still there." in words
        assert words.index("hook c") < words.index("Gone") < words.index("hook b")


def test_the_plot_has_a_table_with_the_same_numbers_and_the_runs(client: TestClient, asset_id: int) -> None:
    source: dict[str, Any] = {
        "source_dag_id": "audit/it",
        "source_run_id": "r 1",
        "source_task_id": "t",
        "source_map_index": -1,
    }
    _record(asset_id, _extra(NOW - DAY, {"a": "PW001"}), **source)
    _record(asset_id, _extra(NOW, {"a": "PW001", "b": "PW002"}))
    page = _get(client)
    assert page.text.count("<svg") == 2
    rows = re.findall(r'data-label="(?:Errors|Warnings)" class="[a-z]+">(\d+)</td>', page.text)
    assert rows == ["1", "1", "0", "1"]
    assert 'href="/dags/audit%2Fit/runs/r%201" data-airflow' in page.text
    assert "/dags/" not in _get(client, who="reader").text


def test_many_audits_are_listed_on_demand(client: TestClient, asset_id: int) -> None:
    for number in range(35):
        _record(asset_id, _extra(NOW - number * DAY, {}), NOW - number * DAY)
    assert _get(client).text.count('name="later"') == 30
    assert "5 older audits" in _words(_get(client))
    assert _get(client, "?every=1").text.count('name="later"') == 35


@pytest.mark.parametrize("query", ["?earlier=x", "?later=999999999", "?later=-1", f"?earlier={'9' * 400}"])
def test_an_audit_that_is_not_there_is_refused_in_words(client: TestClient, asset_id: int, query: str) -> None:
    for day in range(2):
        _record(asset_id, _extra(NOW - day * DAY, {}))
    page = _get(client, query)
    assert page.status_code == 400
    assert "is none of the audits that are listed" in _words(page)


def test_whatever_somebody_wrote_into_an_event_breaks_nothing(client: TestClient, asset_id: int) -> None:
    known = (KnownFinding("f", "PW001", HOSTILE, HOSTILE, NOW), KnownFinding("g", HOSTILE[:12], None, None, NOW))
    past = PastAudit(NOW, "partnero_default", HOSTILE, frozenset([HOSTILE[:12], "PW001"]), known).to_dict()
    counts = {"errors": 10**7, "warnings": 0, "webhooks": 10**7, "by_rule": HOSTILE}
    source: dict[str, Any] = {"source_dag_id": HOSTILE, "source_run_id": "../..?x#y", "source_task_id": "t"}
    _record(asset_id, _extra(NOW - DAY, {"a": "PW001"}))
    hostile = [
        _record(asset_id, {"counts": counts, "for_next_audit": past}, **source),
        _record(asset_id, {"counts": counts, "for_next_audit": {"at": "0001-01-01T00:00:00+23:00"}}),
        _record(asset_id, {"counts": counts, "for_next_audit": past | {"at": "0001-01-01T00:00:00+00:00"}}),
        _record(asset_id, {"counts": counts}, NOW + 300_000 * DAY),
    ]
    for number in range(10):
        _record(asset_id, {"counts": number})
    for one in hostile:
        for other in hostile:
            page = _get(client, f"?earlier={one}&later={other}")
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "\u202e" not in page.text
            assert "10 other events of the audits' asset tell of no audit." in _words(page)


def test_it_is_for_those_who_may_read_the_connection(client: TestClient, asset_id: int) -> None:
    _record(asset_id, _extra(NOW, {"a": "PW001"}))
    assert client.get(f"{PAGE}/history").status_code == 401
    assert _get(client, who="nobody").status_code == 403
