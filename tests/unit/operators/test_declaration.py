"""The declaration in an operator's argument, read without a Partnero."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.operators.declaration import declared_webhooks
from airflow_provider_partnero.operators.keys import declared_key, declared_keys
from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.webhooks.reconcile import WebhookSpec

CONTEXT: Any = {}
yaml: Any = import_module("yaml")  # comes with Airflow, without types


def read_declaration(value: Any, *, conn_id: str = "partnero_default") -> tuple[WebhookSpec, ...]:
    operator = PartneroAuditWebhooksOperator(task_id="audit", partnero_conn_id=conn_id)
    return declared_webhooks(value, operator, CONTEXT)


def test_a_webhook_without_a_key_gets_one_derived_from_connection_and_name() -> None:
    wanted: dict[str, Any] = {"name": "A", "url": "https://a.example/", "events": ["partner.created"]}
    first, second = read_declaration([wanted, wanted | {"name": "B", "key": "ownKey000001"}])
    assert first.key == declared_key("partnero_default", "A")
    assert second.key == "ownKey000001"
    [elsewhere] = read_declaration([wanted], conn_id="other")
    assert elsewhere.key not in {first.key, second.key}


@given(st.text(), st.text(), st.text(), st.text())
@example("a", "bc", "ab", "c")
@example("a", "b1", "a", "b")
def test_keys_differ_unless_connection_and_name_agree(conn_id: str, name: str, conn_id2: str, name2: str) -> None:
    one, other = declared_keys(conn_id, name), declared_keys(conn_id2, name2)
    assert len({*one}) == len(one) == 3
    if (conn_id, normal_name(name)) == (conn_id2, normal_name(name2)):
        assert one == other
    else:
        assert {*one}.isdisjoint(other)


def test_a_key_is_the_same_in_every_version() -> None:
    assert declared_key("partnero_default", "CRM: partners") == "Xzp7pToxT8sz"


names = st.text(min_size=1, max_size=20).filter(lambda text: bool(normal_name(text)))
entries = st.lists(
    st.fixed_dictionaries(
        {
            "name": names,
            "url": st.sampled_from(["https://a.example/", "https://a.example/x.json", "https://a.example/?a=b#c"]),
            "events": st.lists(st.sampled_from(["partner.created", "reward.paid"]), min_size=1),
        },
        optional={"is_active": st.booleans(), "key": st.none() | st.sampled_from(["k1", "k 2"])},
    ),
    max_size=4,
    unique_by=lambda wanted: normal_name(str(wanted["name"])),
).filter(
    lambda entries: len({one.get("key") for one in entries} - {None}) == sum(bool(one.get("key")) for one in entries)
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(entries, st.booleans())
def test_list_json_yaml_and_python_literal_declare_the_same(wanted: list[dict[str, Any]], nested: bool) -> None:
    expected = read_declaration(wanted)
    value: Any = {"webhooks": wanted} if nested else wanted
    texts = [
        json.dumps(value),
        json.dumps(value, indent="\t", ensure_ascii=False),
        yaml.safe_dump(value),
        repr(value),
    ]
    for text in texts:
        assert read_declaration(text) == expected
    if nested:
        assert read_declaration(value) == expected  # as a native template renders a file


@pytest.mark.parametrize(
    "hostile", ["[" * 500, "{" * 500, "- " * 500, "!!python/object/apply:os.system ['true']", "\0"]
)
def test_a_hostile_text_is_a_value_error(hostile: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_declaration(hostile)


def test_a_mapping_may_hold_what_json_cannot() -> None:
    wanted: dict[str, Any] = {"name": "A", "url": "https://a.example/", "events": {"partner.created"}}
    expected = read_declaration([wanted])
    assert read_declaration({"webhooks": [wanted]}) == expected
    assert read_declaration({"webhooks": (WebhookSpec(**wanted),)}) == expected


class TestTemplates:
    @pytest.mark.parametrize("native", [False, True])
    def test_a_relative_path_is_looked_for_beside_the_dag_before_the_root(self, tmp_path: Path, native: bool) -> None:
        (tmp_path / "d.yaml").write_text("- {name: A, url: 'https://a.example/', events: [partner.created]}")
        with DAG("d", schedule=None, render_template_as_native_obj=native) as dag:
            dag.fileloc = str(tmp_path / "d.py")
            operator = PartneroAuditWebhooksOperator(task_id="audit")
        assert [spec.name for spec in declared_webhooks("d.yaml", operator, CONTEXT)] == ["A"]
        with pytest.raises(ValueError, match=r"no file 'missing\.yaml': give a file beside the DAG"):
            declared_webhooks("missing.yaml", operator, CONTEXT)

    def test_an_absolute_path_is_found_without_a_dag(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("- {name: A{{ 1 + 1 }}, url: 'https://a.example/', events: [partner.created]}")
        assert [spec.name for spec in read_declaration(str(tmp_path / "a.yaml"))] == ["A2"]


def test_a_file_that_asks_for_what_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text("webhooks: {{ missing.list }}\n")
    with pytest.raises(ValueError, match=r"^file '.*webhooks\.yaml': 'missing' is undefined$"):
        read_declaration(str(file))


@pytest.mark.parametrize(
    ("file", "text", "places"),
    [
        (
            "webhooks.yaml",
            "{# rendered #}\n- name: A\n  evnts: []\n  url: https://a.example/\n  events: [a.b]\n- {name: A}\n",
            [
                "webhooks[0] in line 3, column 3: unknown field 'evnts'",
                "webhooks[1] in line 6, column 3: url and events",
            ],
        ),
        (
            "webhooks.json",
            '[{"name": "A", "evnts": [],\n"url": "https://a.example/", "events": ["a.b"]}, {"name": "A"}]',
            ["webhooks[0] in line 1, column 16: unknown field 'evnts'", "webhooks[1] in line 2, column 50: url and"],
        ),
    ],
)
def test_every_problem_of_a_file_is_named_with_the_file_and_its_lines(
    tmp_path: Path, file: str, text: str, places: list[str]
) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(ValueError, match=rf"^file '.*{file}': 2 problems:\n") as refused:
        read_declaration(str(tmp_path / file))
    assert [
        line.strip()[: len(place)] for line, place in zip(str(refused.value).split("\n")[1:], places, strict=True)
    ] == (places)
