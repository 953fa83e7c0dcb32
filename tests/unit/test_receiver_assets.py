"""The assets that the receiver emits events on, and what a DAG reads out of those events."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import Asset
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import WebhookEvent
from airflow_provider_partnero.assets import (
    event_asset_uri,
    partnero_audit_asset,
    partnero_deliveries,
    partnero_event_asset,
)
from airflow_provider_partnero.webhooks.delivery import STORES, PartneroDelivery

NOON = datetime(2026, 5, 7, 12, tzinfo=UTC)

conn_ids = st.text(st.sampled_from("abzAZ019_-.#!():/\\ %@?é"), min_size=1, max_size=20)
events = st.text(st.sampled_from("abz.:/#?% é_-"), min_size=1, max_size=20).filter(str.strip)


@dataclass(frozen=True)
class Occurrence:
    """What is used of Airflow's asset event."""

    timestamp: datetime
    extra: Mapping[str, Any] | None


def _delivery(number: int, event: str = "partner.created") -> PartneroDelivery:
    created_at = (NOON + timedelta(seconds=number)).isoformat()
    return PartneroDelivery(f"id{number}", event, "key", created_at, "https://a.example/", {"number": number})


def _occurrence(number: int, event: str = "partner.created", *, later: int = 0) -> Occurrence:
    extra = _delivery(number, event).to_extra("full")
    return Occurrence(NOON + timedelta(seconds=number + later), extra)


@pytest.mark.parametrize(
    ("event", "conn_id", "uri"),
    [
        ("transaction.created", "partnero_default", "partnero://partnero_default/transaction.created"),
        (WebhookEvent.REWARD_PAID, "eu", "partnero://eu/reward.paid"),
        ("partner.created", "a/b#c:d", "partnero://a%2Fb%23c%3Ad/partner.created"),
        ("lead/new #1?", "eu", "partnero://eu/lead%2Fnew%20%231%3F"),
        ("zoë", "é", "partnero://%C3%A9/zo%C3%AB"),
    ],
)
def test_an_event_is_named_by_its_connection_and_itself(event: str, conn_id: str, uri: str) -> None:
    assert event_asset_uri(event, conn_id) == uri
    assert partnero_event_asset(event, conn_id) == Asset(uri)
    assert partnero_event_asset(event, conn_id).uri == uri


def test_the_default_is_the_default_connection() -> None:
    assert partnero_event_asset("partner.created") == partnero_event_asset("partner.created", "partnero_default")


@given(st.tuples(events, conn_ids), st.tuples(events, conn_ids))
def test_any_event_of_any_connection_is_an_asset_of_its_own(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (partnero_event_asset(*one).uri == partnero_event_asset(*other).uri) is (one == other)
    assert partnero_event_asset(*one).uri != partnero_audit_asset(one[1]).uri


@pytest.mark.parametrize(
    "event", ["", " ", "\n", "audit", "partnero_provider.probe", None, 1, ["partner.created"], b"partner.created"]
)
def test_what_names_no_event_is_refused_with_what_is_allowed(event: Any) -> None:
    with pytest.raises(ValueError, match=r"event=.*: must be an event name such as 'transaction\.created'"):
        event_asset_uri(event, "partnero_default")
    with pytest.raises(ValueError, match="must be an event name"):
        partnero_event_asset(event)


@given(st.lists(st.integers(0, 50)), st.randoms(use_true_random=False))
def test_deliveries_are_told_oldest_first_and_each_once(numbers: list[int], shuffler: random.Random) -> None:
    occurrences = [_occurrence(number, later=shuffler.choice([0, 100])) for number in numbers]
    first_seen: dict[int, datetime] = {}
    for number, occurrence in zip(numbers, occurrences, strict=True):
        first_seen[number] = min(first_seen.get(number, occurrence.timestamp), occurrence.timestamp)
    by_asset = {"one": occurrences[::2], "other": occurrences[1::2]}
    told = partnero_deliveries(by_asset)
    assert sorted(delivery.delivery_id for delivery in told) == sorted(f"id{number}" for number in set(numbers))
    times = [first_seen[delivery.data["number"]] for delivery in told]
    assert times == sorted(times)


def test_a_delivery_is_told_as_it_was_recorded() -> None:
    assert partnero_deliveries({"asset": [_occurrence(1)]}) == [_delivery(1)]


@pytest.mark.parametrize("store", STORES)
def test_a_delivery_of_which_less_is_kept_is_told_all_the_same(store: Any) -> None:
    extra = _delivery(1).to_extra(store)
    [told] = partnero_deliveries({"asset": [Occurrence(NOON, extra)]})
    assert (told.delivery_id, told.event, told.webhook_key) == ("id1", "partner.created", "key")


def test_events_of_other_assets_and_of_other_emitters_are_left_out() -> None:
    triggering = {
        partnero_event_asset("partner.created"): [_occurrence(1), Occurrence(NOON, {"from_rest_api": True})],
        partnero_audit_asset(): [Occurrence(NOON, {"counts": {}, "findings": []})],
        Asset("s3://bucket/file"): [Occurrence(NOON, None), Occurrence(NOON, {}), Occurrence(NOON, {"event": "x"})],
    }
    assert partnero_deliveries(triggering) == [_delivery(1)]


@pytest.mark.parametrize("event", ["partner.created", WebhookEvent.PARTNER_CREATED])
def test_one_event_can_be_asked_for(event: str) -> None:
    triggering = {"asset": [_occurrence(2), _occurrence(1), _occurrence(0, "partner.deleted")]}
    assert partnero_deliveries(triggering, event) == [_delivery(1), _delivery(2)]
    assert partnero_deliveries(triggering, "partner.updated") == []


def test_a_run_that_no_asset_started_has_no_deliveries() -> None:
    assert partnero_deliveries({}) == []
