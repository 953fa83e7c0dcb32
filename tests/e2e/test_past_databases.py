"""Pages of deliveries and the history of audits in SQLite, PostgreSQL and MariaDB: the same answers everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .ledger_places import ForkingAirflows, Place, mariadb_place, postgres_place, sqlite_place

if TYPE_CHECKING:
    from .mariadb import MariaDB
    from .postgres import Postgres

pytestmark = pytest.mark.airflow

EVERYWHERE = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]

ASK = """
import json
from datetime import UTC, datetime, timedelta
from airflow import settings
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.utils.session import create_session
from sqlalchemy import insert

import_all_models()
from airflow.models.asset import AssetEvent, AssetModel

from airflow_provider_partnero.assets import audit_asset_uri
from airflow_provider_partnero.ledger import pages
from airflow_provider_partnero.ledger.audit_points import read_past_audit, read_points
from airflow_provider_partnero.ledger.listing import DeliveryFilter
from airflow_provider_partnero.ledger.pages import DeliveryCursor, read_page
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.ledger.tables import DELIVERIES, create_tables
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError

Base.metadata.create_all(settings.engine)
create_tables(settings.engine)
now = datetime(2026, 11, 26, 12, 0, 0, 123_456, tzinfo=UTC)
tick = timedelta(microseconds=1)
rows = [dict(delivery_id=f"{n:064x}", conn_id="shop" if n % 2 else "Shop", recorded_at=now - (n // 4) * tick, event="e",
    outcome=["accepted", "unrouted", "paused", None][n % 4]) for n in range(40)]
with create_session() as session:
    session.execute(insert(DELIVERIES), rows)

def walk(wanted):
    found, before = [], None
    while True:
        with create_session() as session:
            limit_statements(session)
            page = read_page(session, wanted, before, 3)
        found += [int(one.delivery_id, 16) for one in page.deliveries]
        if page.older is None:
            return found
        before = DeliveryCursor.from_text(str(page.older))

walks = [walk(DeliveryFilter(conn_id="shop")), walk(DeliveryFilter(conn_id="shop", outcomes=("failed",)))]
pages.MOST_LOOKED_AT = 7
walks += [walk(DeliveryFilter(conn_id="shop")), walk(DeliveryFilter(conn_id="shop", event="e", outcomes=("accepted",)))]

extra = dict(counts=dict(errors=1, warnings=2, webhooks=3),
    for_next_audit=PastAudit(now, "sh\\u00f6p", "", frozenset(), ()).to_dict(), name="\\u2603" * 10)
with create_session() as session:
    asset = AssetModel(audit_asset_uri("sh\\u00f6p"))
    session.add(asset)
    session.flush()
    for told in (extra, {}, extra | dict(padding="x" * 200_000), extra):
        session.add(AssetEvent(asset_id=asset.id, extra=told, timestamp=now))
with create_session() as session:
    limit_statements(session)
    found = read_points(session, "sh\\u00f6p")
    past = read_past_audit(session, "sh\\u00f6p", found.points[0].place)
print(json.dumps([walks, len(found.points), found.unreadable, past.conn_id]))
"""


@pytest.fixture(params=EVERYWHERE)
def place(request: pytest.FixtureRequest, tmp_path: Path, airflows: ForkingAirflows) -> Iterator[Place]:
    """A new database of each kind."""
    if request.param == "sqlite":
        yield sqlite_place(tmp_path, airflows)
    elif request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        yield postgres_place(tmp_path, airflows, postgres, "past")
    else:
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        yield mariadb_place(tmp_path, airflows, mariadb, "past")


def test_pages_and_audits_are_the_same_in_every_database(place: Place) -> None:
    walks, points, unreadable, conn_id = place.run(ASK)
    numbers: list[Any] = [number for number in range(40) if number % 2]
    newest = sorted(numbers, key=lambda number: (number // 4, -number))
    accepted = [number for number in newest if number % 4 == 3]  # without an outcome, as in the first edition
    assert walks == [newest, [], newest, accepted]
    assert (points, unreadable, conn_id) == (2, 2, "shöp")
