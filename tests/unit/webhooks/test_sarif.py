"""SARIF: valid whatever the names are, and each finding at the line that declares its webhook."""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from airflow_provider_partnero import __version__
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.audit import AuditReport, Finding, Severity, audit
from airflow_provider_partnero.webhooks.comparison import Comparison, compare, remember
from airflow_provider_partnero.webhooks.report.locations import DeclarationPlaces, declaration_places
from airflow_provider_partnero.webhooks.report.sarif import render_sarif
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.spec_files import parse_specs

from .builders import any_text, live_webhooks, spec, thorough, webhook

SCHEMA = Draft4Validator(json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text("utf-8")))

DECLARATION = """\
# The webhooks of the shop.
webhooks:
  - name: Finance
    url: https://finance.example.com/hooks
    events: [transaction.created]
  - name: CRM
    is_active: true
    url: https://crm.example.com/hooks
    events:
      - partner.created
      - partner.updated
  - key: key-of-mail
    name: Mail
    url: https://mail.example.com/hooks
    events: [customer.created]
"""
FINANCE = webhook(key="k-fin", name="Finance", url="https://finance.example.com/hooks", events=("transaction.created",))
CRM = webhook(
    key="k-crm", name="CRM", url="https://crm.example.com/hooks", events=("partner.created", "partner.updated")
)
MAIL = webhook(key="key-of-mail", name="Mail", url="https://mail.example.com/hooks", events=("customer.created",))


def run_of(
    report: AuditReport, places: DeclarationPlaces | None = None, comparison: Comparison | None = None
) -> dict[str, Any]:
    """The only run of the report's SARIF, which is valid."""
    text = render_sarif(report, places=places, comparison=comparison)
    log = json.loads(text)
    SCHEMA.validate(log)
    [run] = log["runs"]
    assert isinstance(run, dict)
    return run


def audited(
    live: Iterable[Webhook], text: str = DECLARATION, path: str = "webhooks.yaml", **options: Any
) -> dict[str, Any]:
    """The run of an audit against a declaration file."""
    live, declared = list(live), parse_specs(text, suffix=".yaml")
    return run_of(audit(live, declared=declared, **options), declaration_places(path, text, declared, live))


def lines_of(run: dict[str, Any]) -> dict[tuple[str, str | None], tuple[int, int]]:
    """The line and column of each result, by its rule and its webhook's key."""
    found = {}
    for result in run["results"]:
        [location] = result["locations"]
        region = location["physicalLocation"]["region"]
        key = location["logicalLocations"][0].get("fullyQualifiedName")
        found[result["ruleId"], key] = region["startLine"], region["startColumn"]
    return found


def test_the_tool_names_itself_and_describes_every_rule_by_the_rules_own_words() -> None:
    driver = run_of(audit([]))["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("airflow-provider-partnero", __version__)
    assert driver["informationUri"].startswith("https://")
    assert [described["id"] for described in driver["rules"]] == [rule.id for rule in RULES]
    for rule, described in zip(RULES, driver["rules"], strict=True):
        assert described["shortDescription"]["text"] == rule.title
        assert described["fullDescription"]["text"].split() == (rule.check.__doc__ or "").split() != []
        assert described["help"]["text"] == rule.remedy
        assert described["defaultConfiguration"]["level"] == str(rule.severity)
        assert all(len(described[field]["text"]) <= 1024 for field in ("shortDescription", "fullDescription"))


def test_rules_that_were_not_checked_are_marked_as_switched_off() -> None:
    [invocation] = run_of(audit([], ignore=["PW001"], declared=[]))["invocations"]
    off = [override["descriptor"]["id"] for override in invocation["ruleConfigurationOverrides"]]
    assert off == ["PW001", "PW005", "PW006", "PW016", "PW020"]
    assert invocation["executionSuccessful"]


def test_a_result_has_the_findings_level_rule_and_words() -> None:
    run = run_of(audit([webhook(key="k1", name="Finance", url="http://finance.example.com/", is_active=False)]))
    results = {result["ruleId"]: result for result in run["results"]}
    assert (results["PW002"]["level"], results["PW001"]["level"]) == ("error", "warning")
    assert results["PW002"]["message"]["text"].startswith('Webhook "Finance" (key k1): Delivers to http://finance.')
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


@pytest.mark.parametrize(
    ("live", "rule", "place"),
    [
        ([webhook(key="k-fin", name="Finance", events=("a.b",))], ("PW007", "k-fin"), (5, 5)),  # events
        ([webhook(key="k-fin", name="Finance", url="http://x.example.com")], ("PW002", "k-fin"), (4, 5)),  # url
        ([webhook(key="k-crm", name="CRM", is_active=False)], ("PW001", "k-crm"), (7, 5)),  # is_active
        ([webhook(key="k-fin", name="Finance", is_active=False)], ("PW001", "k-fin"), (3, 5)),  # not declared: entry
        ([webhook(key="k-crm", name="CRM", signature="short")], ("PW014", "k-crm"), (6, 5)),  # the whole webhook
        ([webhook(key="k-crm", name="CRM", events=("partner.created",))], ("PW010", "k-crm"), (8, 5)),  # url first
        ([webhook(key="key-of-mail", name="Mailing")], ("PW010", "key-of-mail"), (13, 5)),  # name first
        ([FINANCE, CRM], ("PW009", None), (12, 5)),  # Mail is missing
        ([webhook(key="k-new", name="New")], ("PW008", "k-new"), (1, 1)),  # nothing declares it
        ([FINANCE, webhook(key="k-2", name="Finance")], ("PW008", "k-2"), (3, 5)),  # one of two is declared
    ],
)
def test_a_finding_is_at_the_field_that_it_is_about_or_at_its_webhook_or_at_the_top(
    live: list[Webhook], rule: tuple[str, str | None], place: tuple[int, int]
) -> None:
    assert lines_of(audited(live))[rule] == place


def test_json_declarations_have_lines_too() -> None:
    text = json.dumps([{"name": "Finance", "url": "https://x.example.com", "events": ["a.b"]}], indent=2)
    declared = parse_specs(text, suffix=".json")
    places = declaration_places("webhooks.json", text, declared, [])
    assert lines_of(run_of(audit([], declared=declared), places)) == {("PW009", None): (2, 3)}


def test_a_secret_that_the_declaration_hides_does_not_hide_the_line() -> None:
    text = DECLARATION.replace("finance.example.com/hooks", "finance.example.com/?token=***")
    live = webhook(key="k-fin", name="Finance", url="https://finance.example.com/?token=s3cr3t-0123456789")
    assert lines_of(audited([live], text))["PW013", "k-fin"] == (4, 5)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("webhooks.yaml", {"uri": "webhooks.yaml", "uriBaseId": "%SRCROOT%"}),
        ("./a b/ü#?.yaml", {"uri": "a%20b/%C3%BC%23%3F.yaml", "uriBaseId": "%SRCROOT%"}),
        ("javascript:alert(1).yaml", {"uri": "javascript%3Aalert%281%29.yaml", "uriBaseId": "%SRCROOT%"}),
        ("caf\udce9.yaml", {"uri": "caf%E9.yaml", "uriBaseId": "%SRCROOT%"}),  # Latin-1 bytes, as Python has them
        ("/srv/web hooks.yaml", {"uri": "file:///srv/web%20hooks.yaml"}),
    ],
)
def test_the_file_is_a_uri_below_the_repositorys_root(path: str, location: dict[str, str]) -> None:
    run = audited([], path=path)
    assert {json.dumps(one["locations"][0]["physicalLocation"]["artifactLocation"]) for one in run["results"]} == {
        json.dumps(location)
    }
    assert "%SRCROOT%" in run["originalUriBaseIds"]


def test_without_a_file_a_finding_names_its_webhook_and_the_programme_is_named_for_the_rest() -> None:
    program = Program("Demo", "D1", "Affiliate")
    run = run_of(audit([webhook(key="k1", name="Finance", is_active=False)], required_events=["a.b"], program=program))
    located = {result["ruleId"]: result["locations"] for result in run["results"]}
    assert located["PW001"] == [
        {"logicalLocations": [{"name": "Finance", "kind": "webhook", "fullyQualifiedName": "k1"}]}
    ]
    assert located["PW006"] == [{"logicalLocations": [{"name": "Demo (Affiliate)", "kind": "programme"}]}]
    assert "originalUriBaseIds" not in run


def test_a_fingerprint_stays_when_the_lines_move_and_no_two_results_share_one() -> None:
    live = [webhook(key=f"k{number}", is_active=False, events=("a.b",)) for number in range(20)]
    before, after = audited(live), audited(live, "# one more line\n" + DECLARATION)
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in before["results"]]
    assert prints == [result["partialFingerprints"]["primaryLocationLineHash"] for result in after["results"]]
    assert len(set(prints)) == len(prints) > 60
    assert lines_of(before) != lines_of(after)


def test_results_about_webhooks_that_look_the_same_are_told_apart() -> None:
    run = run_of(audit([webhook(key="", name="A", is_active=False) for _ in range(3)]))
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints) > 2


def test_columns_count_letters_as_the_run_says() -> None:
    text = '- {name: "\U0001f600", url: "http://x.example.com", events: [partner.created]}'
    run = audited([webhook(key="k", name="\U0001f600", url="http://x.example.com")], text)
    assert run["columnKind"] == "unicodeCodePoints"
    assert lines_of(run)["PW002", "k"] == (1, text.index("url") + 1)


def test_words_of_a_finding_cannot_break_out_either() -> None:
    report = replace(audit([]), findings=(Finding("PW001", Severity.WARNING, "k", "A", "is \x00\nbad"),))
    [result] = run_of(report)["results"]
    assert result["message"]["text"] == 'Webhook "A" (key k): is <U+0000><U+000A>bad'


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("{0} of {1}", '"{{0}} of {{1}}"'),  # a placeholder
        ("[x](javascript:alert(1))", r'"\[x\](javascript:alert(1))"'),  # a link
        ("\\[x](1)", r'"\\\[x\](1)"'),
        ("list[0]", '"list[0]"'),
        ("two\nlines\x00\u202e\ud800", '"two<U+000A>lines<U+0000><U+202E><U+D800>"'),
    ],
)
def test_a_hostile_name_is_nothing_but_text_in_a_message(name: str, shown: str) -> None:
    [result] = run_of(audit([webhook(name=name, is_active=False)]))["results"]
    assert result["message"]["text"].startswith(f"Webhook {shown} (key ")


def test_neither_signing_secrets_nor_the_secrets_of_urls_are_written() -> None:
    url = "https://user:pass-5ecret@hooks.example.com/?token=t0ken-5ecret-0123"
    live = [webhook(url=url, signature="signing-5ecret", is_active=False, name=f"N{number}") for number in range(2)]
    declared = [spec(name="N0", url=url.replace("t0ken", "other")), spec(name="Gone", url=url)]
    text = json.dumps([declared[0].body(), declared[1].body()])
    report = audit(live, declared=declared, allowed_hosts=["x.example"])
    assert {"PW013", "PW014", "PW015", "PW010", "PW009"} <= set(report.counts["by_rule"])
    assert "5ecret" not in render_sarif(report, places=declaration_places("w.json", text, declared, live))


@st.composite
def declared_and_live(draw: st.DrawFn) -> tuple[list[Webhook], str]:
    live = draw(live_webhooks())
    names = draw(
        st.lists(any_text.filter(str.strip) | st.sampled_from(["A", "B", "C"]), unique_by=str.strip, max_size=4)
    )
    entries = [{"name": name, "url": "https://example.com/a", "events": ["partner.created"]} for name in names]
    return live, json.dumps(entries, indent=draw(st.none() | st.integers(0, 4)))


@thorough
@given(declared_and_live(), any_text, st.booleans())
def test_any_programme_gives_a_valid_file_in_which_every_finding_is_there_once(
    case: tuple[list[Webhook], str], path: str, is_declared: bool
) -> None:
    live, text = case
    try:
        declared = parse_specs(text, suffix=".json")
        places = declaration_places(path, text, declared, live)
    except ValueError:  # such as two names with one normal form
        return
    report = audit(live, declared=declared, required_events=["reward.paid"])
    run = run_of(report, places if is_declared else None)
    assert [result["ruleId"] for result in run["results"]] == [finding.rule for finding in report.findings]
    prints = {result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}
    assert len(prints) == len(report.findings)
    last = text.count("\n") + 1
    for result in run["results"]:
        assert result["message"]["text"].isprintable()
        assert len(result["message"]["text"]) <= 2_000
        for location in result["locations"]:
            if is_declared:
                assert 1 <= location["physicalLocation"]["region"]["startLine"] <= last


@pytest.mark.large
def test_ten_thousand_findings_are_all_there() -> None:
    report = audit([webhook(name=f"Webhook {number}", is_active=False) for number in range(10_000)])
    text = render_sarif(report)
    [run] = json.loads(text)["runs"]
    assert len(run["results"]) == 10_000
    assert "toolExecutionNotifications" not in run["invocations"][0]
    assert len(gzip.compress(text.encode())) < 10_000_000


@pytest.mark.large
def test_no_more_results_are_written_than_github_takes_and_the_rest_is_counted() -> None:
    live = [webhook(is_active=False, url="http://x.example.com") for _ in range(15_000)]
    report = audit(live)
    run = run_of_large(report)
    left_out = len(report.findings) - 25_000
    assert left_out > 0
    assert len(run["results"]) == 25_000
    [note] = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith(f"{left_out:,} findings of {len(report.findings):,} left out")
    assert run["results"][0]["level"] == "error"


def run_of_large(report: AuditReport) -> dict[str, Any]:
    text = render_sarif(report)
    assert len(gzip.compress(text.encode())) < 10_000_000
    [run] = json.loads(text)["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.large
def test_a_file_of_texts_that_cannot_be_compressed_is_small_enough_for_github() -> None:
    some = random.Random(10)
    letters = [chr(number) for number in range(0x4E00, 0x9000)]
    live = [
        webhook(name="".join(some.choices(letters, k=60)), key="".join(some.choices(letters, k=200)), is_active=False)
        for _ in range(16_000)
    ]
    report = audit(live)
    run = run_of_large(report)
    assert 0 < len(run["results"]) < len(report.findings)
    assert "left out" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def calls_of_rendering(number: int) -> int:
    """How many functions rendering so many findings calls."""
    live = [webhook(name=f"Webhook {place}", is_active=False) for place in range(number)]
    declared = [spec(name=f"Webhook {place}") for place in range(number)]
    text = json.dumps([one.body() for one in declared])
    report, counted = audit(live, declared=declared), 0

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        render_sarif(report, places=declaration_places("w.json", text, declared, live))
    finally:
        sys.setprofile(None)
    return counted


def test_twice_the_findings_are_twice_the_work() -> None:
    calls_of_rendering(10)  # what is done once
    assert calls_of_rendering(800) < 2.2 * calls_of_rendering(400)


def test_each_result_tells_whether_it_is_new_and_since_when_if_that_is_known_of_all() -> None:
    moment = datetime(2026, 11, 23, 6, tzinfo=UTC)
    old, new = webhook(name="Old", is_active=False), webhook(name="New", is_active=False)
    first = audit([old])
    since = compare(first, at=moment, conn_id="c")
    report = audit([old, new])
    known = compare(report, [remember(first, since, "c", 9)], at=moment + timedelta(days=1), conn_id="c")
    results = {
        result["locations"][0]["logicalLocations"][0]["name"]: result
        for result in run_of(report, None, known)["results"]
    }
    assert results["Old"]["baselineState"] == "unchanged"
    assert results["Old"]["provenance"] == {"firstDetectionTimeUtc": "2026-11-23T06:00:00Z"}
    assert results["New"]["baselineState"] == "new"
    assert results["New"]["provenance"] == {"firstDetectionTimeUtc": "2026-11-24T06:00:00Z"}
    partly = compare(report, [remember(first, since, "c", 0)], at=moment + timedelta(days=1), conn_id="c")
    for untold in (None, since, partly):
        assert not any("baselineState" in result for result in run_of(report, None, untold)["results"])
