"""YAML from people: errors are short and say where, and a few lines never fill the memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from airflow_provider_partnero.webhooks.reconcile import parse_specs

GOOD = """\
webhooks:
- name: CRM
  url: https://a.example/
  events: [partner.created]
"""


def _refusal(text: str, suffix: str = ".yaml") -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_specs(text, suffix=suffix)
    return str(refused.value)


def _list_bomb(levels: int) -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels)]
    return "\n".join([*lines, f"webhooks: *a{levels - 1}", ""])


def _merge_bomb(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [
        f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}], y{level}: 1}}" for level in range(1, levels)
    ]
    return "\n".join([*lines, f"webhooks: [*a{levels - 1}]", ""])


@pytest.mark.parametrize("bomb", [_list_bomb, _merge_bomb])
@pytest.mark.parametrize("levels", [6, 30])
def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(bomb: Any, levels: int) -> None:
    tracemalloc.start()
    try:
        words = _refusal(bomb(levels))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "aliases" in words
    assert len(words) < 300
    assert peak < 4 * 2**20


@pytest.mark.parametrize("bomb", [_list_bomb, _merge_bomb])
def test_a_bomb_that_is_small_enough_to_be_read_is_named_in_a_short_error(bomb: Any) -> None:
    assert max(map(len, _refusal(bomb(5)).split("\n"))) < 300


@pytest.mark.parametrize("text", ["webhooks: &a [*a]", "&a {webhooks: *a}", "webhooks: &a [[{x: [*a]}]]"])
def test_a_list_that_holds_itself_is_refused(text: str) -> None:
    assert len(_refusal(text)) < 300


def test_the_same_events_and_defaults_in_many_webhooks_are_no_bomb() -> None:
    text = "webhooks:\n- &first\n  name: w0\n  url: https://a.example/\n  events: &all\n"
    text += "".join(f"  - noun.verb{number}\n" for number in range(40))
    text += "".join(f"- name: w{number}\n  url: https://a.example/\n  events: *all\n" for number in range(1, 3_000))
    text += "- <<: *first\n  name: last\n"
    specs = parse_specs(text, suffix=".yaml")
    assert len(specs) == 3_001
    assert specs[0].events == specs[-1].events == specs[1_500].events


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-13-45", "'2026-13-45' is not a valid timestamp (month must be in 1..12)"),
        ("2026-02-30 12:00:00", "is not a valid timestamp"),
        ("!!timestamp soon", "'soon' is not a valid timestamp"),
        ("!!int many", "'many' is not a valid int"),
        ("!!int ''", "'' is not a valid int"),
        ("!!bool perhaps", "'perhaps' is not a valid bool"),
        ("1" * 6_000, "is not a valid int"),
        ("1" + ":59" * 2_000, "is not a valid int (longer than 4,300 characters)"),
        ("-1" + ":59" * 2_000 + ".5", "is not a valid float (longer than 4,300 characters)"),
        ("0x" + "f" * 6_000, "is not a valid int (longer than 4,300 characters)"),
        ("*" + "x" * 900, "alias"),
        ("!" + "x" * 900 + " 1", "could not determine a constructor"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_line_and_column(value: str, words: str) -> None:
    refusal = _refusal(GOOD + f"  key: {value}\n")
    assert refusal.startswith("invalid YAML in line 5, column 8: ")
    assert words in refusal
    assert len(refusal) < 300


@pytest.mark.parametrize(("line", "column"), [("\t- name: A", 1), ("  \t- name: A", 3)])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_tab_that_indents_is_told_as_one(line: str, column: int, end: str) -> None:
    refusal = _refusal(f"webhooks:{end}{line}{end}")
    assert refusal == f"invalid YAML in line 2, column {column}: a tab stands here, where YAML allows only spaces"


def test_another_character_that_starts_nothing_is_not_taken_for_a_tab() -> None:
    assert _refusal("- name: A\n\n- @x\t\n").startswith("invalid YAML in line 3, column 3: found character that cannot")


@pytest.mark.parametrize(
    ("events", "words"),
    [("{a.b: c.d}", "events={'a.b': 'c.d'}: must be a list"), ("{}", "events={}: must be"), ("a.b", "events='a.b'")],
)
def test_events_that_are_no_list_are_refused_in_yaml_and_in_json(events: str, words: str) -> None:
    assert words in _refusal(GOOD.replace("[partner.created]", events))
    fields = {"name": "CRM", "url": "https://a.example/", "events": {"a.b": "c.d"}}
    assert "events={'a.b': 'c.d'}: must be a list" in _refusal(json.dumps([fields]), ".json")


def test_a_yaml_set_of_events_is_the_same_list_in_every_run() -> None:
    [spec] = parse_specs(GOOD.replace("[partner.created]", "!!set {c.d, a.b}"), suffix=".yaml")
    assert spec.events == ("a.b", "c.d")


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("field", ["name", "url", "events", "is_active", "key", "x" * 900])
def test_no_error_prints_more_than_300_characters_of_a_value(suffix: str, field: str) -> None:
    for value in ({"a": ["x" * 5_000]}, [["x" * 500] * 50] * 50, [None] * 1_000, 10**3_000, "/" * 5_000):
        if field == "name" and isinstance(value, str):
            continue  # a long name is a name
        entry = {"name": "CRM", "url": "https://a.example/", "events": ["a.b"], field: value}
        assert len(_refusal(json.dumps({"webhooks": [entry]}), suffix)) < 500  # with what is allowed
