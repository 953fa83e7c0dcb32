"""A fleet's report without Airflow: what is handed on, what is found across programmes, and what the files say."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.fleet import FleetReport, roll_up
from airflow_provider_partnero.webhooks.fleet_table import fleet_table
from airflow_provider_partnero.webhooks.handover import MOST_FINDINGS, MOST_WEBHOOKS, Handover, SealedWebhook
from airflow_provider_partnero.webhooks.report.fleet import render_fleet
from airflow_provider_partnero.webhooks.seals import FleetSeal

from .builders import any_text, live_webhooks, thorough, webhook
from .elements import page_of

SEAL = FleetSeal.of("token", "run")
MOMENT = datetime(2026, 11, 26, 5, 0, tzinfo=UTC)
HOSTILE = ["<script>alert(1)</script>", "|x|", "=HYPERLINK(1)", "\u202egnp.exe", "a\nb", "](javascript:x)"]


def handover(conn_id: str, webhooks: Sequence[Webhook], seal: FleetSeal = SEAL, **options: Any) -> Handover:
    """What the audit of a programme hands on, after its way through JSON."""
    client: Any = SimpleNamespace(base_url="https://api.partnero.com/v1", seal=lambda _text: f"token of {conn_id}")
    made = Handover.of(conn_id, audit(webhooks, **options), webhooks, seal, client)
    return Handover.from_dict(json.loads(json.dumps(made.to_dict())))


def rendered(report: FleetReport, suffix: str) -> str:
    return render_fleet(report, suffix=suffix, title="Partnero programmes", generated_at=MOMENT)


def rules(report: FleetReport) -> list[str]:
    return [finding.rule for finding in report.findings]


def test_the_same_token_and_run_make_the_same_digests_and_any_other_makes_others() -> None:
    again, other_token, other_run = (
        FleetSeal.of(*names) for names in (("token", "run"), ("Token", "run"), ("token", "run2"))
    )
    assert again.digest("url", "x") == SEAL.digest("url", "x")
    digests = {seal.digest("url", "x") for seal in (SEAL, other_token, other_run)} | {
        SEAL.digest("secret", "x"), SEAL.digest("url", "y"), SEAL.id,
    }  # fmt: skip
    assert len(digests) == 6
    assert "token" not in repr(SEAL)
    assert repr(SEAL.key) not in repr(SEAL)


@thorough
@given(st.dictionaries(st.sampled_from("abc"), live_webhooks(), min_size=1))
def test_any_webhooks_are_compared_as_if_they_lay_side_by_side(programmes: dict[str, list[Webhook]]) -> None:
    from airflow_provider_partnero.webhooks.destinations import Destination

    def shared(values: Iterable[set[str]]) -> int:
        together = [value for of_one in values for value in of_one]
        return sum(together.count(value) > 1 for value in set(together))

    report = roll_up(programmes, [handover(conn_id, webhooks) for conn_id, webhooks in programmes.items()])
    urls = [
        {Destination.of(one.url).identity for one in webhooks if one.is_active and not Destination.of(one.url).problem}
        for webhooks in programmes.values()
    ]
    secrets = [{one.signature for one in webhooks if one.signature} for webhooks in programmes.values()]
    assert rules(report).count("PW021") == shared(urls)
    assert rules(report).count("PW022") == shared(secrets)


@thorough
@given(st.lists(live_webhooks(), min_size=1, max_size=3), any_text, any_text)
def test_any_webhooks_names_and_errors_can_be_reported_in_every_form(
    programmes: list[list[Webhook]], name: str, error: str
) -> None:
    audits = [handover(f"conn {number}", webhooks) for number, webhooks in enumerate(programmes)]
    audits.append(Handover.from_dict(Handover(name, error or "x").to_dict()))
    report = roll_up([one.conn_id for one in audits], audits)
    assert json.loads(rendered(report, ".json"))["counts"]["not_audited"] == 1
    for text in (rendered(report, ".md"), rendered(report, ".html"), fleet_table(report)):
        text.encode()
        assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_hostile_names_add_no_markup() -> None:
    audits = [handover(name, [webhook(name=name, url="http://x.example/", signature="s")]) for name in HOSTILE]
    report = roll_up(HOSTILE, audits)
    page = rendered(report, ".html")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    markdown = rendered(report, ".md")
    assert "<script" not in markdown
    assert "](javascript" not in markdown.replace("\\]", "")
    rows = [line for line in markdown.splitlines() if line.startswith("| error")]
    assert {line.replace("\\|", "").count("|") for line in rows if "PW0" not in line} == {8}


def test_of_a_programme_that_could_not_be_audited_every_form_says_why() -> None:
    report = roll_up(["a", "b"], [handover("a", [webhook()]), Handover("b", "Partnero refuses the token (401).")])
    assert report.worst is Severity.ERROR
    assert report.fails("never")
    for text in (*(rendered(report, suffix) for suffix in (".json", ".md", ".html")), fleet_table(report)):
        assert "Partnero refuses the token" in text.replace("\\", "")
    assert "not audited" in rendered(report, ".html")


@pytest.mark.parametrize(
    ("options", "failing"),
    [({}, set()), ({"is_active": False}, {"warning"}), ({"url": "http://x.example/"}, {"warning", "error"})],
    ids=["good", "warning", "error"],
)
def test_it_fails_on_a_finding_of_the_severity_or_worse(options: dict[str, Any], failing: set[str]) -> None:
    report = roll_up(["a"], [handover("a", [webhook(**options)])])
    assert {fail_on for fail_on in ("error", "warning", "never") if report.fails(fail_on)} == failing


def test_programmes_with_one_public_id_are_one_programme() -> None:
    program, shared = Program("Acme", "ID-1", "Affiliate"), [webhook(signature="same-secret-0123")]
    audits = [handover(conn_id, shared, program=program) for conn_id in ("a", "b")]
    report = roll_up(["a", "b"], audits)
    assert report.counts["programmes"] == 1
    assert rules(report) == []
    assert report.rows[1].notes == ('It leads to the same programme as "a" and counts once.',)


def test_what_crosses_xcom_is_bounded_and_what_is_left_out_is_said() -> None:
    huge = "\u202e" * 200
    webhooks = [
        webhook(key=f"{number}{huge}", name=f"{number}{huge}", url=f"http://x.example/{number}{huge}", events=(huge,))
        for number in range(1_200)
    ]
    plain = Handover.of("a", audit(webhooks), webhooks, SEAL, SimpleNamespace(base_url="x", seal=str)).to_dict()
    assert (len(plain["webhooks"]), len(plain["findings"])) == (MOST_WEBHOOKS, MOST_FINDINGS) == (1_000, 20)
    assert len(json.dumps(plain)) < 400_000
    report = roll_up(["a"], [Handover.from_dict(plain)])
    assert report.rows[0].notes == ("200 webhooks of it, by name the last, not compared with other programmes'.",)
    assert report.counts["webhooks"] == 1_200


def test_ordinary_webhooks_take_some_hundred_bytes_each() -> None:
    webhooks = [webhook(url=f"https://hooks.acme.example/partnero/{number}") for number in range(500)]
    plain = Handover.of("a", audit(webhooks), webhooks, SEAL, SimpleNamespace(base_url="x", seal=str)).to_dict()
    assert len(json.dumps(plain)) < 500 * 200


def _fleet(number: int, webhooks: int) -> list[Handover]:
    """Programmes of which each shares every URL and every secret with one other, and each webhook breaks a rule."""
    some = handover("some", [webhook(name=f"Webhook {one}", url=f"http://x.example/{one}") for one in range(20)])
    counts = {**some.counts, "webhooks": webhooks, "active": webhooks, "findings": webhooks, "errors": webhooks}
    return [
        replace(
            some,
            conn_id=f"programme_{place:03d}",
            counts={**counts, "by_rule": {"PW002": webhooks}},
            webhooks=tuple(
                SealedWebhook(
                    f"Webhook {one}",
                    f"key{one:09d}",
                    f"http://hooks.acme.example/{place // 2}/{one}",
                    f"{place // 2 * webhooks + one:016x}",
                    f"{place // 2 * webhooks + one + 2**60:016x}",
                )
                for one in range(webhooks)
            ),
            identities=(f"{place + 2**61:016x}",),
        )
        for place in range(number)
    ]


@pytest.mark.large
def test_two_hundred_programmes_of_five_hundred_webhooks_have_a_small_page_with_complete_counts() -> None:
    audits = _fleet(200, 500)
    report = roll_up([one.conn_id for one in audits], audits)
    assert report.counts["webhooks"] == 100_000
    assert report.counts["by_rule"] == {"PW002": 100_000, "PW021": 50_000, "PW022": 50_000}
    page = rendered(report, ".html")
    assert len(page) < 1_000_000
    assert page.count("49,900 findings more") == 2
    assert "495 findings more" in page
    assert len(json.dumps(report.to_dict(max_rows=200))) < 400_000
    assert len(fleet_table(report, max_rows=200)) < 200_000
    assert len(json.loads(rendered(report, ".json"))["findings"]) == 100_000


def test_the_work_grows_with_the_number_of_programmes_and_not_with_its_square() -> None:
    """Counted in looks at a webhook's digests, which no machine makes slower."""

    class Counting(str):
        looks = 0

        def __hash__(self) -> int:
            Counting.looks += 1
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            Counting.looks += 1
            return super().__eq__(other)

    def looks(number: int) -> int:
        audits = [
            replace(one, webhooks=tuple(replace(each, url=Counting(each.url)) for each in one.webhooks))
            for one in _fleet(number, 20)
        ]
        Counting.looks = 0
        roll_up([one.conn_id for one in audits], audits)
        return Counting.looks

    assert looks(40) <= 2.5 * looks(20)


@pytest.mark.parametrize("number", [299, 301])
def test_the_page_says_how_many_programmes_it_leaves_out(number: int) -> None:
    audits = [handover(f"p{place}", []) for place in range(number - 1)] + [Handover("refused", "No token.")]
    page = rendered(roll_up([one.conn_id for one in audits], audits), ".html")
    assert ("1 programme more" in page) == (number == 301)
    assert page.index("refused") < page.index("p0<")  # the worst comes first


@pytest.mark.parametrize(
    "wrong", [None, 5, {}, {"conn_id": "a"}, {"conn_id": 5}, Handover("a").to_dict() | {"webhooks": [5]}]
)
def test_what_no_audit_has_handed_on_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is not what an audit with fleet"):
        Handover.from_dict(wrong)


def test_a_moment_without_a_time_zone_and_another_suffix_are_refused() -> None:
    report = roll_up(["a"], [])
    with pytest.raises(ValueError, match=r"suffix='\.pdf': must be one of \.json, \.md, \.html"):
        rendered(report, ".pdf")
    with pytest.raises(ValueError, match="must have a time zone"):
        render_fleet(report, suffix=".md", title="x", generated_at=datetime(2026, 1, 1))


def test_digests_are_in_no_report() -> None:
    audits = _fleet(2, 3)
    report = roll_up([one.conn_id for one in audits], audits)
    digests = [text for one in audits for each in one.webhooks for text in (each.url, each.secret)]
    digests += [name for one in audits for name in (*one.identities, one.seal_id)]
    assert all(set(digest) <= set(string.hexdigits) and len(digest) == 16 for digest in digests)
    for text in (*(rendered(report, suffix) for suffix in (".json", ".md", ".html")), fleet_table(report)):
        assert [digest for digest in digests if digest in text] == []


def test_the_page_has_no_share_of_nothing_and_its_headings_are_read_out_word_by_word() -> None:
    audits = [handover("sound", [webhook()]), Handover("refused", "Its token is refused.")]
    page = page_of(rendered(roll_up(["sound", "refused"], audits), ".html"))
    assert [share.text for share in page.only("ul", "key").all("li")] == [
        "1 not audited or with errors",
        "1 in order",
    ]
    assert [heading.text for heading in page.all("h3")] == ["not audited refused", "good sound"]


@pytest.mark.parametrize(
    ("audits", "ignore", "words"),
    [
        ([handover("a", [webhook()]), handover("b", [webhook()])], [], "Nothing that two programmes have in common."),
        ([handover("a", [webhook()]), Handover("b", "Its token is refused.")], [], "Nothing was compared"),
        ([Handover("a", "Its token is refused."), Handover("b", "Its token is refused.")], [], "Nothing was compared"),
        ([handover("a", [webhook()]), handover("b", [webhook()])], ["PW021", "PW022"], "Not checked."),
    ],
    ids=range(4),
)
def test_a_report_does_not_claim_that_nothing_is_in_common_if_nothing_was_compared(
    audits: list[Handover], ignore: list[str], words: str
) -> None:
    report = roll_up(["a", "b"], audits, ignore=ignore)
    for suffix in (".md", ".html"):
        assert words in rendered(report, suffix)
