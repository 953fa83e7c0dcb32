"""The tables of ``docs/versions.md``, from what is tested and what ``doctor`` knows of older versions of Airflow.

``python -m tests.unit.version_tables`` writes them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from airflow_provider_partnero.commands.airflow_checks import lacking
from tests.e2e.packages import TODAY
from tests.e2e.test_installed import VERSIONS
from tests.unit.reference_tables import Table

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CI: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
_EVERYTHING, _WHOLE, _NOTHING = "everything", "whole Airflow", "-"


def _pythons() -> Iterator[str]:
    for line in PROJECT["classifiers"]:
        if found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line):
            yield found[1]


PYTHONS = tuple(_pythons())


def _versions() -> Iterator[tuple[str, ...]]:
    for airflow in (*VERSIONS, TODAY):
        yield airflow, *(_tested(airflow, python) for python in PYTHONS), "; ".join(lacking(airflow)) or "nothing"


def _tested(airflow: str, python: str) -> str:
    matrix = CI["jobs"]["everything"]["strategy"]["matrix"]
    if airflow == TODAY:
        return _EVERYTHING if python in matrix["python"] else _NOTHING
    return _WHOLE if {"python": python, "others": "1"} in matrix["include"] else _NOTHING


def _dependencies() -> Iterator[tuple[str, ...]]:
    for line in PROJECT["dependencies"]:
        package, _, oldest = line.partition(">=")
        yield f"`{package}`", oldest


TABLES = (
    Table("versions.md", "versions", ("Airflow", *(f"Python {python}" for python in PYTHONS), "lacks"), _versions),
    Table("versions.md", "dependencies", ("package", "oldest"), _dependencies),
)

if __name__ == "__main__":
    for table in TABLES:
        table.write()
