"""How a programme has fared over time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.webhooks.history import (
    KnownFinding,
    PastAudit,
    UnreadableAuditError,
    past_audit_of,
)
from airflow_provider_partnero.webhooks.timeline import AuditPoint, changes_between, read_point

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = frozenset({"PW001", "PW002", "PW004"})
COUNTS = {"errors": 1, "warnings": 2, "webhooks": 40}


def _extra(at: str | None = "2026-11-20T06:00:00+00:00", **counts: Any) -> dict[str, Any]:
    return {"counts": COUNTS | counts, "for_next_audit": {"at": at}}


def _finding(fingerprint: str, rule: str = "PW001") -> KnownFinding:
    return KnownFinding(fingerprint, rule, key="whk", name="name", since=NOW)


def _audit(findings: Iterable[str | KnownFinding], at: datetime = NOW, **changed: Any) -> PastAudit:
    known = tuple(_finding(one) if isinstance(one, str) else one for one in findings)
    fields: dict[str, Any] = {"conn_id": "c", "program_id": "p", "rules": RULES, "findings": known} | changed
    return PastAudit(at=at, **fields)


def test_a_point_lies_where_the_audit_says_it_was_made() -> None:
    assert read_point(_extra(), NOW) == AuditPoint(datetime(2026, 11, 20, 6, tzinfo=UTC), 1, 2, 40)


def test_counts_that_came_through_an_alias_as_texts_are_read() -> None:
    extra = {name: json.dumps(value) for name, value in _extra().items()}
    assert read_point(extra, NOW) == read_point(_extra(), NOW)


@pytest.mark.parametrize(
    "at",
    [
        None,
        "",
        "yesterday",
        "2026-11-20T06:00:00",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "2026-11-26T07:00:01+00:00",
        "2025-11-20T06:00:00+00:00",
        7,
    ],
)
def test_an_audit_that_claims_an_unlikely_time_lies_where_airflow_recorded_it(at: Any) -> None:
    point = read_point(_extra(at), NOW)
    assert point is not None
    assert point.at == NOW


@pytest.mark.parametrize("number", [None, -1, True, 1.5, "3", 10**40, [], {}])
def test_an_event_without_counts_is_no_audit(number: Any) -> None:
    assert read_point(_extra(errors=number), NOW) is None


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["counts", "for_next_audit", "at", "x"]), inner),
)


@given(_ANY_JSON)
def test_whatever_somebody_writes_into_an_event_is_a_point_or_none(extra: Any) -> None:
    point = read_point(extra, NOW)
    assert point is None or NOW - 366 * DAY <= point.at <= NOW + DAY


@given(_ANY_JSON | st.sampled_from([{"for_next_audit": "[" * 100_000}, {"for_next_audit": "1" * 10_000}, None, 3]))
def test_whatever_somebody_writes_into_an_event_is_an_audit_or_unreadable(extra: Any) -> None:
    with pytest.raises(UnreadableAuditError):
        past_audit_of(extra)


def test_an_audit_is_read_back_from_its_event_also_through_an_alias() -> None:
    audit = _audit(["a", "b"])
    assert past_audit_of({"for_next_audit": audit.to_dict()}) == audit
    assert past_audit_of({"for_next_audit": json.dumps(audit.to_dict())}) == audit


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_each_finding_is_new_gone_or_still_there_whichever_audit_is_given_first(
    before: set[str], after: set[str]
) -> None:
    earlier, later = _audit(sorted(before), NOW - DAY), _audit(sorted(after))
    changes = changes_between(earlier, later)
    assert {one.fingerprint for one in changes.new} == after - before
    assert {one.fingerprint for one in changes.gone} == before - after
    assert (changes.still_there, changes.unknown, changes.notes) == (len(after & before), 0, ())
    assert (changes.earlier, changes.later) == (NOW - DAY, NOW)
    assert changes_between(later, earlier) == changes


def test_findings_of_a_rule_that_one_audit_did_not_check_are_neither_new_nor_gone() -> None:
    fewer = RULES - {"PW002"}
    earlier = _audit(["a"], NOW - DAY, rules=fewer)
    changes = changes_between(earlier, _audit(["a", _finding("b", "PW002")]))
    assert (changes.new, changes.gone, changes.unknown) == ((), (), 1)
    assert changes.notes == ("The earlier audit did not check PW002.",)
    changes = changes_between(_audit([_finding("b", "PW002")], NOW - DAY), _audit([], rules=fewer))
    assert (changes.new, changes.gone, changes.unknown) == ((), (), 1)
    assert changes.notes == ("The later audit did not check PW002.",)


def test_what_an_audit_may_have_left_out_is_not_known() -> None:
    earlier = _audit([_finding("a", "PW002")], NOW - DAY, left_out=7)
    changes = changes_between(earlier, _audit([_finding("a", "PW002"), _finding("b", "PW004")]))
    assert (changes.new, changes.unknown, changes.still_there) == ((), 1, 1)
    assert changes.headline == "0 new, 0 gone, 1 still there, 1 not known."
    assert changes.notes == ("Of the earlier audit's findings, 7 are not kept.",)


def test_an_audit_that_left_findings_out_would_have_listed_a_worse_one() -> None:
    earlier = _audit([_finding("a", "PW004")], NOW - DAY, left_out=7)
    [new] = changes_between(earlier, _audit([_finding("a", "PW004"), _finding("b", "PW002")])).new
    assert new.fingerprint == "b"


def test_a_rule_that_was_checked_with_another_argument_is_noted() -> None:
    rules = frozenset({"PW005"})
    earlier = _audit([], NOW - DAY, rules=rules, arguments={"allowed_hosts": "aaa"})
    later = _audit([_finding("a", "PW005")], rules=rules, arguments={"allowed_hosts": "bbb"})
    assert changes_between(earlier, later).notes == ("The two audits checked PW005 with different allowed_hosts.",)


def test_audits_of_different_programmes_are_said_to_be_so() -> None:
    changes = changes_between(_audit([], NOW - DAY, program_id="old"), _audit([]))
    assert changes.notes == ('The two audits are of different programmes: "old" and "p".',)
