"""The audit as a whole: options, order, counts, and that it copes with any value of a webhook."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.audit import AuditOptions, Severity, audit
from airflow_provider_partnero.webhooks.reconcile import PlanError, WebhookSpec
from airflow_provider_partnero.webhooks.texts import columns

from .builders import any_text, expected, few_names, few_urls, live_webhooks, some_events, spec, thorough, webhook

BROKEN = [
    webhook(name="B", is_active=False),
    webhook(name="A", is_active=False),
    webhook(name="C", url="http://example.com/"),
]


def test_errors_come_first_then_rules_then_names() -> None:
    findings = audit(BROKEN, required_events=["reward.paid"]).findings
    assert [(finding.rule, finding.name) for finding in findings] == [
        ("PW002", "C"),
        ("PW006", None),
        ("PW001", "A"),
        ("PW001", "B"),
    ]


def test_webhooks_severities_and_rules_are_counted() -> None:
    assert audit(BROKEN).counts == {
        "webhooks": 3,
        "active": 1,
        "inactive": 2,
        "findings": 3,
        "errors": 1,
        "warnings": 2,
        "by_rule": {"PW001": 2, "PW002": 1},
    }


def test_an_empty_programme_only_lacks_what_is_required() -> None:
    assert audit([]).findings == ()
    assert audit([]).worst is None
    assert audit([], required_events=["partner.created"]).counts["by_rule"] == {"PW006": 1}


def test_a_required_event_that_is_misspelt_is_told_what_was_meant() -> None:
    [finding] = audit([], required_events=["partner.craeted"]).findings
    assert 'subscribes to "partner.craeted" (is "partner.created" meant?), which is required.' in finding.words


def test_an_ignored_rule_is_not_checked() -> None:
    report = audit(BROKEN, ignore=["PW001"])
    assert report.counts["by_rule"] == {"PW002": 1}
    assert set(audit(BROKEN).rules) - set(report.rules) == {"PW001"}


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({"allowed_hosts": []}, ["PW005"]),
        ({"required_events": ["a.b"]}, ["PW006"]),
        ({"declared": []}, ["PW008", "PW009", "PW010"]),
        ({"required_events": []}, []),
        ({"expect_events": [expected()]}, ["PW016"]),
    ],
    ids=str,
)
def test_a_rule_counts_as_checked_only_with_the_argument_that_it_needs(
    options: dict[str, Any], rules: list[str]
) -> None:
    assert sorted(set(audit([], **options).rules) - set(audit([]).rules)) == rules


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ignore": ["PW099"]}, ["ignore", "PW099", "PW001"]),
        ({"ignore": ["pw001"]}, ["ignore", "pw001", "did you mean 'PW001'"]),
        ({"ignore": "PW001"}, ["ignore", "PW001", "list"]),
        ({"ignore": [1]}, ["ignore", "1"]),
        ({"allowed_hosts": "example.com"}, ["allowed_hosts", "list"]),
        ({"allowed_hosts": ["https://example.com"]}, ["allowed_hosts", "https://example.com", "without scheme"]),
        ({"allowed_hosts": ["example.com:443"]}, ["allowed_hosts", "port"]),
        ({"allowed_hosts": ["*example.com"]}, ["allowed_hosts", "*example.com", "'*.example.com'"]),
        ({"allowed_hosts": [""]}, ["allowed_hosts"]),
        ({"allowed_hosts": [None]}, ["allowed_hosts", "None"]),
        ({"required_events": "partner.created"}, ["required_events", "list"]),
        ({"required_events": [""]}, ["required_events", "empty"]),
        ({"declared": [{"name": "A"}]}, ["declared", "dict", "WebhookSpec"]),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_its_name_its_value_and_what_is_allowed(
    options: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        audit([], **options)
    for word in words:
        assert word in str(refused.value)


def test_a_declaration_with_the_same_name_twice_is_refused() -> None:
    with pytest.raises(PlanError, match='2 declared webhooks have the name "Same"'):
        audit([], declared=[spec(name="Same"), spec(name="Same")])


def test_options_can_be_checked_without_an_audit() -> None:
    with pytest.raises(ValueError, match="PW099"):
        AuditOptions(ignore=("PW099",))


@pytest.mark.parametrize(
    ("webhooks", "fails"),
    [
        ([webhook()], {"error": False, "warning": False, "never": False}),
        ([webhook(is_active=False)], {"error": False, "warning": True, "never": False}),
        ([webhook(url="http://example.com")], {"error": True, "warning": True, "never": False}),
    ],
    ids=["clean", "warning", "error"],
)
def test_a_report_fails_on_its_worst_finding(webhooks: list[Webhook], fails: dict[Any, bool]) -> None:
    report = audit(webhooks)
    assert {fail_on: report.fails(fail_on) for fail_on in fails} == fails


def test_a_wrong_fail_on_is_refused() -> None:
    with pytest.raises(ValueError, match="fail_on='sometimes'"):
        audit([]).fails("sometimes")  # type: ignore[arg-type]


def test_a_dict_is_plain_json_and_counts_what_it_leaves_out() -> None:
    whole, some, none = (audit(BROKEN).to_dict(most) for most in (None, 2, 0))
    assert json.loads(json.dumps(whole)) == whole
    assert set(whole["findings"][0]) == {"rule", "severity", "key", "name", "words"}
    assert [len(plain["findings"]) for plain in (whole, some, none)] == [3, 2, 0]
    assert [plain["findings_left_out"] for plain in (whole, some, none)] == [0, 1, 3]
    assert whole["counts"] == some["counts"] == none["counts"]


def test_a_dict_can_be_changed_without_changing_the_report() -> None:
    report = audit(BROKEN)
    report.to_dict()["counts"]["by_rule"].clear()
    assert report.counts["by_rule"]


def test_a_report_has_what_the_matrix_needs_and_no_secret() -> None:
    [kept] = audit([webhook(name="A", signature="very-secret-indeed")]).webhooks
    assert (kept.name, kept.is_active, kept.events) == ("A", True, ("partner.created",))
    assert not hasattr(kept, "signature")
    assert not hasattr(kept, "url")


def test_a_fingerprint_stays_when_the_words_change_and_differs_between_findings() -> None:
    before = audit([webhook(key="k", name="Old", is_active=False, events=("a", "b"))]).findings
    after = audit([webhook(key="k", name="New", is_active=False, events=("a", "b"), url="https://x.example/")]).findings
    assert [finding.fingerprint for finding in before] == [finding.fingerprint for finding in after]
    assert [finding.words for finding in before] != [finding.words for finding in after]
    assert len({finding.fingerprint for finding in before}) == len(before) == 2


def test_the_table_says_for_each_rule_what_to_do_and_for_each_webhook_what_is_wrong() -> None:
    url, events = "https://hooks.acme.example/a-path-that-is-too-long-for-the-line", ("partner.created",)
    one = webhook(name="One", key="k1", url="https://x.example/1", events=events, is_active=False)
    two = webhook(name="Two", key="k2", url=url, events=events, is_active=False)
    table = audit([one, two], required_events=["reward.paid"]).to_table()
    assert table.splitlines() == WHAT_TO_DO.splitlines()


WHAT_TO_DO = """\
2 webhooks (0 active, 2 inactive): 1 error, 2 warnings.

error PW006: Required event that nobody gets
  What to do: Subscribe an active webhook to the event.
    No active webhook subscribes to "reward.paid", which is required.

warning PW001: Inactive webhook (2 times)
  What to do: Activate it, or delete it if nobody needs it any more.
    One (key k1)
      Is switched off, with 1 event subscribed: nothing is delivered to https://x.example/1.
    Two (key k2)
      Is switched off, with 1 event subscribed: nothing is delivered to
      https://hooks.acme.example/a-path-that-is-too-long-for-the-line.
"""


@thorough
@given(live_webhooks(), any_text)
def test_no_line_of_the_table_is_too_long_for_a_log_page_or_a_formula_from_outside(
    webhooks: list[Webhook], name: str
) -> None:
    report = audit([*webhooks, webhook(name=name, key=name or "k", is_active=False)], required_events=[name or "x"])
    for line in report.to_table().splitlines():
        assert columns(line) <= 100
        assert not line.lstrip().startswith(("=", "+", "-", "@"))


def test_the_table_has_at_most_the_requested_findings_and_counts_the_rest() -> None:
    table = audit(BROKEN).to_table(max_rows=1)
    assert table.count("PW00") == table.count("What to do: ") == 1
    assert table.endswith("... and 2 findings more.")


def test_the_table_writes_out_invisible_characters() -> None:
    table = audit([webhook(name="a\n\x1b[31m\u202e=1", key="\r=cmd()", is_active=False)]).to_table()
    assert "a<U+000A><U+001B>[31m<U+202E>=1" in table
    assert table.replace("\n", "").isprintable()


def test_a_formula_in_the_table_is_made_text() -> None:
    assert "'=cmd()" in audit([webhook(name="=cmd()", is_active=False)]).to_table()


declared = st.lists(
    st.builds(WebhookSpec, few_names, st.just("https://example.com/a"), st.just(("partner.created",))),
    unique_by=lambda spec: spec.name,
    max_size=4,
)


@thorough
@given(live_webhooks(), declared, some_events.filter(all), st.randoms(use_true_random=False))
def test_the_order_of_the_input_makes_no_difference(
    live: list[Webhook], specs: list[WebhookSpec], required: tuple[str, ...], chance: random.Random
) -> None:
    shuffled = list(live)
    chance.shuffle(shuffled)
    options: dict[str, Any] = {"required_events": required, "declared": specs, "allowed_hosts": ["*.example.com"]}
    assert audit(live, **options) == audit(shuffled, **options)


@thorough
@given(st.text(), st.text(), st.lists(st.text()), st.none() | st.text(), st.text())
def test_no_webhook_makes_an_audit_raise_or_breaks_its_output(
    name: str, url: str, events: list[str], signature: str | None, key: str
) -> None:
    report = audit([Webhook(key, name, url, True, tuple(events), signature)], declared=[], allowed_hosts=["*.a.com"])
    text = report.to_table() + json.dumps(report.to_dict(), ensure_ascii=False)
    assert text.replace("\n", "").isprintable()
    text.encode()


url_pieces = st.lists(
    st.sampled_from(["https", "http", ":", "/", "//", "@", "[", "]", "::1", ".", "%", "?", "#", "\\", "a", "80", " "])
).map("".join)


@thorough
@given(url_pieces | few_urls)
def test_no_url_makes_an_audit_raise(url: str) -> None:
    assert audit([webhook(url=url)], allowed_hosts=["*.example.com"]).counts["webhooks"] == 1


def test_importing_the_audit_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import airflow_provider_partnero.webhooks.audit, airflow_provider_partnero.webhooks.reconcile, "
        "airflow_provider_partnero.webhooks.report; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    others = set(loaded.stdout.split()) - sys.stdlib_module_names - {"airflow_provider_partnero", "__main__"}
    assert {name for name in others if not name.startswith("_")} == set()


def test_severities_are_texts() -> None:
    assert [str(severity) for severity in Severity] == ["error", "warning"]
