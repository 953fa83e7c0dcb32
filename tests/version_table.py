"""The tables of ``docs/versions.md``, from what is tested and what ``doctor`` knows.

``python -m tests.version_table`` writes them into the page.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from airflow_provider_partnero.commands.airflow_checks import lacking
from tests.e2e.packages import TODAY
from tests.e2e.test_installed import VERSIONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "airflow_provider_partnero" / "docs" / "versions.md"
_EVERYTHING, _QUICK, _WHOLE, _NOTHING = "everything", "quick tests, demo", "whole Airflow", "-"


def written(page: str) -> str:
    """The page with the tables of today."""
    return _replaced(_replaced(page, "versions", _versions()), "dependencies", _dependencies())


def _replaced(page: str, name: str, rows: list[list[str]]) -> str:
    before, start, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    return "".join((before, start, *(f"| {' | '.join(cells)} |\n" for cells in rows), end, after))


def pythons() -> list[str]:
    """The versions of Python that the package's metadata name."""
    series = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in _project()["classifiers"])
    return [found[1] for found in series if found]


def _versions() -> list[list[str]]:
    rows = [["Airflow", *(f"Python {python}" for python in pythons()), "what it lacks"]]
    rows.append(["---"] * len(rows[0]))
    for airflow in (*VERSIONS, TODAY):
        tested = [_tested(airflow, python) for python in pythons()]
        rows.append([airflow, *tested, "; ".join(lacking(airflow)) or "nothing"])
    return rows


def _tested(airflow: str, python: str) -> str:
    jobs = _workflow()["jobs"]
    whole = python in jobs["everything"]["container"]["image"]
    if airflow != TODAY:
        return _WHOLE if whole else _NOTHING
    if whole:
        return _EVERYTHING
    return _QUICK if python in jobs["quick"]["strategy"]["matrix"]["python"] else _NOTHING


def _dependencies() -> list[list[str]]:
    rows = [["package", "oldest"], ["---", "---"]]
    return rows + [line.split(">=") for line in _project()["dependencies"]]


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _workflow() -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    workflow: dict[str, Any] = yaml.safe_load(text)
    return workflow


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
