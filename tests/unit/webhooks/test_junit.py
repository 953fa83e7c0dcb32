"""JUnit's XML: what Jenkins' own schema allows, with a name for every test that no other has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from hypothesis import given

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.audit import AuditReport, Finding, Severity, audit
from airflow_provider_partnero.webhooks.report.junit import render_junit
from airflow_provider_partnero.webhooks.rules import RULES

from .builders import any_text, live_webhooks, spec, thorough, webhook

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit-10.xsd")


def suite_of(report: AuditReport, **fields: Any) -> Element:
    """The only test suite of the report's XML, which is valid and whose counts are right."""
    text = render_junit(report, **fields)
    SCHEMA.validate(text)
    return counted_suite(text)


def counted_suite(text: str) -> Element:
    suites = fromstring(text.encode())
    [suite] = suites
    tests = list(suite)
    counts = {kind: str(sum(test.find(kind) is not None for test in tests)) for kind in ("failure", "skipped")}
    for counting in (suite, suites):
        assert (counting.get("tests"), counting.get("failures")) == (str(len(tests)), counts["failure"])
    assert suite.get("skipped") == counts["skipped"]
    names = [test.get("name") for test in tests]
    assert len(set(names)) == len(names)
    return suite


def failures(suite: Element) -> dict[str, Element]:
    return {test.get("name", ""): failure for test in suite if (failure := test.find("failure")) is not None}


def test_a_rule_passes_is_skipped_or_has_a_failed_test_for_each_finding() -> None:
    live = [webhook(key=f"k{number}", name=f"Hook {number}", is_active=number > 1) for number in range(3)]
    suite = suite_of(audit(live, ignore=["PW012"]))
    states = {test.get("name", ""): (test[0].tag if len(test) else "passed") for test in suite}
    assert states['PW001 Inactive webhook: "Hook 0" (k0)'] == "failure"
    assert states['PW001 Inactive webhook: "Hook 1" (k1)'] == "failure"
    assert "PW001 Inactive webhook" not in states
    assert states["PW002 Destination is not https"] == "passed"
    assert states["PW012 Throw-away inspection service"] == "skipped"
    assert states["PW009 Missing webhook"] == "skipped"
    assert len(states) == len(RULES) + 1
    assert suite.find("testcase/skipped[@message='not checked: declared not given']") is not None


def test_a_failure_tells_severity_finding_and_what_to_do_where_gitlab_and_jenkins_look() -> None:
    [failure] = failures(suite_of(audit([webhook(is_active=False)]))).values()
    assert failure.get("type") == "warning"
    assert (failure.get("message") or "").startswith("Is switched off, with 1 event subscribed")
    assert (failure.text or "").startswith(failure.get("message", "-"))
    assert "Activate it, or delete it" in (failure.text or "")


def test_a_missing_webhook_and_a_required_event_are_named_as_well() -> None:
    report = audit([], declared=[spec(name="Finance")], required_events=["reward.paid"])
    assert list(failures(suite_of(report))) == [
        'PW006 Required event that nobody gets: "reward.paid"',
        'PW009 Missing webhook: "Finance"',
    ]


@pytest.mark.parametrize(
    ("program", "conn_id", "name", "classname"),
    [
        (
            Program("Shop v1.2", "P", "Affiliate"),
            "c",
            "Partnero: Shop v1.2 (Affiliate)",
            "partnero.Shop v1_2 (Affiliate)",
        ),
        (None, "partnero_eu", "Partnero: partnero_eu", "partnero.partnero_eu"),
        (None, "", "Partnero: programme", "partnero.programme"),
    ],
)
def test_the_suite_is_named_for_the_programme(program: Program | None, conn_id: str, name: str, classname: str) -> None:
    suite = suite_of(audit([], program=program), conn_id=conn_id)
    assert suite.get("name") == name
    assert {test.get("classname") for test in suite} == {classname}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x00\x1b\x0b\ufffe\ud800", "<U+0000><U+001B><U+000B><U+FFFE><U+D800>"),  # nothing that XML allows
        ("two\r\nlines\t", "two<U+000D><U+000A>lines<U+0009>"),
        ('"/><failure>]]>&amp;<!--', '"/><failure>]]>&amp;<!--'),
    ],
)
def test_a_hostile_name_is_nothing_but_text(name: str, shown: str) -> None:
    report = audit([webhook(name=name, key="k", is_active=False)])
    assert list(failures(suite_of(report))) == [f'PW001 Inactive webhook: "{shown}" (k)']


def test_words_of_a_finding_are_xml_whatever_they_hold() -> None:
    report = replace(audit([]), findings=(Finding("PW001", Severity.WARNING, "k", "A", "is \x00 bad"),))
    [failure] = failures(suite_of(report)).values()
    assert failure.get("message") == "is <U+0000> bad"


def test_webhooks_that_look_the_same_have_tests_of_their_own() -> None:
    live = [webhook(key="", name="A", is_active=False) for _ in range(3)]
    names = [name for name in failures(suite_of(audit(live, ignore=["PW017"]))) if name.startswith("PW001")]
    assert names == [f'PW001 Inactive webhook{number}: "A" ()' for number in ("", " (2)", " (3)")]


def test_neither_signing_secrets_nor_the_secrets_of_urls_are_written() -> None:
    url = "https://user:pass-5ecret@hooks.example.com/?token=t0ken-5ecret-0123"
    live = [webhook(url=url, signature="signing-5ecret", is_active=False, name=f"N{number}") for number in range(2)]
    report = audit(live, declared=[spec(name="N0", url=url.replace("t0ken", "other")), spec(name="Gone", url=url)])
    assert {"PW013", "PW014", "PW015", "PW010", "PW009"} <= set(report.counts["by_rule"])
    assert "5ecret" not in render_junit(report)


@thorough
@given(live_webhooks(), any_text, any_text)
def test_any_programme_gives_a_valid_file_with_a_failure_for_each_finding(
    live: list[Webhook], conn_id: str, name: str
) -> None:
    report = audit(live, required_events=["reward.paid", name or "a"], program=Program(name, "", ""))
    assert len(failures(suite_of(report, conn_id=conn_id))) == len(report.findings)


@pytest.mark.large
def test_ten_thousand_findings_are_all_there_and_below_what_gitlab_takes() -> None:
    report = audit([webhook(is_active=False) for _ in range(10_000)])
    text = render_junit(report)
    assert len(failures(counted_suite(text))) == 10_000
    assert len(text.encode()) < 30_000_000


@pytest.mark.large
def test_what_does_not_fit_is_counted_in_a_failed_test() -> None:
    live = [webhook(name="&" * 60, key=f"{'&' * 40}{number}", is_active=False) for number in range(25_000)]
    report = audit(live)
    text = render_junit(report, conn_id="&" * 80)
    assert len(text.encode()) < 30_000_000
    failed = failures(counted_suite(text))
    left_out = len(report.findings) - (len(failed) - 1)
    assert 0 < left_out < len(report.findings)
    assert failed["Findings without a test of their own"].get("message") == f"{left_out:,} findings more"
