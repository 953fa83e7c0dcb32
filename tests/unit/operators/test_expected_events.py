"""Silence is an alarm: what an audit knows of the events it expects, and where it knows it from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.assets import partnero_audit_asset, partnero_event_asset
from airflow_provider_partnero.operators import audit as audit_module
from airflow_provider_partnero.operators import expected_events
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.protection import receiver_url
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENT = "transaction.created"
RECEIVER = {
    "key": "receiver",
    "name": "Receiver",
    "url": receiver_url("https://airflow.example.com", "partnero_default"),
    "events": [EVENT],
    "signature": "0123456789abcdef",
}

Recorded = dict[str, list[Any]]


def recorded(happened: datetime | None, at: datetime, **extra: Any) -> Any:
    """An asset event, as a task reads it."""
    told = {
        "delivery_id": "d",
        "event": EVENT,
        "webhook_key": "receiver",
        "created_at": happened and happened.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    return SimpleNamespace(timestamp=at, extra={**told, **extra})


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """The asset events by URI, the newest first. What audits emit is added."""
    events: Recorded = {}

    def latest(asset: Asset, most: int) -> list[Any]:
        return events.get(asset.uri, [])[:most]

    def emit(_operator: Any, conn_id: str, _context: Any, extra: dict[str, Any]) -> None:
        events.setdefault(partnero_audit_asset(conn_id).uri, []).insert(0, SimpleNamespace(extra=extra, timestamp=NOW))

    monkeypatch.setattr(expected_events, "latest_asset_events", latest)
    monkeypatch.setattr(expected_events, "can_read_asset_events", lambda: True)
    monkeypatch.setattr(audit_module, "emit_audit", emit)
    return events


@pytest.fixture
def audit(sandbox: Sandbox, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    sandbox.put_webhooks([RECEIVER])

    def run(now: datetime = NOW, *, zone: str = "UTC", **options: Any) -> list[str]:
        """The words of the findings of PW016, and the report's notes."""
        monkeypatch.setattr(PartneroAuditWebhooksOperator, "now", staticmethod(lambda: now))
        operator = PartneroAuditWebhooksOperator(
            task_id="audit", **{"fail_on": "never", "expect_events": {EVENT: DAY}, **options}
        )
        import pendulum

        context = make_context() | {"dag": SimpleNamespace(timezone=pendulum.timezone(zone))}
        report = operator.execute(context)
        told = [finding["words"] for finding in report["findings"] if finding["rule"] == "PW016"]
        return [*told, *(note for note in report["changes"]["notes"] if "PW016" in note)]

    return run


def put(history: Recorded, *events: Any) -> None:
    history[partnero_event_asset(EVENT).uri] = list(events)


def test_an_event_that_came_in_time_is_no_silence(audit: Any, history: Recorded) -> None:
    put(history, recorded(NOW - 23 * HOUR, NOW - 23 * HOUR))
    assert audit() == []


def test_an_event_that_has_not_come_for_too_long_is_a_finding(audit: Any, history: Recorded) -> None:
    put(history, recorded(NOW - 25 * HOUR, NOW - 25 * HOUR))
    [words] = audit()
    assert "has come for 25 hours" in words


def test_a_silent_event_fails_the_audit_as_any_error_does(audit: Any, history: Recorded) -> None:
    put(history, recorded(NOW - 25 * HOUR, NOW - 25 * HOUR))
    with pytest.raises(AirflowFailException, match="1 error and"):
        audit(fail_on="error")
    assert audit(fail_on="error", ignore=["PW016"]) == []


def test_a_delivery_that_is_sent_again_days_later_is_no_sign_of_life(audit: Any, history: Recorded) -> None:
    put(history, *(recorded(NOW - 7 * DAY, NOW - HOUR, replay=1) for _ in range(3)))
    [words] = audit()
    assert "has come for 7 days" in words


def test_a_fresh_delivery_behind_some_that_were_sent_again_is_found(audit: Any, history: Recorded) -> None:
    again = [recorded(NOW - 7 * DAY, NOW, replay=1)] * 20
    put(history, *again, recorded(NOW - 2 * HOUR, NOW - 2 * HOUR))
    assert audit() == []


@pytest.mark.parametrize("created_at", [None, "yesterday", ""])
def test_a_delivery_without_a_usable_time_counts_from_when_it_was_recorded(
    audit: Any, history: Recorded, created_at: str | None
) -> None:
    put(history, recorded(None, NOW - HOUR, created_at=created_at))
    assert audit() == []
    put(history, recorded(None, NOW - 2 * DAY, created_at=created_at))
    assert "has come for 2 days" in audit()[0]


def test_a_clock_that_is_ahead_does_not_hide_a_silence(audit: Any, history: Recorded) -> None:
    put(history, recorded(NOW + 300 * DAY, NOW - 2 * DAY))
    assert "has come for 2 days" in audit()[0]


@pytest.mark.parametrize("extra", [{"event": "other"}, {"delivery_id": None}, {"webhook_key": 1}], ids=str)
def test_what_the_receiver_did_not_record_is_no_sign_of_life(
    audit: Any, history: Recorded, extra: dict[str, Any]
) -> None:
    put(history, recorded(NOW, NOW, **extra), SimpleNamespace(timestamp=NOW, extra=None))
    assert "has ever come" in audit()[0]


def test_quiet_hours_do_not_count_and_are_those_of_the_dags_time_zone(audit: Any, history: Recorded) -> None:
    now = datetime(2026, 11, 26, 6, tzinfo=UTC)  # seven in Berlin
    put(history, recorded(now - 8 * HOUR, now - 8 * HOUR))
    options: dict[str, Any] = {"expect_events": {EVENT: 2 * HOUR}, "quiet_hours": "* 0-6 * * *"}
    assert audit(now, **options, zone="Europe/Berlin") == []
    assert audit(now + 59 * timedelta(minutes=1), **options, zone="Europe/Berlin") == []
    assert len(audit(now + HOUR, **options, zone="Europe/Berlin")) == 1
    assert len(audit(now + HOUR, **options, zone="America/New_York")) == 1


def test_an_event_that_has_never_come_is_a_finding_once_it_was_expected_for_as_long(
    audit: Any, history: Recorded
) -> None:
    assert audit(NOW) == [f"No {EVENT} has ever come; PW016 expects it from now on."]
    assert audit(NOW + 23 * HOUR) == []
    [words] = audit(NOW + 24 * HOUR)
    assert "has ever come, and it is expected since 2026-11-26 12:00 UTC." in words
    for day in range(2, 12):
        assert len(audit(NOW + day * DAY)) == 1, "the beginning outlives the audits that are read"
    put(history, recorded(NOW + 12 * DAY, NOW + 12 * DAY))
    assert audit(NOW + 12 * DAY) == []


@pytest.mark.parametrize("told", [None, 1, "x", {EVENT: None}, {EVENT: "x"}, {EVENT: "2026-11-01T00:00"}, {EVENT: []}])
def test_what_earlier_audits_tell_is_not_believed_blindly(audit: Any, history: Recorded, told: Any) -> None:
    extras: list[Any] = [{"awaited_since": told}, {}, None]
    history[partnero_audit_asset().uri] = [SimpleNamespace(extra=extra, timestamp=NOW) for extra in extras]
    assert audit() == [f"No {EVENT} has ever come; PW016 expects it from now on."]


def test_an_event_that_nobody_subscribes_to_is_a_finding_at_once(
    audit: Any, sandbox: Sandbox, history: Recorded
) -> None:
    sandbox.put_webhooks([RECEIVER | {"is_active": False}])
    words, _note = audit()
    assert "The reason: no active webhook subscribes to it." in words


def test_where_tasks_cannot_read_events_the_report_says_so_and_nothing_is_found(audit: Any) -> None:
    [note] = audit()
    assert note.startswith("PW016 is not checked: tasks of Airflow ")


def test_an_airflow_that_does_not_answer_fails_the_audit_and_is_not_taken_for_silence(
    audit: Any, history: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(_asset: Any, _most: int) -> list[Any]:
        raise ConnectionError("no API server")

    monkeypatch.setattr(expected_events, "latest_asset_events", no_answer)
    with pytest.raises(ConnectionError):
        audit()


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"expect_events": [EVENT]}, ["expect_events", "must be a mapping"]),
    ({"expect_events": 24}, ["expect_events=24", "must be a mapping"]),
    ({"expect_events": EVENT}, ["must be a mapping"]),
    ({"expect_events": "None"}, ["must be a mapping"]),
    ({"expect_events": ""}, ["must be a mapping"]),
    ({"expect_events": {EVENT: "24h"}}, [EVENT, "'24h'", "number of seconds"]),
    ({"expect_events": {EVENT: None}}, ["None", "number of seconds"]),
    ({"expect_events": {EVENT: True}}, ["number of seconds"]),
    ({"expect_events": {EVENT: timedelta(0)}}, ["from a minute to 90 days"]),
    ({"expect_events": {EVENT: -timedelta(hours=1)}}, ["from a minute to 90 days"]),
    ({"expect_events": {EVENT: timedelta(days=91)}}, ["from a minute to 90 days"]),
    ({"expect_events": {EVENT: float("nan")}}, ["from a minute to 90 days"]),
    ({"expect_events": {EVENT: float("inf")}}, ["from a minute to 90 days"]),
    ({"expect_events": {EVENT: 59.9}}, ["from a minute to 90 days"]),
    ({"expect_events": {"": DAY}}, ["expect_events"]),
    ({"expect_events": {"{{ params.event }}": DAY}}, ["not a template"]),
    ({"expect_events": {7: DAY}}, ["expect_events", "7"]),
    ({"expect_events": {"audit": DAY}}, ["'audit'"]),
    ({"expect_events": {f"event.{number}": DAY for number in range(51)}}, ["51", "at most 50"]),
    ({"expect_events": {EVENT: DAY}, "quiet_hours": ["x"]}, ["quiet_hours", "'x'"]),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=str)
def test_a_wrong_expectation_is_refused_when_the_dag_is_parsed(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        PartneroAuditWebhooksOperator(task_id="audit", **options)
    assert [word for word in words if word not in str(refused.value)] == []
    assert len(str(refused.value)) < 400


def test_a_template_is_read_when_the_task_runs(audit: Any, history: Recorded) -> None:
    operator = PartneroAuditWebhooksOperator(
        task_id="audit",
        expect_events={EVENT: "{{ params.seconds }}"},
        quiet_hours="{{ params.quiet }}",
    )
    operator.render_template_fields({"params": {"seconds": 86_400, "quiet": ["* * * * 6,0"]}})
    put(history, recorded(NOW - 25 * HOUR, NOW - 25 * HOUR))
    assert len(audit(expect_events=operator.expect_events, quiet_hours=operator.quiet_hours)) == 1
    for text in ("{'transaction.created': 86400}", '{"transaction.created": 86400.0}'):
        assert len(audit(expect_events=text)) == 1


def test_a_template_that_renders_to_nothing_does_not_switch_the_alarm_off(
    sandbox: Sandbox, make_context: MakeContext, history: Recorded
) -> None:
    operator = PartneroAuditWebhooksOperator(task_id="audit", expect_events="{{ none }}")
    for nothing in (None, "None", ""):
        operator.expect_events = nothing
        with pytest.raises(AirflowFailException, match="expect_events"):
            operator.execute(make_context())


class TestOnAirflow:
    """On a real Airflow, whose API server the task asks for the assets' events."""

    def emit(self, event: str, conn_id: str, happened: datetime) -> None:
        from airflow.assets.manager import asset_manager
        from airflow.models.asset import AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        extra = recorded(happened, happened).extra
        with create_session() as session:
            [asset] = session.scalars(
                select(AssetModel).where(AssetModel.uri == partnero_event_asset(event, conn_id).uri)
            )
            asset_manager.register_asset_change(asset=asset, extra=extra, session=session)

    def test_the_alarm_is_raised_and_ends_with_the_next_delivery(
        self, airflow: Airflow, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SILENT", sandbox.connection_json)
        url = receiver_url("https://airflow.example.com", "silent")
        sandbox.put_webhooks([RECEIVER | {"url": url}])
        with DAG("silence_listens", schedule=partnero_event_asset(EVENT, "silent")) as listening:
            pass
        airflow.store(listening)
        with DAG("silence_audits", schedule=None) as dag:
            PartneroAuditWebhooksOperator.partial(
                task_id="audit", partnero_conn_id="silent", quiet_hours="* 1-2 29 2 *"
            ).expand(expect_events=[{EVENT: 3600}, {EVENT: HOUR}])
        self.emit(EVENT, "silent", datetime.now(UTC) - 5 * HOUR)
        assert [one.state for one in airflow.run(dag)["audit"]] == ["failed"] * 2
        self.emit(EVENT, "silent", datetime.now(UTC))
        assert [one.state for one in airflow.run(dag)["audit"]] == ["success"] * 2
