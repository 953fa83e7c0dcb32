"""The JSON Schema that editors complete and check a declaration file with."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.api.specs import SPEC_FIELDS
from airflow_provider_partnero.webhooks.export import export
from airflow_provider_partnero.webhooks.reconcile import parse_specs
from airflow_provider_partnero.webhooks.schema import SCHEMA_FILE, declaration_schema, schema_text

from .builders import live_webhooks, thorough

yaml: Any = import_module("yaml")  # comes with Airflow, without types
ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(
    path
    for folder in ("dags_examples", "airflow_provider_partnero", "tests")
    for path in (ROOT / folder).rglob("*.y*ml")
    if "webhooks:" in path.read_text("utf-8")
)
GOOD = {"name": "CRM", "url": "https://a.example/", "events": ["partner.created"]}


def faults(declaration: object) -> list[str]:
    """The paths of what the schema complains about."""
    return sorted(error.json_path for error in Draft202012Validator(declaration_schema()).iter_errors(declaration))


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(declaration_schema())


def test_the_file_in_the_package_is_what_the_generator_makes() -> None:
    shipped = files("airflow_provider_partnero.webhooks").joinpath(SCHEMA_FILE).read_text("utf-8")
    assert shipped == schema_text(), "write schema_text() to the file, and to its copy in dags_examples"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_and_names_the_schema_beside_it(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    assert (path.parent / SCHEMA_FILE).read_text("utf-8") == schema_text()
    assert faults(yaml.safe_load(text)) == []
    assert parse_specs(text, suffix=".yaml")


def test_there_is_an_example() -> None:
    assert "partnero_webhooks_as_code.yaml" in {path.name for path in EXAMPLES}


def test_it_knows_every_field_and_offers_every_event() -> None:
    entry = declaration_schema()["$defs"]["webhook"]
    assert tuple(entry["properties"]) == SPEC_FIELDS
    assert all(field["description"] for field in entry["properties"].values())
    assert entry["properties"]["events"]["items"]["anyOf"][0]["enum"] == list(WebhookEvent)


@pytest.mark.parametrize(
    "declaration",
    [
        [],
        [GOOD],
        {"webhooks": [GOOD]},
        {"$schema": SCHEMA_FILE, "webhooks": [GOOD | {"is_active": False, "key": "k1"}]},
        [GOOD | {"events": ["new.event", "reward.paid"]}],
        [GOOD | {"key": None, "url": "HTTPS://***@a.example/?token=***"}],
    ],
)
def test_it_accepts_what_can_be_declared(declaration: Any) -> None:
    assert faults(declaration) == []
    assert len(parse_specs(yaml.safe_dump(declaration), suffix=".yaml")) == len(list(declaration)[-1:])


@pytest.mark.parametrize(
    ("declaration", "path"),
    [
        ([GOOD | {"actve": True}], "$[0]"),
        ([GOOD | {"signature": "s"}], "$[0]"),
        ([{"name": "CRM", "url": "https://a.example/"}], "$[0]"),
        ([GOOD | {"name": ""}], "$[0].name"),
        ([GOOD | {"name": 7}], "$[0].name"),
        ([GOOD | {"url": "a.example"}], "$[0].url"),
        ([GOOD | {"url": "ftp://a.example"}], "$[0].url"),
        ([GOOD | {"events": []}], "$[0].events"),
        ([GOOD | {"events": "partner.created"}], "$[0].events"),
        ([GOOD | {"events": [1]}], "$[0].events[0]"),
        ([GOOD | {"is_active": "yes"}], "$[0].is_active"),
        ([GOOD | {"key": "a/b"}], "$[0].key"),
        (["CRM"], "$[0]"),
        ({"webhooks": [GOOD | {"evnts": 1}]}, "$.webhooks[0]"),
        ({"hooks": [], "webhooks": []}, "$"),
        ({"$schema": SCHEMA_FILE}, "$"),
        (7, "$"),
    ],
    ids=str,
)
def test_it_says_where_what_cannot_be_declared_is(declaration: Any, path: str) -> None:
    assert faults(declaration) == [path]
    with pytest.raises(ValueError, match=r"\w"):
        parse_specs(yaml.safe_dump(declaration), suffix=".yaml")


@thorough
@given(live_webhooks())
def test_every_export_is_valid(live: list[Webhook]) -> None:
    assert faults(yaml.safe_load(export(live))) == []
