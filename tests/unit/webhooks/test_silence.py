"""Events that should come and do not: what the audit says of them, and why they may not come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.webhooks.audit import Severity, audit
from airflow_provider_partnero.webhooks.protection import receiver_url
from airflow_provider_partnero.webhooks.silence import duration_words

from .builders import expected, found, live_webhooks, thorough, webhook

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DELIVERS: dict[str, Any] = {
    "url": receiver_url("https://airflow.example.com/deep", "shop"),
    "events": ("transaction.created",),
}


def test_pw016_is_silent_for_an_event_that_came_in_time() -> None:
    assert found("PW016", [webhook(**DELIVERS)], expect_events=[expected()]) == []


def test_pw016_says_for_how_long_the_event_has_not_come() -> None:
    overdue = expected(last=NOW - timedelta(hours=26, minutes=5), is_overdue=True)
    [finding] = found("PW016", [webhook(**DELIVERS)], expect_events=[overdue])
    assert finding.severity is Severity.ERROR
    assert finding.words == (
        'No "transaction.created" has come for 26 hours and 5 minutes: the last is of 2026-11-25 09:55 UTC, and '
        "24 hours without one are the most that is expected."
    )
    assert (finding.key, finding.subject) == (None, "transaction.created")


def test_pw016_tells_an_event_that_has_never_come_since_when_it_is_expected() -> None:
    never = expected(last=None, awaited_since=NOW - timedelta(days=2), is_overdue=True)
    [finding] = found("PW016", [webhook(**DELIVERS)], expect_events=[never])
    assert finding.words == 'No "transaction.created" has ever come, and it is expected since 2026-11-24 12:00 UTC.'


def test_pw016_waits_for_an_event_that_is_expected_for_the_first_time() -> None:
    assert found("PW016", [webhook(**DELIVERS)], expect_events=[expected(last=None)]) == []


@pytest.mark.parametrize("overdue", [True, False])
@pytest.mark.parametrize("others", [{"is_active": False}, {"events": ("partner.created",)}], ids=str)
def test_pw016_names_it_as_the_reason_that_no_active_webhook_subscribes(others: dict[str, Any], overdue: bool) -> None:
    never = expected(last=None, is_overdue=overdue)
    [finding] = found("PW016", [webhook(**{**DELIVERS, **others})], expect_events=[never])
    assert finding.words.endswith("The reason: no active webhook subscribes to it.")


def test_pw016_suggests_the_event_that_was_probably_meant() -> None:
    [finding] = found("PW016", [], expect_events=[expected(event="transaction.craeted", last=None)])
    assert '(is "transaction.created" meant?)' in finding.words


@pytest.mark.parametrize("conn_id", ["other", "sho"])
def test_pw016_names_it_as_the_reason_that_the_events_go_elsewhere(conn_id: str) -> None:
    elsewhere = webhook(**{**DELIVERS, "url": receiver_url("https://airflow.example.com", conn_id)})
    overdue = expected(last=NOW - timedelta(days=3), is_overdue=True)
    [finding] = found("PW016", [elsewhere], expect_events=[overdue])
    assert "3 days" in finding.words
    assert 'delivers to the receiver of connection "shop".' in finding.words


def test_the_identity_of_a_silence_does_not_depend_on_how_long_it_lasts() -> None:
    lasting = [expected(last=NOW - timedelta(days=days), is_overdue=True) for days in (2, 3)]
    first, second = (found("PW016", [], expect_events=[one])[0].fingerprint for one in lasting)
    assert first == second


def test_other_expectations_are_another_argument_for_the_next_audit() -> None:
    one, other = (audit([], expect_events=[expected(longest=timedelta(hours=hours))]) for hours in (24, 48))
    assert one.arguments["expect_events"] != other.arguments["expect_events"]
    assert "expect_events" not in audit([]).arguments


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "1 minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=47, minutes=59, seconds=59), "47 hours and 59 minutes"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=3, minutes=59), "3 days"),
        (timedelta(days=400, hours=1), "400 days and 1 hour"),
    ],
    ids=str,
)
def test_a_duration_is_told_in_at_most_two_units(duration: timedelta, words: str) -> None:
    assert duration_words(duration) == words


@thorough
@given(live_webhooks(), st.sampled_from(["transaction.created", "new\u202e.event", "x" * 500]), st.booleans())
def test_no_webhook_and_no_event_name_breaks_the_rule_or_its_line(live: Any, event: str, overdue: bool) -> None:
    for last in (None, NOW - timedelta(days=2)):
        for finding in found("PW016", live, expect_events=[expected(event=event, last=last, is_overdue=overdue)]):
            assert finding.words.isprintable()
            assert len(finding.words) < 500
