"""Odd webhooks: the audit reports them, and a plan leaves alone what cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.changes import changes, compact, digests
from airflow_provider_partnero.webhooks.reconcile import PlanError, plan, specs_from
from airflow_provider_partnero.webhooks.report import SUFFIXES, render_report

from .builders import found, spec, thorough, webhook

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
SECRET = "zqSECRETqzqzqzqzq"
ROW: dict[str, Any] = {
    "key": "k1",
    "name": "Orders",
    "url": "https://hooks.example.com/orders",
    "is_active": True,
    "events": ["partner.created"],
    "signature": SECRET,
}


def row(**fields: Any) -> Webhook:
    """A webhook as it is read from a row of the list; a field that is ``...`` is missing."""
    return Webhook.from_row({name: value for name, value in (ROW | fields).items() if value is not ...})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", None, "name is null"),
        ("url", None, "url is null"),
        ("is_active", None, "is_active is null"),
        ("is_active", "1", "is_active is a text (read as true)"),
        ("is_active", 0, "is_active is a number (read as false)"),
        ("key", 7, "key is a number"),
        ("key", ..., "key is missing"),
        ("events", {"0": "partner.created"}, "events is an object"),
        ("events", None, "events is null"),
        ("signature", ..., "signature is missing"),
    ],
)
def test_pw017_fires_for_an_odd_webhook_only(field: str, value: Any, words: str) -> None:
    live = row(**{field: value})
    [finding] = found("PW017", [live, webhook()])
    assert (finding.key, finding.name) == (live.key, live.name)
    assert f"lists it oddly: {words}." in finding.words
    assert ("reconcile leaves it alone" in finding.words) == bool(live.unreadable)


def test_pw017_fires_for_a_row_that_is_no_webhook() -> None:
    [finding] = found("PW017", [Webhook.from_row(None)])
    assert "it is null" in finding.words


def test_pw017_names_every_oddity_in_one_finding() -> None:
    [finding] = found("PW017", [row(name=None, events="a.b", is_active=1)])
    assert "name is null, is_active is a number (read as true) and events is a text" in finding.words


@pytest.mark.parametrize(
    ("field", "rules"),
    [
        ("url", {"PW002", "PW004", "PW005", "PW010"}),
        ("is_active", {"PW001", "PW010"}),
        ("events", {"PW003", "PW010"}),
        ("name", {"PW008", "PW010"}),
    ],
)
def test_no_rule_claims_what_a_field_that_cannot_be_read_may_say(field: str, rules: set[str]) -> None:
    declared = specs_from([{**{name: ROW[name] for name in ("name", "url", "events")}, "key": ROW["key"]}])
    if field == "name":
        declared = (spec(name="Another"),)
    options: dict[str, Any] = {"allowed_hosts": ["hooks.example.com"], "declared": declared}
    reported = set(audit([row(**{field: None})], **options).counts["by_rule"])
    assert "PW017" in reported
    assert not reported & rules


def test_a_declared_webhook_that_cannot_be_read_is_left_alone_and_the_others_are_not() -> None:
    odd, drifted, other = row(is_active=None), webhook(), webhook()
    specs = [spec(name="Orders"), spec(name=drifted.name), spec(name="New")]
    made = plan(specs, [odd, drifted, other], prune=True)
    assert [(action.kind, action.name) for action in made.actions] == [
        ("create", "New"),
        ("update", drifted.name),
        ("delete", other.name),
    ]
    [left] = made.unreadable
    assert (left.webhook, left.spec) == (odd, specs[0])
    assert made.summary.endswith("0 unchanged, 1 left alone (cannot be read).")
    assert '! leave "Orders" (key k1)' in made.render()
    assert "is_active is null" in made.render()
    plain = made.to_dict()
    assert plain["counts"]["unreadable"] == 1
    assert plain["unreadable"] == [
        {"name": "Orders", "key": "k1", "is_declared": True, "oddities": ["is_active is null"]}
    ]


@pytest.mark.parametrize("field", ["key", "name", "url", "is_active", "events"])
@pytest.mark.parametrize("value", [None, ..., ["x", 7]])
def test_prune_never_deletes_what_cannot_be_read(field: str, value: Any) -> None:
    live = row(**{field: value})
    made = plan([], [live], prune=True)
    assert made.actions == ()
    assert [left.webhook for left in made.unreadable] == [live]
    assert plan([], [live]).undeclared == (live,)


def test_prune_says_what_is_odd_about_a_webhook_that_it_deletes() -> None:
    made = plan([], [row(is_active="1", signature=None)], prune=True)
    assert [action.kind for action in made.actions] == ["delete"]
    assert "is_active is a text (read as true) and signature is null" in made.render()


def test_what_is_odd_but_can_be_read_is_compared() -> None:
    odd = row(is_active="1", events={"3": "partner.created"}, key=7)
    made = plan(specs_from([{"name": "Orders", "url": ROW["url"], "events": ["partner.created"]}]), [odd])
    assert [(action.kind, action.key) for action in made.actions] == [("unchanged", "7")]
    assert made.unreadable == ()


@pytest.mark.parametrize("key", ["k1", None])
def test_no_second_webhook_is_made_where_one_without_a_name_has_the_url(key: Any) -> None:
    nameless = row(name=None, key=key, url="https://HOOKS.example.com:443/orders/")
    specs = [spec(name="Orders", url=ROW["url"]), spec(name="Other")]
    made = plan(specs, [nameless], prune=True)
    assert [(action.kind, action.name) for action in made.actions] == [("create", "Other")]
    assert [(left.webhook, left.spec) for left in made.unreadable] == [(nameless, specs[0])]


def test_a_webhook_without_a_key_is_recognised_by_its_name_and_left_alone() -> None:
    made = plan([spec(name="Orders")], [row(key=...), row(key=None, name="Other")])
    assert made.is_empty
    assert [left.name for left in made.unreadable] == ["Orders"]
    assert "key unknown" in made.render()


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
odd_fields = {
    "key": st.sampled_from(["k1", "k2", 7, "7", "", None, 1.5, "a/b"]) | any_json,
    "name": st.sampled_from(["Orders", "Other", None, 7, ""]) | any_json,
    "url": st.sampled_from(["https://a.example/", "https://A.example", None, 7, ""]) | any_json,
    "is_active": st.sampled_from([True, False, 1, 0, "1", "0", "true", None]) | any_json,
    "events": st.sampled_from([["a.b"], {"1": "a.b"}, None, "a.b", '["a.b"]', [None], {}]) | any_json,
    "signature": st.sampled_from([SECRET, None, [SECRET], {"secret": SECRET}, 7]),
    "more": any_json,
}
odd_rows = st.lists(st.fixed_dictionaries({}, optional=odd_fields) | any_json, max_size=6)
DECLARED = specs_from(
    [
        {"name": "Orders", "url": "https://a.example/", "events": ["a.b"]},
        {"name": "Third", "url": "https://b.example/", "events": ["a.b"], "key": "k2"},
    ]
)


@thorough
@given(odd_rows)
def test_every_report_of_any_list_can_be_written_and_shows_no_secret(rows: list[Any]) -> None:
    webhooks = [Webhook.from_row(row) for row in rows]
    report = audit(webhooks, allowed_hosts=["a.example"], required_events=["a.b"], declared=DECLARED)
    assert report.counts["by_rule"].get("PW017", 0) == sum(bool(webhook.oddities) for webhook in webhooks)
    texts = [
        render_report(report, suffix=suffix, title="T", generated_at=MOMENT, conn_id="c").encode()
        for suffix in SUFFIXES
    ]
    shown = [*texts, report.to_table(), json.dumps(report.to_dict()), repr(webhooks)]
    shown.append(json.dumps([webhook.to_dict() for webhook in webhooks]))
    assert SECRET not in str(shown)


@thorough
@given(odd_rows, st.booleans())
def test_a_plan_for_any_list_writes_to_nothing_that_it_cannot_read(rows: list[Any], prune: bool) -> None:
    webhooks = [Webhook.from_row(row) for row in rows]
    try:
        made = plan(DECLARED, webhooks, prune=prune)
    except PlanError:
        return  # a key or a name that several webhooks have
    assert SECRET not in json.dumps(made.to_dict()) + made.render() + repr(made)
    for action in made.actions:
        if action.webhook:
            assert action.key
            assert action.webhook.unreadable <= {"signature"}
    touched = {action.spec for action in made.actions} | {left.spec for left in made.unreadable}
    assert touched - {None} == set(DECLARED)


@thorough
@given(odd_rows, odd_rows)
def test_any_two_lists_can_be_compared(before: list[Any], after: list[Any]) -> None:
    seen = digests(map(Webhook.from_row, before))
    json.dumps(changes(compact(seen, 60_000), map(Webhook.from_row, after)))
    json.dumps(changes(compact(seen, 0), map(Webhook.from_row, after)))
    assert changes(seen, map(Webhook.from_row, before)) is None
