"""Report files: what they say, and that no name, key or event can change more than the text."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks import report as report_package
from airflow_provider_partnero.webhooks.audit import AuditReport, audit
from airflow_provider_partnero.webhooks.comparison import Comparison, compare, remember
from airflow_provider_partnero.webhooks.coverage import coverage
from airflow_provider_partnero.webhooks.report import render_report
from airflow_provider_partnero.webhooks.texts import cell

from .builders import any_text, expected, live_webhooks, spec, thorough, webhook
from .elements import Element, page_of

MOMENT = datetime(2026, 11, 23, 20, 11, tzinfo=UTC)
TEMPLATES = Path(report_package.__file__).parent
SUFFIXES = [".json", ".md", ".html"]
HOSTILE = [
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "</style></title></main>",
    "&lt;b&gt;",
    "a|b|c",
    "`code` **bold** [link](javascript:alert(1)) ![image](https://evil.example/x.png)",
    "# heading",
    "line one\nline two\r\n\n| --- |",
    "\u202egnp.exe",
    "zero\u200bwidth\u2066isolate",
    "\x00\x1b[31mred",
    "\ud800",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "U+202E",
    "مرحبا",
]


def rendered(report: AuditReport, suffix: str, **fields: Any) -> str:
    return render_report(
        report, suffix=suffix, **{"title": "Webhooks", "generated_at": MOMENT, "conn_id": "partnero_default", **fields}
    )


# What markup, templates and spreadsheets are made of, in any order.
_PIECES = ["<", ">", "</", "/>", "&", ";", '"', "'", "=", "<!--", "-->", "<![CDATA[", "]]>", "<?", "&lt;", "&#60;"]
_PIECES += ["<script>", "</style>", "</title>", "</td></tr></table>", "<img src=x onerror=", "<b ", " onload="]
_PIECES += ["{{", "}}", "{%", "%}", "{#", "{{ 7*7 }}", "<U+202E>", "U+", "\u202e", "\x00", "\n", "\ud800", " ", "a"]
markup_like = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@st.composite
def markup_like_webhooks(draw: st.DrawFn) -> list[Webhook]:
    text = markup_like | any_text
    keys = draw(st.lists(text.filter(bool), unique=True, max_size=5))
    events = st.lists(text | st.sampled_from(WebhookEvent), max_size=3, unique=True).map(tuple)
    active = st.booleans()
    return [webhook(key=key, name=draw(text), events=draw(events), is_active=draw(active)) for key in keys]


def visibly(text: str, longest: int = 120) -> str:
    """What the page shows for a text."""
    return re.sub(r"<(U\+[0-9A-F]{4,6})>", r"\1", cell(text, longest))


def written_by_the_templates() -> set[tuple[str, str]]:
    """Every tag with each attribute that the templates themselves give it, and with ``""``."""
    source = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.j2"))
    source = re.sub(r"{%.*?%}|{#.*?#}", "", source.replace("{{", "{%").replace("}}", "%}"), flags=re.DOTALL)
    elements = re.findall(r'<([a-z0-9]+)((?:[^<>"]|"[^"]*")*)>', source.lower())
    return {(tag, name) for tag, attributes in elements for name in ("", *re.findall(r'([\w-]+)="', attributes))}


WRITTEN = written_by_the_templates()
STYLED = set(re.findall(r"\.([a-z]+)", (TEMPLATES / "style.css").read_text(encoding="utf-8")))


def broken(number: int = 3) -> AuditReport:
    return audit(
        [webhook(name=f"Hook {n}", url="http://example.com/", is_active=n > 0) for n in range(number)],
        required_events=["reward.paid"],
        declared=[spec(name="Missing")],
    )


@pytest.mark.parametrize("suffix", ["", ".txt", "html", ".HTML", ".yaml"])
def test_another_suffix_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match=rf"suffix='{re.escape(suffix)}': must be one of .json, .md, .html"):
        rendered(broken(), suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_moment_without_a_time_zone_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="generated_at"):
        rendered(broken(), suffix, generated_at=datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("suffix", "written"), [(".json", "2026-11-23T18:11:00+00:00"), (".md", "2026-11-23 18:11"), (".html", "18:11 UTC")]
)
def test_the_moment_is_written_in_utc(suffix: str, written: str) -> None:
    assert written in rendered(broken(), suffix, generated_at=MOMENT.replace(tzinfo=timezone(timedelta(hours=2))))


def test_json_holds_everything_and_can_be_read_back() -> None:
    report = broken()
    plain = json.loads(rendered(report, ".json"))
    assert plain["counts"] == report.counts
    assert plain["findings"] == report.to_dict()["findings"]
    assert plain["findings_left_out"] == 0
    assert [kept["name"] for kept in plain["webhooks"]] == ["Hook 0", "Hook 1", "Hook 2"]
    assert set(plain["webhooks"][0]) == {"key", "name", "is_active", "destination", "events"}
    assert plain["webhooks"][0]["destination"] == {"host": "example.com", "service": ""}


def test_json_and_markdown_do_without_the_template_engine() -> None:
    code = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from airflow_provider_partnero.webhooks.audit import audit\n"
        "from airflow_provider_partnero.webhooks.report import render_report\n"
        "for suffix in ('.json', '.md', '.html'):\n"
        "    render_report(audit([]), suffix=suffix, title='t', generated_at=datetime.now(UTC), conn_id='c')\n"
        "    print(suffix, 'jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [".json", "False", ".md", "False", ".html", "True"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_tells_title_connection_findings_and_what_to_do(suffix: str) -> None:
    text = rendered(broken(), suffix, title="My programme", conn_id="my-conn")
    for words in ("My programme", "my-conn", "PW002", "PW006", "PW009", "Missing", "Hook 1", "reward.paid"):
        assert words in text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_can_say_that_nothing_is_wrong(suffix: str) -> None:
    text = rendered(audit([webhook()]), suffix)
    assert {".json": '"findings": []', ".md": "None.", ".html": "Nothing to mend"}[suffix] in text


def test_markdown_lists_every_finding_in_rows_of_five_cells() -> None:
    report = broken(150)
    lines = rendered(report, ".md").splitlines()
    start = lines.index("## Findings") + 4
    rows = lines[start : start + len(report.findings)]
    assert all(len(re.split(r"(?<!\\)\|", row)) == 7 for row in rows)
    assert lines[start + len(report.findings)] == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_hostile_name_as_text_in_one_cell(name: str) -> None:
    text = rendered(audit([webhook(name=name, key=name, is_active=False)]), ".md", title=name)
    [row] = [line for line in text.splitlines() if line.startswith("| warning | PW001")]
    cells = re.split(r"(?<!\\)\|", row)
    assert len(cells) == 7
    assert not re.search(r"(?<!\\)[<`*\[\]]", cells[3])
    assert not cells[3].strip().startswith(("=", "+", "-", "@"))
    assert text.replace("\n", "").isprintable()
    text.encode()


@pytest.mark.parametrize("name", HOSTILE)
def test_html_shows_a_hostile_name_as_text(name: str) -> None:
    clean, hostile = (
        audit([webhook(name=text, key=text, events=(text,), is_active=False)], declared=[])
        for text in ("p" * len(name), name)
    )
    text = rendered(hostile, ".html", title=name, conn_id=name)
    page, plain = page_of(text), page_of(rendered(clean, ".html", title="plain", conn_id="plain"))
    assert [found.tag for found in page if found.kind != "raw"] == [found.tag for found in plain]
    texts = [found.text for tag in ("td", "th", "p", "bdi", "li") for found in page.all(tag)]
    assert not any(shown.lstrip().startswith(("=", "+", "-", "@")) for shown in texts)
    assert text.replace("\n", "").isprintable()
    text.encode()


def test_html_writes_out_what_cannot_be_seen() -> None:
    text = rendered(audit([webhook(name="\u202egnp.exe", is_active=False)]), ".html")
    assert '<bdi><span class="raw">U+202E</span>gnp.exe</bdi>' in text


def test_html_loads_nothing_and_runs_nothing() -> None:
    page = page_of(rendered(broken(), ".html"))
    tags = {found.tag for found in page}
    assert tags.isdisjoint({"script", "img", "iframe", "object", "form", "base", "video", "audio"})
    for found in page:
        assert not any(name.startswith("on") or name in {"src", "style", "srcset"} for name in found.attributes)
        assert found.attributes.get("href", "#").startswith(("#", "data:image/svg+xml,"))


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else() -> None:
    page = page_of(rendered(broken(), ".html"))
    style = page.only("style").text
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [
        found.attributes["content"]
        for found in page.all("meta")
        if found.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert style == (TEMPLATES / "style.css").read_text(encoding="utf-8").rstrip("\n")
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_html_names_each_id_once_and_links_only_to_ids_it_has() -> None:
    page = page_of(rendered(broken(), ".html"))
    ids = [found.attributes["id"] for found in page if "id" in found.attributes]
    links = [found.attributes["href"] for found in page.all("a")]
    assert len(ids) == len(set(ids))
    assert links
    assert all(link[1:] in ids for link in links)


def rows_of(page: Element) -> dict[str, Element]:
    """The rows of the matrix by the names they show."""
    rows = page.only("tbody").all("tr")[1:]  # the first is the total
    by_name = {row.only("bdi").text: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


def marks_of(row: Element) -> list[str]:
    return [mark.attributes["aria-label"] for mark in row if "aria-label" in mark.attributes]


def test_the_matrix_has_every_webhook_of_a_small_programme_with_its_events() -> None:
    live = [
        webhook(name="Awake", events=("partner.created", "partner.updated")),
        webhook(name="Asleep", events=("partner.created",), is_active=False),
    ]
    rows = rows_of(page_of(rendered(audit(live), ".html")))
    assert list(rows) == ["Asleep", "Awake"]
    assert marks_of(rows["Awake"]) == ["delivered", "delivered"]
    assert marks_of(rows["Asleep"]) == ["subscribed, but inactive"]
    assert [bool(mark.children) for mark in rows["Awake"].all("td")] == [True, True, False, False, False, False]
    assert (rows["Asleep"].only("th").kind, rows["Awake"].only("th").kind) == ("warning", "")  # PW001


def test_only_the_zero_that_a_rule_complains_about_is_coloured() -> None:
    live = [webhook(events=("partner.created",)), webhook(events=("partner.updated",), is_active=False)]
    required = ["reward.paid", "partner.updated"]
    page = page_of(rendered(audit(live, required_events=required, ignore=["PW001"]), ".html"))
    totals = page.only("tbody").all("tr")[0].all("td")
    events = [head.attributes["title"] for head in page.only("thead").all("th") if "title" in head.attributes]
    coloured = [event for event, cell in zip(events, totals, strict=True) if "missed" in cell.kind.split()]
    assert sorted(coloured) == sorted(required)
    assert [cell.text for cell in totals].count("0") > len(required)
    assert [row.only("bdi").text for row in page.all("li", "missed")] == ["updated", "paid"]
    page = page_of(rendered(audit(live, ignore=["PW001"]), ".html"))
    assert {cell.kind for cell in page.only("tbody").all("td")} <= {"", "first"}
    assert page.all("li", "missed") == []
    assert [share.text for share in page.only("ul", "key").all("li")] == ["2 in order"], "no share of nothing"


def test_the_matrix_says_where_each_webhook_delivers_and_what_is_there_without_secrets() -> None:
    secret = "9f86d081884c7d659a2feaa0c55ad015"
    live = {
        "a": ("https://hooks.slack.com/services/T0/B0/" + secret, "hooks.slack.com", "Slack"),
        "b": (f"https://{secret}.m.pipedream.net/x", "***.m.pipedream.net", "Pipedream"),
        "c": ("https://airflow.acme.example/base/partnero/webhooks/c", "airflow.acme.example", "Airflow's receiver"),
        "d": ("https://x.ngrok.io/", "x.ngrok.io", "a service for tests"),
        "e": ("https://demo-git-dev-acme.vercel.app/", "demo-git-dev-acme.vercel.app", "a Vercel preview"),
        "f": ("https://user:" + secret + "@CRM.acme.example:8443/x", "crm.acme.example", ""),
        "g": ("nonsense", "", ""),
    }
    report = audit([webhook(name=name, url=url) for name, (url, _, _) in live.items()])
    assert [(kept.host, kept.service) for kept in report.webhooks] == [kept[1:] for kept in live.values()]
    rows = rows_of(page_of(rendered(report, ".html")))
    shown = {name: "".join(span.text for span in row.all("span", "to")) for name, row in rows.items()}
    assert shown == {name: " · ".join(filter(None, kept[1:])) for name, kept in live.items()}
    plain = json.loads(rendered(report, ".json"))
    assert plain["webhooks"][0]["destination"] == {"host": "hooks.slack.com", "service": "Slack"}
    table = rendered(report, ".md")
    assert re.search(r"^\| a \| key\d+ \| hooks.slack.com \| Slack \| yes \| 1 \|$", table, re.MULTILINE)
    assert not any(secret in rendered(report, suffix) for suffix in SUFFIXES)


def test_markdown_names_200_webhooks_and_counts_the_others() -> None:
    text = rendered(audit([webhook() for _ in range(203)]), ".md")
    assert "And 3 webhooks more; the report as .json lists all." in text
    assert text.count("| hooks.example.com |") == 200


def compared(now: AuditReport, before: AuditReport, conn_id: str = "partnero_default") -> Comparison:
    """An audit beside one of the day before."""
    first = compare(before, at=MOMENT - timedelta(days=1), conn_id=conn_id)
    return compare(now, [remember(before, first, conn_id, 1_000)], at=MOMENT, conn_id=conn_id)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_tells_what_is_new_gone_and_still_there_and_since_when(suffix: str) -> None:
    before = audit([webhook(key="k1", name="One", is_active=False), webhook(key="k2", name="Two", is_active=False)])
    now = audit([webhook(key="k2", name="Two", is_active=False), webhook(key="k3", name="Three", events=())])
    text = rendered(now, suffix, comparison=compared(now, before))
    if suffix == ".json":
        plain = json.loads(text)
        assert [plain["changes"][what] for what in ("new", "gone", "still_there")] == [1, 1, 1]
        assert [one["name"] for one in plain["changes"]["gone_findings"]] == ["One"]
        assert [(one["rule"], one["is_new"]) for one in plain["findings"]] == [("PW001", False), ("PW003", True)]
    elif suffix == ".md":
        assert "Since the audit of 2026-11-22 20:11 UTC: 1 new, 1 gone, 1 still there." in text
        assert re.search(r"PW001 \| Two \| k2 .* \| 2026-11-22 \|$", text, re.MULTILINE)
        assert re.search(r"PW003 \| Three \| k3 .* \| \*\*new\*\* \|$", text, re.MULTILINE)
        assert "| PW001 | One | k1 | 2026-11-22 |" in text
    else:
        page = page_of(text)
        assert " ".join(page.only("p", "news").text.split()) == (
            "Since the audit of 22 November 2026, 20:11 UTC: 1 new, 1 gone, 1 still there."
        )
        assert [mark.text for mark in page.all("span", "age")] == [
            "since 22 November 2026",
            "Was there since 22 November 2026. Its webhook is deleted.",
        ]
        assert len(page.all("ul", "findings")[1].all("span", "new")) == 1


def test_the_page_lists_new_findings_of_a_rule_first_and_folds_many_that_are_gone() -> None:
    old = [webhook(name=f"A {number:03d}", is_active=False) for number in range(150)]
    now = audit([*old[:20], webhook(name="Z", is_active=False)])
    page = page_of(rendered(now, ".html", comparison=compared(now, audit(old))))
    names = [who.only("bdi").text for who in page.all("div", "who")]
    assert names[0] == "Z"
    assert [summary.text for summary in page.all("summary")] == ["13 more", "92 more"]
    assert "30 further findings gone; the report as .json lists all." in [note.text for note in page.all("p", "note")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_says_why_nothing_is_compared(suffix: str) -> None:
    report = audit([webhook(is_active=False)])
    problems = ["The last report could not be read: it is damaged."]
    comparison = compare(report, at=MOMENT, conn_id="partnero_default", problems=problems)
    assert problems[0] in rendered(report, suffix, comparison=comparison)
    first = compare(report, at=MOMENT, conn_id="partnero_default")
    assert "This is the first audit that is known." in rendered(report, suffix, comparison=first)


def test_a_row_bears_its_key_when_its_name_does_not_tell_it_apart() -> None:
    live = [
        webhook(name=name, key=key)
        for name, key in [("Once", "k1"), ("Twice", "k2"), ("Twice", "k3"), (" ", "k4"), ("long " * 9, "k5")]
    ]
    page = page_of(rendered(audit(live), ".html"))
    keys = [[key.text for key in row.all("code")] for row in page.only("tbody").all("tr")]
    assert keys == [[], ["k4"], [], ["k2"], ["k3"], ["k5"]]


def test_an_empty_programme_is_not_called_in_order_and_has_no_empty_tables() -> None:
    text = rendered(audit([]), ".html")
    assert "No webhooks" in text
    assert "Nothing to mend" not in text
    assert "<h2" not in text
    wanting = rendered(audit([], required_events=["reward.paid"]), ".html")
    assert "1 error" in wanting
    assert "reward.paid" in wanting


def test_events_about_what_nobody_subscribes_to_are_one_line_and_an_inactive_subscriber_is_told() -> None:
    live = [webhook(events=("lead.submitted",)), webhook(events=("lead.rejected",), is_active=False)]
    page = page_of(rendered(audit(live), ".html"))
    assert "nobody: created, approved, paid" in [line.text for line in page.all("p", "nobody")]
    assert [number.text for number in page.all("span", "num")] == ["1", "nobody", "1 inactive"]


def test_the_matrix_of_a_large_programme_has_only_webhooks_with_findings() -> None:
    live = [webhook(name=f"W{number:03d}", is_active=number not in {7, 11}) for number in range(201)]
    text = rendered(audit(live), ".html")
    assert list(rows_of(page_of(text))) == ["W007", "W011"]
    assert "2 of 2 webhooks with findings have a row, out of 201 webhooks in all" in text
    assert "All 199 active" in text


def test_a_page_stays_small_however_many_webhooks_are_wrong_and_says_what_it_leaves_out() -> None:
    live = [webhook(name=f"Webhook {number}", is_active=False, events=(f"x.{number}",)) for number in range(5_000)]
    text = rendered(audit(live), ".html")
    assert len(text.encode()) < 400_000
    assert "4,900 findings of this rule are not shown here" in text
    assert "200 of 5,000 webhooks with findings have a row" in text
    assert "4,976 undocumented events without a column" in text


def test_the_counts_of_the_verdict_are_whole() -> None:
    text = rendered(audit([webhook(is_active=False) for _ in range(1_234)]), ".html")
    assert "1,234 warnings" in text


def test_coverage_counts_active_and_inactive_webhooks_apart_and_keeps_undocumented_events_for_last() -> None:
    live = [
        webhook(events=("partner.created", "zebra.seen")),
        webhook(events=("partner.created", "partner.created")),
        webhook(events=("partner.created",), is_active=False),
    ]
    events = coverage(audit(live).webhooks)
    assert (events[0].event, events[0].active, events[0].inactive) == ("partner.created", 2, 1)
    assert (events[-1].event, events[-1].is_documented) == ("zebra.seen", False)
    assert [event.active for event in events[1:-1]] == [0] * (len(WebhookEvent) - 1)
    nouns = [event.noun for event in events]
    assert nouns == sorted(nouns, key=nouns.index)


def test_rules_that_were_not_checked_are_named_and_not_counted() -> None:
    report = audit([webhook()])
    text = rendered(report, ".html")
    assert f"checked against {len(report.rules)} rules" in text
    assert "not asked for: PW005, PW006, PW008, PW009, PW010, PW016, PW020." in text
    report = audit(
        [webhook()],
        ignore=["PW014", "PW001"],
        allowed_hosts=["*"],
        required_events=["a.b"],
        declared=[],
        program=Program("Demo", "D1", "Affiliate"),
        expect_events=[expected()],
    )
    assert "not asked for: PW001, PW014." in rendered(report, ".html")


@thorough
@given(markup_like_webhooks(), markup_like | any_text, markup_like | any_text)
def test_a_page_has_no_element_attribute_or_class_but_those_of_its_templates(
    live: list[Webhook], title: str, conn_id: str
) -> None:
    report, nothing = audit(live, declared=[]), audit([])
    gone = compared(nothing, report, conn_id)
    for shown, comparison in ((report, compared(report, nothing, conn_id)), (nothing, gone)):
        page = page_of(rendered(shown, ".html", title=title, conn_id=conn_id, comparison=comparison))
        [document] = page.all("html")
        assert {(found.tag, name) for found in document for name in ("", *found.attributes)} <= WRITTEN
        assert {name for found in document for name in found.kind.split()} <= STYLED
    assert len(page.all("div", "who")) == min(len(gone.gone), 100)


@thorough
@given(markup_like_webhooks(), markup_like | any_text, markup_like | any_text)
def test_a_page_shows_every_title_name_key_and_event_letter_by_letter(
    live: list[Webhook], title: str, conn_id: str
) -> None:
    report = audit(live, declared=[])
    page = page_of(rendered(report, ".html", title=title, conn_id=conn_id))
    assert page.only("title").text == cell(title)
    assert page.only("h1").text == visibly(title)
    assert page.only("header", "masthead").only("bdi").text == visibly(conn_id)
    who = [(found.only("bdi").text, found.only("code").text) for found in page.all("div", "who")]
    assert who == [(visibly(kept.name or ""), visibly(kept.key or "", 40)) for kept in report.findings]
    names = page.all("span", "name")
    assert [(found.attributes["title"], found.only("bdi").text) for found in names] == [
        (cell(kept.name), visibly(kept.name, 60)) for kept in report.webhooks
    ]
    events = {event for kept in live for event in kept.events} - set(WebhookEvent)
    columns = {(found.attributes.get("title"), found.text.strip()) for found in page.all("th")}
    assert {(cell(event), visibly(event, 24).strip()) for event in events} <= columns


@thorough
@given(live_webhooks(), any_text, any_text)
def test_no_programme_spoils_a_report(live: list[Webhook], title: str, conn_id: str) -> None:
    report = audit(live, declared=[], required_events=["reward.paid"])
    for suffix in SUFFIXES:
        text = rendered(report, suffix, title=title, conn_id=conn_id)
        text.encode()
        assert text.replace("\n", "").isprintable()


@thorough
@given(st.permutations(range(6)))
def test_a_report_does_not_depend_on_the_order_of_the_webhooks(order: list[int]) -> None:
    live = [webhook(key=f"k{n}", name=f"N{n % 3}", url="http://example.com/", signature="s") for n in range(6)]
    shuffled = [live[position] for position in order]
    for suffix in SUFFIXES:
        assert rendered(audit(live), suffix) == rendered(audit(shuffled), suffix)
