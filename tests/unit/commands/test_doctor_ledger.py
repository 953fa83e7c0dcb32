"""What ``doctor`` says of the receiver's settings and of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from airflow.utils.session import create_session
from sqlalchemy import delete, text

from airflow_provider_partnero.commands import ledger_checks
from airflow_provider_partnero.commands.airflow_checks import judged_settings
from airflow_provider_partnero.commands.diagnosis import Diagnosis
from airflow_provider_partnero.commands.ledger_checks import age_in_words, diagnose_ledger, judged_last, judged_tables
from airflow_provider_partnero.ledger.overview import LastDelivery
from airflow_provider_partnero.ledger.tables import DELIVERIES, METADATA, WAITING, create_tables
from airflow_provider_partnero.plugin.receiver.recording.job import Job
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from tests.unit.conftest import Airflow

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def ledger(airflow: Airflow) -> Iterator[None]:
    """An empty ledger."""
    with create_session() as session:
        create_tables(cast("Engine", session.get_bind()))
        for table in (DELIVERIES, WAITING):
            session.execute(delete(table))
    yield
    with create_session() as session:
        for table in (DELIVERIES, WAITING):
            session.execute(delete(table))


def _found() -> dict[str, Diagnosis]:
    return {one.subject: one for one in diagnose_ledger("partnero_default")}


@pytest.mark.usefixtures("ledger")
def test_an_empty_ledger_is_a_warning_with_a_remedy() -> None:
    found = _found()
    assert found["tables"] == Diagnosis("ok", "tables", "are there, and of this edition")
    assert found["last"].verdict == "warn"
    assert "PartneroProbeReceiverOperator goes a delivery's way, and leaves nothing here" in found["last"].remedy
    assert found["unheard"].verdict == "ok"


@pytest.mark.usefixtures("ledger")
def test_a_delivery_that_no_dag_got_is_told_with_the_command_that_lists_it() -> None:
    body = b'{"event": "lead.submitted", "webhook_key": "k", "data": {"email": "who@example.com"}}'
    DeliveryWriter().write([Job("partnero_default", PartneroDelivery.from_body(body), "full")])
    found = _found()
    assert found["last"].verdict == "ok"
    assert found["last"].words.startswith('"lead.submitted" ')
    assert found["unheard"].verdict == "warn"
    assert "1 found no DAG scheduled on their event, and 0 only paused ones" in found["unheard"].words
    assert found["unheard"].remedy.startswith("airflow partnero deliveries list --outcome unrouted;")
    assert "who@example.com" not in "".join(map(str, found.values()))


def test_tables_of_the_first_edition_are_told_with_what_is_missing_and_how_to_get_it(airflow: Airflow) -> None:
    with create_session() as session:
        METADATA.drop_all(session.connection())
        session.execute(text("create table partnero_delivery (delivery_id text, conn_id text, recorded_at text)"))
    try:
        found = _found()
    finally:
        with create_session() as session:
            session.execute(text("drop table partnero_delivery"))
            create_tables(cast("Engine", session.get_bind()))
    assert found["tables"].verdict == "warn"
    missing = "partnero_waiting, partnero_receiver_clock and columns of partnero_delivery"
    assert found["tables"].words == f"{missing} are not there"
    assert "airflow db migrate" in found["tables"].remedy
    assert "last" not in found
    assert judged_tables(["x"]).words == "x is not there"


def test_a_database_that_cannot_be_asked_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[str]:
        raise OSError("no route to host\nsecond line")

    monkeypatch.setattr(ledger_checks, "_missing", refuse)
    assert list(diagnose_ledger("c")) == [
        Diagnosis(
            "fail", "tables", "Airflow's database cannot be asked (OSError: no route to host)", "airflow db check"
        )
    ]


def test_kept_data_in_clear_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    found = ledger_checks.encryption()
    assert (found.verdict, found.remedy.startswith("set [core] fernet_key")) == ("warn", True)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a-key")
    found = ledger_checks.encryption()
    assert found.verdict == "ok"
    assert "a-key" not in str(found)


def test_the_youngest_events_come_first_and_the_others_are_counted() -> None:
    last = tuple(LastDelivery("c", f"event.{number}", NOW - timedelta(minutes=number)) for number in range(9))
    words = judged_last(last, NOW).words
    assert words.startswith('"event.0" 0 s ago, "event.1" 1 min ago, ')
    assert words.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (86_400 * 2.9, "2 d")],
)
def test_ages_are_told_in_whole_units(seconds: float, words: str) -> None:
    assert age_in_words(seconds) == words


def test_the_settings_are_told_and_a_connection_that_is_not_allowed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_CONNECTIONS", "shop")
    settings = receiver_settings()
    assert judged_settings(settings, "shop").words.startswith("a delivery has 256 KiB at most; its data is kept as")
    refused = judged_settings(settings, "partnero_default")
    assert (refused.verdict, refused.words) == (
        "fail",
        'deliveries to "partnero_default" are refused: [partnero] receiver_connections has "shop" only',
    )
    assert refused.remedy == "add it there, and start what receives again"
