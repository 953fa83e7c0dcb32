"""An audit's report as JUnit's XML, which GitLab, Jenkins and their like show as a list of tests.

A rule without findings is one test that passed, and a rule that was not checked is one that was skipped. Every finding
is a failed test of its own, named by rule and webhook, for three reasons. GitLab and Jenkins tell tests apart by their
names and say which fail newly, and since when: with one test a rule, a second webhook that breaks a rule would be old
news. Both show one failure a test, and GitLab drops a test whose name it has seen. And a test for each rule and webhook
would be thousands of tests that pass, where a page is read for the few that do not.

The elements are those that Jenkins' xUnit plugin checks for (``junit-10.xsd``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring  # only written here  # nosec B405

from airflow_provider_partnero.webhooks.rules import RULES, RULES_BY_ID
from airflow_provider_partnero.webhooks.texts import counted, program_label, quoted, visible, visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.findings import Finding
    from airflow_provider_partnero.webhooks.rules.base import Rule

_MOST_BYTES = 20_000_000  # of failed tests; GitLab refuses a file of 30 MB
_LONGEST = 400  # characters of a finding's text
_LONGEST_NAME = 60


def render_junit(report: AuditReport, *, conn_id: str = "") -> str:
    """One test suite for the programme. It holds no secret, and no character that XML does not allow.

    Findings are written, the worst first, for as long as they fit into 20 MB, which is some 30,000. One more failed
    test then says how many were left out.

    :param conn_id: names the suite if the programme's name is not known.
    """
    label = (program_label(report.program) if report.program else "") or visible(conn_id) or "programme"
    classname = f"partnero.{label.replace('.', '_')}"  # Jenkins takes what stands before the last dot for a package
    tests = list(_tests(report, classname))
    counts = {
        "tests": str(len(tests)),
        "failures": str(sum(test.find("failure") is not None for test in tests)),
        "errors": "0",
    }
    skipped = str(sum(test.find("skipped") is not None for test in tests))
    suites = Element("testsuites", counts)
    SubElement(suites, "testsuite", counts, name=f"Partnero: {label}", skipped=skipped).extend(tests)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _tests(report: AuditReport, classname: str) -> Iterator[Element]:
    failed: defaultdict[str, list[Element]] = defaultdict(list)
    for rule_id, test in _fitting(report.findings, classname):
        failed[rule_id].append(test)
    for rule in RULES:
        if rule.id not in report.rules:
            yield _skipped(rule, classname)
        elif rule.id not in report.counts["by_rule"]:
            yield Element("testcase", classname=classname, name=f"{rule.id} {rule.title}")
        yield from failed[rule.id]
    if left_out := len(report.findings) - sum(map(len, failed.values())):
        yield _left_out(left_out, classname)


def _fitting(findings: Iterable[Finding], classname: str) -> Iterator[tuple[str, Element]]:
    """The first findings' rules and tests, as many as there is room for."""
    names: Counter[str] = Counter()
    size = 0
    for finding in findings:
        name = _subject(finding)
        names[f"{finding.rule}{name}"] += 1
        test = _failed(finding, classname, names[f"{finding.rule}{name}"], name)
        size += len(tostring(test, encoding="utf-8"))
        if size > _MOST_BYTES:
            return
        yield finding.rule, test


def _failed(finding: Finding, classname: str, number: int, subject: str) -> Element:
    rule, words = RULES_BY_ID[finding.rule], visible_start(finding.words, _LONGEST)
    again = f" ({number})" if number > 1 else ""  # every name is there once
    test = Element("testcase", classname=classname, name=f"{rule.id} {rule.title}{again}{subject}")
    failure = SubElement(test, "failure", type=str(finding.severity), message=words)
    failure.text = f"{words}\n{rule.remedy}"  # GitLab does not show the message
    return test


def _subject(finding: Finding) -> str:
    if finding.name is None:
        return f": {quoted(finding.subject, _LONGEST_NAME)}" if finding.subject else ""
    key = "" if finding.key is None else f" ({visible_start(finding.key, _LONGEST_NAME)})"
    return f": {quoted(finding.name, _LONGEST_NAME)}{key}"


def _skipped(rule: Rule, classname: str) -> Element:
    test = Element("testcase", classname=classname, name=f"{rule.id} {rule.title}")
    SubElement(test, "skipped", message=f"not checked: {rule.needs} not given" if rule.needs else "not checked")
    return test


def _left_out(number: int, classname: str) -> Element:
    test = Element("testcase", classname=classname, name="Findings without a test of their own")
    failure = SubElement(test, "failure", type="warning", message=f"{counted(number, 'finding')} more")
    failure.text = f"There is no room for {counted(number, 'more finding')}. The report as .json or .md lists all."
    return test
