"""The page about declaration files: its files are read, and the problems it shows are the real ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from airflow_provider_partnero.api.specs import SPEC_FIELDS
from airflow_provider_partnero.webhooks.reconcile import parse_specs
from airflow_provider_partnero.webhooks.schema import SCHEMA_FILE, declaration_schema

yaml: Any = import_module("yaml")  # comes with Airflow, without types
PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "declaration_files.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
[GOOD, WRONG] = [text for kind, text in BLOCKS if kind == "yaml"]


def test_the_file_it_shows_is_a_declaration() -> None:
    assert len(parse_specs(GOOD, suffix=".yaml")) == 2
    Draft202012Validator(declaration_schema()).validate(yaml.safe_load(GOOD))
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(SPEC_FIELDS)


def test_the_problems_it_shows_are_the_real_ones() -> None:
    [shown] = [text for kind, text in BLOCKS if kind == "text"]
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_specs(WRONG, suffix=".yaml")
    assert f"{refused.value}\n" == shown


def test_the_command_it_shows_writes_the_schema(tmp_path: Path) -> None:
    [command] = [text for kind, text in BLOCKS if kind == "bash"]
    typed = command.replace("python ", f"{sys.executable} ", 1)
    subprocess.run(["bash", "-ec", typed], cwd=tmp_path, check=True, timeout=600)
    assert json.loads((tmp_path / SCHEMA_FILE).read_text("utf-8")) == declaration_schema()
