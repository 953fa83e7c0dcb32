"""``docs/versions.md`` says what is tested, and the metadata claim no more."""

from __future__ import annotations

import re
import tomllib

import yaml  # type: ignore[import-untyped]

from tests.e2e.packages import TODAY
from tests.e2e.test_installed import VERSIONS
from tests.version_table import PAGE, ROOT, pythons, written

TEXT = PAGE.read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_tables_are_those_of_today() -> None:
    assert written(TEXT) == TEXT, "python -m tests.version_table writes them"
    assert TEXT.count("\n| 3.") == len(VERSIONS) + 1


def test_each_python_of_the_metadata_is_tested_and_no_other_is_allowed() -> None:
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert ci["jobs"]["quick"]["strategy"]["matrix"]["python"] == pythons()
    last = int(pythons()[-1].split(".")[1])
    assert PROJECT["project"]["requires-python"] == f">={pythons()[0]},<3.{last + 1}"
    minor = [int(python.split(".")[1]) for python in pythons()]
    assert minor == list(range(minor[0], last + 1))


def test_each_minor_version_of_airflow_from_the_oldest_allowed_on_is_tested() -> None:
    [oldest] = [line for line in PROJECT["project"]["dependencies"] if line.startswith("apache-airflow")]
    assert oldest == "apache-airflow>=3.0"
    assert [version.rpartition(".")[0] for version in (*VERSIONS, TODAY)] == ["3.0", "3.1", "3.2", "3.3"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"Airflow 3\.0 to {TODAY.rpartition('.')[0]}, Python {pythons()[0]} to {pythons()[-1]}", readme)
