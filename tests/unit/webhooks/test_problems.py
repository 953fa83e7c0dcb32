"""What is wrong with a declaration file: every problem at once, each with its line and column."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import WebhookEvent
from airflow_provider_partnero.webhooks.json_text import parse_json
from airflow_provider_partnero.webhooks.misspellings import meant_event
from airflow_provider_partnero.webhooks.places import Place, places_in
from airflow_provider_partnero.webhooks.reconcile import PlanError, parse_specs, plan
from airflow_provider_partnero.webhooks.yaml_text import parse_yaml

from .builders import thorough, webhook

YAML = """\
# a comment
$schema: partnero-webhooks.schema.json
hooks: 1
webhooks:
  - name: CRM
    evnts: [partner.created]
    url: ftp://user:hunter2@a.example/
  - text
  - {name: Same, url: https://a.example/, events: [partner.created], actve: true}
  - name: Same
    url: https://a.example/
    events:
      - partner.created
  - name: " Same "
    url: https://a.example/
    key: k1
    events: [partner.created]
  - {name: Other, key: k1, url: https://a.example/, events: [partner.created]}
"""
JSON = """\
{
\t"$schema": "partnero-webhooks.schema.json",
\t"hooks": {"webhooks": [{"name": "\\ud83d\\ude00"}]},
\t"webhooks": [
\t\t{"name": "CRM \\" } ] \\ud83d\\ude00", "evnts": ["partner.created"],
\t\t "url": "ftp://user:hunter2@a.example/"},
\t\t"text",
\t\t{"name": "Same", "url": "https://a.example/", "events": ["partner.created"], "actve": true},
\t\t{"name": "Same",
\t\t "url": "https://a.example/", "events": ["partner.created"]},
\t\t{"name": " Same ", "url": "https://a.example/", "key":
"k1", "events": ["partner.created"]},
\t\t{"key": "k1", "name": "Other", "url": "https://a.example/", "events": ["partner.created"]}
\t]
}
"""
ALLOWED = "allowed: name, url, events, is_active, key"
HTTP = "must be an absolute http:// or https:// URL without spaces and control characters"


def refusal(text: str, suffix: str) -> list[str]:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_specs(text, suffix=suffix)
    return str(refused.value).split("\n")


def entries(number: int, **fields: Any) -> list[dict[str, Any]]:
    entry = {"url": "https://a.example/", "events": ["partner.created"], **fields}
    return [{"name": f"Webhook {index}", **entry} for index in range(number)]


def problems(*places: str) -> list[str]:
    top, unknown, missing, url, text, active, name, key = places
    return [
        "8 problems:",
        f"  {top}: unknown field beside 'webhooks' 'hooks' (did you mean 'webhooks'?); allowed: webhooks, $schema",
        f"  webhooks[0] in {unknown}: unknown field 'evnts' (did you mean 'events'?); {ALLOWED}",
        f"  webhooks[0] in {missing}: events missing; required are name, url, events",
        f"  webhooks[0] in {url}: url='ftp://***@a.example/': {HTTP}",
        f"  webhooks[1] in {text} must be a mapping with the fields name, url, events, is_active, key, not str",
        f"  webhooks[2] in {active}: unknown field 'actve' (did you mean 'is_active'?); {ALLOWED}",
        f'  2 declared webhooks have the name "Same" ({name}): give each its own name or key, or drop all but one',
        f'  2 declared webhooks have the key "k1" ({key}): give each its own, or drop all but one',
    ]


def test_every_problem_of_a_yaml_file_is_named_at_once_with_line_and_column() -> None:
    assert refusal(YAML, ".yaml") == problems(
        "line 3, column 1",
        "line 6, column 5",
        "line 5, column 5",
        "line 7, column 10",
        "line 8, column 5",
        "line 9, column 70",
        "line 10, column 11 and line 14, column 11",
        "line 16, column 10 and line 18, column 24",
    )


def test_every_problem_of_a_json_file_is_named_at_once_with_line_and_column() -> None:
    assert refusal(JSON, ".json") == problems(
        "line 3, column 2",
        "line 5, column 39",
        "line 5, column 3",
        "line 6, column 11",
        "line 7, column 3",
        "line 8, column 80",
        "line 9, column 12 and line 11, column 12",
        "line 12, column 1 and line 13, column 11",
    )


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_fields_that_are_there_twice_are_all_named(suffix: str) -> None:
    text = '[{"name": "A",\n "name": "B", "x": {"y": 1, "y": 2}},\n {"events": [], "events": []}]'
    assert refusal(text, suffix) == [
        "3 problems:",
        "  invalid declaration in line 2, column 2: the field 'name' is there twice",
        "  invalid declaration in line 2, column 29: the field 'y' is there twice",
        "  invalid declaration in line 3, column 17: the field 'events' is there twice",
    ]


def test_a_field_in_capitals_is_recognised_and_a_huge_number_is_told_plainly() -> None:
    with pytest.raises(ValueError, match=r"unknown field 'URL' \(did you mean 'url'\?\)"):
        parse_specs("- URL: https://crm.example/partnero\n", suffix=".yaml")
    with pytest.raises(ValueError, match=r"^invalid JSON: a number has too many digits; quote it if it is a text$"):
        parse_specs(f"[{'1' * 5_000}]", suffix=".json")


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_of_many_problems_the_first_ten_are_named(suffix: str) -> None:
    first, *others, last = refusal(json.dumps(entries(11, is_active=1), indent=1), suffix)
    assert first == "11 problems:"
    assert last == "  and 1 more"
    assert [line.partition(" in ")[0] for line in others] == [f"  webhooks[{index}]" for index in range(10)]
    assert "line 8, column 16" in others[0]


def test_the_places_of_fields_that_a_merge_brings_in_are_those_of_the_entry() -> None:
    text = "- &one {name: A, url: 'https://a.example/', events: [a.b]}\n- {<<: *one, name: ''}\n- {<<: *one, key: ''}\n"
    assert [line.partition(": ")[0] for line in refusal(text, ".yaml")[1:3]] == [
        "  webhooks[1] in line 2, column 20",
        "  webhooks[2] in line 3, column 19",
    ]


def misspelt(text: str, suffix: str = ".yaml", live: Any = ()) -> str:
    with pytest.raises(PlanError) as refused:
        plan(parse_specs(text, suffix=suffix), live)
    return str(refused.value)


class TestMisspeltEvents:
    TEXT = "- name: CRM\n  url: https://a.example/\n  events:\n  - partner.created\n  -   partner.craeted\n"

    def test_it_is_refused_with_its_place_and_what_was_probably_meant(self) -> None:
        assert misspelt(self.TEXT).startswith(
            'line 5, column 7: "CRM" subscribes to "partner.craeted", which is no known event (did you mean '
            '"partner.created"?)'
        )
        text = '[{"name": "CRM", "url": "https://a.example/",\n"events": ["partner.created", "partner.craeted"]}]'
        assert misspelt(text, ".json").startswith('line 2, column 31: "CRM" subscribes to "partner.craeted"')

    def test_all_are_named(self) -> None:
        text = json.dumps(entries(3, events=["partner_created", "reward.payd"]))
        assert misspelt(text, ".json").startswith("6 problems:\n  line 1, column ")

    def test_an_event_that_a_live_webhook_has_is_known(self) -> None:
        live = webhook(name="Other", events=("partner.craeted",))
        assert len(plan(parse_specs(self.TEXT, suffix=".yaml"), [live]).creates) == 1

    @pytest.mark.parametrize(
        ("event", "meant"),
        [
            ("partner.create", "partner.created"),
            ("partners.created", "partner.created"),
            ("Partner.Created", "partner.created"),
            ("partner_created", "partner.created"),
            ("partner created", "partner.created"),
            ("partner:created", "partner.created"),
            ("custommer.updatd", "customer.updated"),
            ("transation.deleted", "transaction.deleted"),
            ("lead.sumbitted", "lead.submitted"),
            ("reward.payed", "reward.paid"),
        ],
    )
    def test_a_typing_error_is_recognised(self, event: str, meant: str) -> None:
        assert meant_event(event) == meant

    @pytest.mark.parametrize(
        "event",
        [
            *WebhookEvent,
            "partner.credited",
            "lead.created",
            "lead.updated",
            "reward.deleted",
            "reward.rejected",
            "transaction.refunded",
            "transaction.approved",
            "partner.invited",
            "subscriber.confirmed",
            "payout.created",
            "coupon.created",
            "campaign.created",
            "invoice.paid",
            "a.b",
            "",
            "partner.created" * 100,
        ],
    )
    def test_an_event_that_partnero_may_add_is_none(self, event: str) -> None:
        assert meant_event(event) is None


@pytest.mark.parametrize("text", ["", "7", "[", "a: b: c", "- x\n- x: {", "&a [*a, *b]", "[" * 100_000, "{}"])
def test_a_text_whose_places_cannot_be_found_has_none(text: str) -> None:
    assert places_in(text) == ()


@pytest.mark.parametrize(
    "text", ['{"webhooks": [1, {"name": "A"}]}', 'webhooks: [xx, {"name": A}]', '[1,\n{"name": "A"}]']
)
def test_the_places_of_entries_are_found_in_yaml_and_json(text: str) -> None:
    _, second = places_in(text)
    line, offset = text[: text.index('{"name"')].count("\n") + 1, text.index('"name"')
    assert second.names == {"name": Place(line, offset - text.rfind("\n", 0, offset))}


odd_names = st.text(alphabet='ab"\\:{', max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='"\\/ab{}[],:é#\n', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_names, inner, max_size=3),
    max_leaves=5,
)
fields = st.dictionaries(st.sampled_from(["name", "events", "url", "webhooks", 'x"\\']), values, max_size=4)


@thorough
@given(st.lists(fields | values, max_size=3), st.sampled_from([None, 0, 1]), st.booleans(), st.booleans())
def test_the_places_in_json_are_those_of_the_same_text_as_yaml(
    wanted: list[Any], indent: int | None, nested: bool, ascii_only: bool
) -> None:
    value = {"other": {"webhooks": [1]}, "webhooks": wanted} if nested else wanted
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse_json(text) == parse_yaml(text)


@pytest.mark.large
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_ten_thousand_entries_are_read_and_their_problems_named(suffix: str) -> None:
    whole = entries(10_000)
    assert len(parse_specs(json.dumps(whole), suffix=suffix)) == 10_000
    for fields in ({"name": "A"}, {"is_active": 1}, {"evnts": 1}, {"key": "k"}):
        lines = refusal(json.dumps([entry | fields for entry in whole]), suffix)
        assert len(lines) <= 12
        assert max(map(len, lines)) < 300
