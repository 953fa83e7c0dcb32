"""Declarations: values, mappings and files."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.api.models import WebhookEvent
from airflow_provider_partnero.webhooks.reconcile import WebhookSpec, parse_specs, specs_from

GOOD: dict[str, Any] = {"name": "CRM", "url": "https://example.com/", "events": ["partner.created"]}

YAML = """
webhooks:
  - name: CRM
    url: https://example.com/
    events: [partner.created]
  - name: Orders
    key: orders000001
    url: https://example.com/orders
    is_active: false
    events:
      - transaction.created
      - transaction.created
"""


def test_a_mapping_becomes_a_specification_with_the_defaults() -> None:
    spec = WebhookSpec.from_mapping(GOOD)
    assert spec == WebhookSpec("CRM", "https://example.com/", ("partner.created",), is_active=True, key=None)


def test_events_are_plain_texts_without_duplicates_in_the_given_order() -> None:
    spec = WebhookSpec("A", "https://a.example/", [WebhookEvent.PARTNER_UPDATED, "a.b", "partner.updated"])  # type: ignore[arg-type]
    assert spec.events == ("partner.updated", "a.b")
    assert {type(event) for event in spec.events} == {str}


def test_white_space_around_a_name_is_dropped() -> None:
    [spec] = parse_specs("- name: >\n    CRM\n  url: https://a.example/\n  events: [a.b]\n", suffix=".yaml")
    assert spec.name == "CRM"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, ["name=''", "not empty"]),
        ({"name": "  "}, ["name='  '", "not empty"]),
        ({"name": 7}, ["name=7", "text"]),
        ({"url": "ftp://example.com"}, ["url='ftp://example.com'", "http://"]),
        ({"url": "example.com"}, ["url='example.com'", "http://"]),
        ({"url": "https://exa mple.com"}, ["url=", "spaces"]),
        ({"url": None}, ["url=None", "http://"]),
        ({"events": []}, ["events=[]", "at least one"]),
        ({"events": "partner.created"}, ["events='partner.created'", "list"]),
        ({"events": None}, ["events=None", "list"]),
        ({"events": [1]}, ["events=[1]", "1 is not an event name"]),
        ({"is_active": "yes"}, ["is_active='yes'", "True or False"]),
        ({"is_active": 1}, ["is_active=1", "True or False"]),
        ({"key": "a/b"}, ["key='a/b'", "without '/'"]),
        ({"key": ""}, ["key=''", "not empty"]),
        ({"evnts": []}, ["'evnts'", "did you mean 'events'", "is_active"]),
        ({"signature": "s"}, ["'signature'", "allowed: name, url, events, is_active, key"]),
        ({1: 2}, ["unknown field 1"]),
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_with_place_name_value_and_what_is_allowed(
    fields: dict[Any, Any], words: list[str]
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        specs_from([GOOD, {**GOOD, "name": "Other", **fields}])
    for word in ["webhooks[1]", *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize("field", ["name", "url", "events"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=rf"webhooks\[0\]: {field} missing; required are name, url, events"):
        specs_from([{name: value for name, value in GOOD.items() if name != field}])


def test_a_refused_url_is_quoted_without_its_password() -> None:
    with pytest.raises(ValueError, match=r"ftp://\*\*\*@example.com") as refused:
        WebhookSpec("A", "ftp://user:hunter2@example.com", ("a.b",))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("wrong", ["text", GOOD, 7, None])
def test_anything_but_a_list_of_mappings_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="webhooks must be a list of mappings"):
        specs_from(wrong)


def test_an_entry_that_is_not_a_mapping_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"webhooks\[1\] must be a mapping .*, not str"):
        specs_from([GOOD, "https://user:hunter2@example.com/"])  # type: ignore[list-item]


def test_specifications_in_the_list_are_kept() -> None:
    spec = WebhookSpec.from_mapping(GOOD)
    assert specs_from([spec, {**GOOD, "name": "B"}])[0] is spec


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".YML"])
def test_yaml_is_read(suffix: str) -> None:
    crm, orders = parse_specs(YAML, suffix=suffix)
    assert crm == WebhookSpec.from_mapping(GOOD)
    assert orders == WebhookSpec(
        "Orders", "https://example.com/orders", ("transaction.created",), is_active=False, key="orders000001"
    )


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "CRM", "url": "https://example.com/", "events": ["partner.created"]}]',
        '{"webhooks": [{"name": "CRM", "url": "https://example.com/", "events": ["partner.created"]}]}',
    ],
    ids=["list", "mapping"],
)
def test_json_is_read_also_as_yaml(text: str, suffix: str) -> None:
    assert parse_specs(text, suffix=suffix) == (WebhookSpec.from_mapping(GOOD),)


def test_yaml_anchors_and_merges_are_read() -> None:
    text = "- &first {name: A, url: 'https://a.example/', events: [a.b]}\n- {<<: *first, name: B}\n"
    assert [spec.name for spec in parse_specs(text, suffix=".yaml")] == ["A", "B"]


def test_an_empty_declaration_is_allowed() -> None:
    assert parse_specs("webhooks: []", suffix=".yaml") == parse_specs("[]", suffix=".json") == ()


@pytest.mark.parametrize(
    ("text", "suffix", "words"),
    [
        ("[\n{", ".json", "line 2"),
        ("", ".json", "line 1"),
        ("webhooks:\n  - name: [", ".yaml", "line 2|line 3"),
        ("a: b: c", ".yaml", "line 1"),
        ("", ".yaml", "a list of webhooks.*, not nothing"),
        ("webhooks:", ".yaml", "not nothing"),
        ("7", ".json", "must hold a list of webhooks.*, not int"),
        ("hooks: []", ".yaml", "unknown field beside 'webhooks' 'hooks'.*did you mean 'webhooks'"),
        ("- name: A\n  url: https://a.example/\n  name: B\n", ".yaml", "line 3.*'name' is there twice"),
        ('[{"name": "A",\n "name": "B"}]', ".json", "in line 2, column 2: the field 'name' is there twice"),
        ("- !!python/object/apply:os.system ['true']", ".yaml", "line 1"),
        ("&a [*a]", ".yaml", r"webhooks\[0\] in line 1, column 1 must be a mapping .*, not list"),
        ("[" * 100_000, ".json", "nested too deeply|line 1"),
        ("- name: A", ".toml", r"suffix='.toml'.*\.json, \.yaml, \.yml"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_text_that_is_not_a_declaration_is_refused_with_the_reason(text: str, suffix: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_specs(text, suffix=suffix)
