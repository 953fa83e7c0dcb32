"""The verdict on a programme: one sentence, by what is wrong now and what the last audit knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_partnero.api import Webhook
from airflow_provider_partnero.ledger.overview import LastDelivery
from airflow_provider_partnero.plugin.page.health import Health, Sentence, build_health
from airflow_provider_partnero.plugin.page.live_programmes import ProgrammeState
from airflow_provider_partnero.plugin.page.receiver_state import receiver_state
from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot, snapshot_of
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings
from airflow_provider_partnero.webhooks.history import KnownFinding, PastAudit
from airflow_provider_partnero.webhooks.rules import RULES

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CONN = "partnero_default"
PATH = "/partnero/webhooks/partnero_default"
RECEIVER = f"https://airflow.example{PATH}"
ON = Sentence("good", "On.")
ALL_RULES = frozenset(rule.id for rule in RULES)


def webhook(key: str, **others: Any) -> Webhook:
    fields: dict[str, Any] = {
        "key": key,
        "name": f"Name {key}",
        "url": f"https://{key}.example.com/x",
        "is_active": True,
        "events": ("partner.created",),
        "signature": "0123456789abcdef0123456789abcdef" + key,
    }
    return Webhook(**(fields | others))


def snapshot(*webhooks: Webhook) -> ProgrammeSnapshot:
    return snapshot_of(webhooks, None, CONN, NOW)


def known(rule: str, name: str | None = None, key: str | None = None) -> KnownFinding:
    return KnownFinding("0" * 12, rule, key, name, NOW)


def audited(*findings: KnownFinding, rules: frozenset[str] = ALL_RULES) -> PastAudit:
    return PastAudit(NOW, CONN, "", rules, findings)


def health(snapshot: ProgrammeSnapshot | None, audit: PastAudit | None = None, **others: Any) -> Health:
    return build_health(ProgrammeState(snapshot, **others), audit, (), ON)


GOOD, PLAIN = webhook("good"), webhook("plain", url="http://blog.example.com/x")
OFF = webhook("off", is_active=False)


@pytest.mark.parametrize(
    ("webhooks", "kind", "words"),
    [
        ([], "warning", "The programme has no webhooks: Partnero tells nobody what happens."),
        ([GOOD], "good", "Well: the programme's one webhook is in order."),
        ([GOOD, webhook("more")], "good", "Well: all 2 webhooks are in order."),
        ([GOOD, OFF], "warning", "Events arrive, but 1 thing looks like a mistake."),
        ([OFF, webhook("idle", events=())], "warning", "Events arrive, but 2 things look like mistakes."),
        (
            [GOOD, PLAIN, OFF],
            "error",
            "Not well: 1 of 3 webhooks has errors.",
        ),
    ],
)
def test_the_verdict_is_one_sentence_and_one_colour(webhooks: list[Webhook], kind: str, words: str) -> None:
    assert health(snapshot(*webhooks)).verdict == Sentence(kind, words)  # type: ignore[arg-type]


def test_below_it_the_kinds_of_errors_are_named_the_most_frequent_first() -> None:
    twice = webhook("same", url=GOOD.url)
    found = health(snapshot(GOOD, twice, PLAIN, webhook("more", url="http://more.example.com/x"), OFF))
    assert found.effects == "Destination is not https (2 times); Event delivered twice to one URL"
    assert health(snapshot(GOOD, OFF)).effects == ""


def test_what_keeps_partnero_from_being_read_is_the_verdict() -> None:
    down = health(None, trouble="down", words="Partnero cannot be read: it is silent.")
    assert down.verdict == Sentence("error", "Partnero cannot be read: it is silent.")
    assert health(None, is_loading=True).verdict.kind == "unknown"


def test_what_the_audits_dag_ignores_is_ignored_here() -> None:
    found = health(snapshot(PLAIN), audited(rules=ALL_RULES - {"PW002"}))
    assert (found.verdict.kind, found.errors, found.findings) == ("good", 0, ())


def test_what_only_the_audits_dag_can_tell_is_taken_from_the_last_audit_and_marked() -> None:
    found = health(snapshot(GOOD), audited(known("PW006", "lead.submitted"), known("PW002", key="plain")))
    [finding] = found.findings
    assert (finding.rule, finding.name, finding.is_of_audit, bool(finding.remedy)) == (
        "PW006",
        "lead.submitted",
        True,
        True,
    )
    assert (found.errors, found.verdict.kind) == (1, "error")


def test_a_rule_of_another_version_in_an_audit_is_left_out() -> None:
    assert health(snapshot(GOOD), audited(known("PW999", key="good"))).findings == ()


def test_errors_come_first_and_the_rest_is_counted() -> None:
    webhooks = [webhook(f"off{number}", is_active=False) for number in range(30)]
    found = health(snapshot(*webhooks, PLAIN))
    assert (len(found.findings), found.left_out) == (12, 19)
    assert found.findings[0].severity == "error"


def test_events_are_listed_with_their_last_delivery_and_those_that_are_missed() -> None:
    at = NOW - timedelta(hours=3)
    deliveries = [LastDelivery(CONN, "partner.created", at), LastDelivery(CONN, "reward.paid", at)]
    silence = audited(known("PW016", "reward.paid"), known("PW016", "lead.submitted"))
    found = build_health(ProgrammeState(snapshot(GOOD)), silence, deliveries, ON)
    assert [(event.event, event.at, event.is_silent) for event in found.events] == [
        ("lead.submitted", None, True),
        ("partner.created", at, False),
        ("reward.paid", at, True),
    ]


def settings(*, enabled: bool = True, connection: str = CONN) -> ReceiverSettings:
    return ReceiverSettings(enabled, frozenset({connection}), "full", 1, 1)


HERE = webhook("here", name="to Airflow", url=RECEIVER)


@pytest.mark.parametrize(
    ("given", "webhooks", "kind", "words"),
    [
        (settings(), [HERE], "good", 'On: "to Airflow" delivers to it.'),
        (settings(), [webhook("h", name="to Airflow", url="http://127.0.0.1" + PATH)], "warning", "and has errors"),
        (settings(), [webhook("here", name="to Airflow", url=RECEIVER, is_active=False)], "error", "is switched off"),
        (settings(), [GOOD], "warning", "no webhook of this programme delivers to it"),
        (settings(connection="other"), [HERE], "warning", "receiver_connections does not name this connection"),
        (settings(enabled=False), [HERE], "warning", 'Off in this API server, but "to Airflow" delivers'),
        (settings(enabled=False), [GOOD], "unknown", "no webhook delivers to it"),
        (ValueError("[partnero] store='x'"), [HERE], "error", "[partnero] store='x'"),
    ],
)
def test_the_receiver_is_told_in_one_sentence(given: Any, webhooks: list[Webhook], kind: str, words: str) -> None:
    told = receiver_state(given, CONN, snapshot(*webhooks))
    assert (told.kind, words in told.words) == (kind, True)


def test_the_receiver_is_told_even_when_the_webhooks_are_not_known() -> None:
    assert receiver_state(settings(), CONN, None).kind == "unknown"
