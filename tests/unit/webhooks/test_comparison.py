"""What has changed between two audits, and what the first one leaves for the second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.audit import AuditReport, audit
from airflow_provider_partnero.webhooks.comparison import Comparison, compare, remember
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError
from airflow_provider_partnero.webhooks.report import render_report
from airflow_provider_partnero.webhooks.report.embedded import past_audit_in

from .builders import any_text, expected, live_webhooks, spec, thorough, webhook

FIRST = datetime(2026, 11, 23, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CONN = "partnero_default"
OFF = webhook(key="off", name="Off", is_active=False)  # PW001
INSECURE = webhook(key="insecure", name="Insecure", url="http://example.com/insecure")  # PW002, an error
SOUND = webhook(key="sound", name="Sound")


def made(
    report: AuditReport, at: datetime = FIRST, *past: PastAudit, most: int = 1_000
) -> tuple[Comparison, PastAudit]:
    comparison = compare(report, past, at=at, conn_id=CONN)
    return comparison, remember(report, comparison, CONN, most)


def after(before: Sequence[Webhook], now: Sequence[Webhook], *, most: int = 1_000, **options: Any) -> Comparison:
    """An audit of ``now``, a day after one of ``before``."""
    _, past = made(audit(before), most=most)
    comparison, _ = made(audit(now, **options), FIRST + DAY, past)
    return comparison


def numbers(comparison: Comparison) -> tuple[int, int, int, int, int]:
    plain = comparison.to_dict()
    return plain["new"], plain["gone"], plain["still_there"], plain["unknown"], plain["no_longer_checked"]


def test_the_first_audit_says_that_it_is_the_first_and_calls_nothing_new() -> None:
    report = audit([OFF, INSECURE])
    comparison, past = made(report)
    assert comparison.summary == "No earlier audit to compare with. This is the first audit that is known."
    assert numbers(comparison) == (0, 0, 0, 0, 0)
    assert [comparison.is_new(finding) for finding in report.findings] == [None, None]
    assert [one.since for one in past.findings] == [FIRST, FIRST]


def test_findings_are_new_gone_or_still_there() -> None:
    report = audit([OFF])
    comparison = after([INSECURE, OFF], [OFF, webhook(key="other", events=())])
    assert numbers(comparison) == (1, 1, 1, 0, 0)
    assert comparison.headline == "Since the audit of 2026-11-23 06:00 UTC: 1 new, 1 gone, 1 still there."
    assert comparison.is_new(report.findings[0]) is False
    assert [(one.rule, one.key, one.name) for one in comparison.gone] == [("PW002", "insecure", "Insecure")]


def test_since_when_a_finding_is_there_is_carried_on_and_starts_anew_when_it_comes_back() -> None:
    since = []
    past: list[PastAudit] = []
    for number, live in enumerate([[OFF], [OFF], [SOUND], [OFF]]):
        report = audit(live)
        comparison, latest = made(report, FIRST + number * DAY, *past)
        past = [PastAudit.from_dict(json.loads(json.dumps(latest.to_dict())))]
        since.append([comparison.since[finding.fingerprint] for finding in report.findings])
    assert since == [[FIRST], [FIRST], [], [FIRST + 3 * DAY]]


def test_the_latest_of_several_earlier_audits_counts() -> None:
    _, older = made(audit([OFF]))
    _, newer = made(audit([OFF, INSECURE]), FIRST + DAY)
    for order in ([older, newer], [newer, older]):
        comparison, _ = made(audit([OFF, INSECURE]), FIRST + 2 * DAY, *order)
        assert comparison.previous == FIRST + DAY
        assert numbers(comparison) == (0, 0, 2, 0, 0)


def test_a_finding_is_the_same_whatever_its_words_and_its_webhooks_name() -> None:
    renamed = webhook(
        key="off", name="Renamed", is_active=False, url="https://other.example/", events=("lead.rejected",)
    )
    assert numbers(after([OFF], [renamed])) == (0, 0, 1, 0, 0)


def test_the_identity_of_every_kind_of_finding_stays_what_it_was() -> None:
    """A changed fingerprint would make every audit call everything new once: add to this list, do not change it."""
    live = [
        webhook(key="k1", name="1", is_active=False, events=()),
        webhook(
            key="k2", name="2", url="http://user:pw@localhost/?token=9f86d081884c7d659a2feaa0c55ad015", signature="s"
        ),
        webhook(
            key="k3",
            name="3",
            url="https://hooks.slack.com/services/T0/B0/abc",
            signature="s",
            events=("partner_created",),
        ),
        webhook(key="k4", name="4", url="https://webhook.site/1", events=("subscriber.created",)),
        webhook(key="k5", name="5", url="https://webhook.site/1", events=("subscriber.created",)),
        webhook(key="k6", url="https://x.example/webhook-test/1", name="Drifted"),
        Webhook.from_row({"key": "k7", "name": None, "url": "https://x.example/", "events": ["a.b"], "is_active": "1"}),
    ]
    report = audit(
        live,
        allowed_hosts=["x.example"],
        required_events=["reward.paid"],
        declared=[spec(name="Missing"), spec(name="Drifted", url="https://x.example/2")],
        program=Program("P", "1", "Affiliate"),
        expect_events=[expected(event="lead.submitted", is_overdue=True)],
    )
    found: dict[str, str] = {}
    for finding in report.findings:
        found.setdefault(finding.rule, finding.fingerprint)
    assert found == FINGERPRINTS


FINGERPRINTS = {
    "PW001": "5ffe05b86a29",
    "PW002": "908fea8fef94",
    "PW003": "9385623448e6",
    "PW004": "4e48cf8375c3",
    "PW005": "517d6d05da3b",
    "PW006": "e75e3a815682",
    "PW007": "81723a0bb4ec",
    "PW008": "fa691f456402",
    "PW009": "88ccab76eee7",
    "PW010": "50a92f8addbe",
    "PW011": "61c7f4900f79",
    "PW012": "3f25ac67e0ef",
    "PW013": "dc61f7b325ed",
    "PW014": "41d4e85c354f",
    "PW015": "fd142271986f",
    "PW016": "d0ef8a2396f7",
    "PW017": "e2de2839281a",
    "PW018": "b03345f05ff4",
    "PW019": "703b230199ba",
    "PW020": "2c2f3415436e",
}


def test_a_rule_that_was_not_checked_makes_its_findings_neither_gone_nor_plainly_new() -> None:
    stopped = after([OFF, INSECURE], [OFF, INSECURE], ignore=["PW001"])
    assert numbers(stopped) == (0, 0, 1, 0, 1)
    assert "PW001 is not checked any more; it had 1 finding." in stopped.summary
    started = after([SOUND], [SOUND], required_events=["reward.paid"])
    assert numbers(started) == (1, 0, 0, 0, 0)
    assert "PW006 was not checked then." in started.summary


def test_a_rule_that_another_audit_did_not_check_in_between_is_compared_with_the_latest_that_did() -> None:
    weak = webhook(key="weak", name="Weak", events=())  # PW003
    _, daily = made(audit([OFF, INSECURE, weak]))
    _, other = made(audit([OFF, INSECURE], ignore=["PW001", "PW003"]), FIRST + DAY / 2, daily)
    report = audit([OFF, INSECURE])
    for order in ([daily, other], [other, daily]):
        comparison, past = made(report, FIRST + DAY, *order)
        assert numbers(comparison) == (0, 1, 2, 0, 0)
        assert comparison.previous == FIRST + DAY / 2
        assert [one.rule for one in comparison.gone] == ["PW003"]
        assert {one.rule: one.since for one in past.findings} == {"PW001": FIRST, "PW002": FIRST}
        assert comparison.notes == (
            "PW001 was not checked then; it is compared with 2026-11-23 06:00 UTC.",
            "PW003 was not checked then; it is compared with 2026-11-23 06:00 UTC.",
        )


def test_what_was_not_kept_of_the_last_audit_is_not_called_new() -> None:
    many = [webhook(key=f"k{number}", name=f"{number:03d}", is_active=False) for number in range(10)]
    comparison = after(many, [*many, INSECURE], most=3)
    assert numbers(comparison) == (1, 0, 3, 7, 0)  # the error is surely new: errors are kept first
    assert (
        "Of the earlier audit's findings 7 were not kept, so it is not known whether 7 of today's" in comparison.summary
    )
    assert numbers(after(many, many, most=0)) == (0, 0, 0, 10, 0)


def test_another_connection_or_programme_is_not_compared_with_and_said() -> None:
    one, other = Program("One", "p1", "Affiliate"), Program("Other", "p2", "Affiliate")
    _, past = made(audit([OFF], program=one))
    comparison = compare(audit([OFF], program=one), [past], at=FIRST, conn_id="other")
    assert comparison.notes == ('The last audit that is known is of another connection, "partnero_default".',)
    comparison = compare(audit([OFF], program=other), [past], at=FIRST, conn_id=CONN)
    assert comparison.notes == ('The last audit of this connection is of another programme, "p1".',)
    unknown = compare(audit([OFF]), [past], at=FIRST + DAY, conn_id=CONN)
    assert numbers(unknown) == (0, 0, 1, 0, 0), "a programme that is not known may be the same"


def test_times_are_in_utc_and_whole_seconds() -> None:
    here = datetime(2026, 11, 23, 8, 0, 0, 987, tzinfo=timezone(timedelta(hours=2)))
    comparison, past = made(audit([OFF]), here)
    assert comparison.at == FIRST
    assert past.to_dict()["moments"] == ["2026-11-23T06:00:00+00:00"]


@thorough
@given(live_webhooks(), live_webhooks(), any_text, st.sampled_from([".json", ".md", ".html"]))
def test_a_report_file_tells_the_next_audit_what_it_needs_whatever_the_names(
    before: list[Webhook], now: list[Webhook], conn_id: str, suffix: str
) -> None:
    report = audit(before, declared=[])
    comparison = compare(report, at=FIRST, conn_id=conn_id)
    for shown in (comparison, None):  # with and without a comparison
        text = render_report(report, suffix=suffix, title="t", generated_at=FIRST, conn_id=conn_id, comparison=shown)
        past = past_audit_in(text, suffix)
        assert past == remember(report, comparison, conn_id, 1_000)
    after_it = audit(now, declared=[])
    changed = compare(after_it, [past], at=FIRST + DAY, conn_id=conn_id)
    old, new = ({finding.fingerprint for finding in one.findings} for one in (report, after_it))
    assert changed.new == new - old
    assert {one.fingerprint for one in changed.gone} == old - new
    assert changed.still_there == len(old & new)
    assert changed.previous == FIRST


def test_a_report_in_markdown_is_readable_after_its_line_ends_were_changed() -> None:
    _, past = made(audit([OFF]))
    text = render_report(audit([OFF]), suffix=".md", title="t", generated_at=FIRST, conn_id=CONN)
    assert past_audit_in(text.replace("\n", "\r\n"), ".md") == past


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@thorough
@given(st.data())
def test_a_damaged_state_is_an_error_of_one_kind_or_readable_never_anything_else(data: st.DataObject) -> None:
    _, past = made(audit([OFF, INSECURE]))
    plain: Any = past.to_dict()
    if data.draw(st.booleans()):
        field = data.draw(st.sampled_from(sorted(plain)))
        plain[field] = data.draw(json_values)
    else:
        row = data.draw(st.sampled_from([0, 1]))
        plain["findings"][row][data.draw(st.sampled_from(range(5)))] = data.draw(json_values)
    try:
        read = PastAudit.from_dict(plain)
    except UnreadableAuditError:
        return
    comparison = compare(audit([OFF]), [read], at=FIRST + DAY, conn_id=CONN)
    assert len(comparison.summary) < 2_000


def test_what_is_kept_stays_small() -> None:
    live = [webhook(key=f"k{number:011d}", name=f"Webhook {number}", is_active=False) for number in range(1_500)]
    _, past = made(audit(live))
    assert (len(past.findings), past.left_out) == (1_000, 500)
    assert len(json.dumps(past.to_dict(), separators=(",", ":"))) < 75_000


def test_no_secret_is_kept() -> None:
    url = "https://user:url-secret-55@example.com/?token=9f86d081884c7d659a2feaa0c55ad015"
    live = [webhook(key=key, url=url, signature="sgn-secret-1234567") for key in "ab"]
    _, past = made(audit(live))
    text = json.dumps(past.to_dict())
    assert [secret for secret in ("url-secret", "9f86d08", "sgn-secret") if secret in text] == []


def test_audits_with_other_arguments_in_between_make_nothing_new_or_gone() -> None:
    live = [webhook(name="Ours", url="https://a.example.com/"), webhook(name="Theirs", url="https://b.example.org/")]
    ours: dict[str, Any] = {"allowed_hosts": ["*.example.com"], "required_events": ["a.b"]}
    theirs: dict[str, Any] = {"allowed_hosts": ["*.example.org"], "required_events": ["c.d"]}
    _, first = made(audit(live, **ours))
    _, other = made(audit(live, **theirs), FIRST + DAY, first)
    comparison, _ = made(audit(live, **ours), FIRST + 2 * DAY, first, other)
    assert numbers(comparison)[:2] == (0, 0)
    assert comparison.previous == FIRST + DAY
    assert set(comparison.since.values()) == {FIRST}
    assert comparison.notes == (
        "PW005 was checked with other allowed_hosts then; it is compared with 2026-11-23 06:00 UTC.",
        "PW006 was checked with other required_events then; it is compared with 2026-11-23 06:00 UTC.",
    )


def test_what_is_new_or_gone_by_other_arguments_says_so() -> None:
    live = [webhook(name="Ours", url="https://a.example.com/"), webhook(name="Theirs", url="https://b.example.org/")]
    _, first = made(audit(live, allowed_hosts=["*.example.com", "*.example.net"]))
    same, _ = made(audit(live, allowed_hosts=["*.example.net", "*.example.com"]), FIRST + DAY, first)
    assert (numbers(same)[:2], same.notes) == ((0, 0), ()), "their order does not matter"
    other, _ = made(audit(live, allowed_hosts=["*.example.org"]), FIRST + DAY, first)
    assert numbers(other)[:2] == (1, 1)
    assert other.notes == ("PW005 was checked with other allowed_hosts then.",)


def test_a_report_that_tells_no_arguments_counts_as_one_with_the_same() -> None:
    live = [webhook(url="https://b.example.org/")]
    _, first = made(audit(live, allowed_hosts=["*.example.com"]))
    plain = first.to_dict()
    assert plain.pop("arguments").keys() == {"allowed_hosts"}
    comparison, _ = made(audit(live, allowed_hosts=["*.example.net"]), FIRST + DAY, PastAudit.from_dict(plain))
    assert (numbers(comparison)[:3], comparison.notes) == ((0, 0, 1), ())


def test_an_audit_of_the_future_counts_if_there_is_no_other_and_nothing_is_there_since_the_future() -> None:
    report = audit([OFF])
    _, future = made(report, FIRST + 365 * DAY)
    comparison, after_it = made(report, FIRST, future)
    assert numbers(comparison)[:3] == (0, 0, 1)
    assert set(comparison.since.values()) == {FIRST}
    [since] = {one.since for one in after_it.findings}
    assert since == FIRST
    later, _ = made(report, FIRST + DAY, future, after_it)
    assert later.previous == FIRST


def test_a_json_report_is_found_however_it_is_laid_out_and_whatever_the_names_are() -> None:
    report = audit([webhook(name='"for_next_audit": {', events=('"for_next_audit": {',))])
    text = render_report(report, suffix=".json", title='"for_next_audit": 5', generated_at=FIRST, conn_id=CONN)
    past = past_audit_in(text, ".json")
    assert past.findings
    assert past_audit_in(json.dumps(json.loads(text), sort_keys=True), ".json") == past
