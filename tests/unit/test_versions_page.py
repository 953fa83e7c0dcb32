"""``docs/versions.md`` says what is tested, and the metadata claim no more."""

from __future__ import annotations

import pytest

from tests.e2e.packages import TODAY
from tests.e2e.test_installed import VERSIONS
from tests.e2e.test_other_pythons import PYTHONS as TESTED_PYTHONS
from tests.unit.reference_tables import Table
from tests.unit.version_tables import CI, PROJECT, PYTHONS, ROOT, TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_table_is_that_of_today(table: Table) -> None:
    assert table.written() == str(table), "python -m tests.unit.version_tables writes it"
    assert str(table).count("\n") >= 5


def test_each_python_of_the_metadata_is_tested_and_no_other_is_allowed() -> None:
    for job in ("quick", "everything"):
        assert tuple(CI["jobs"][job]["strategy"]["matrix"]["python"]) == PYTHONS == TESTED_PYTHONS
    minors = [int(python.split(".")[1]) for python in PYTHONS]
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    assert PROJECT["requires-python"] == f">=3.{minors[0]},<3.{minors[-1] + 1}"


def test_each_minor_version_of_airflow_from_the_oldest_allowed_on_is_tested() -> None:
    assert "apache-airflow>=3.0" in PROJECT["dependencies"]
    series = [version.rpartition(".")[0] for version in (*VERSIONS, TODAY)]
    assert series == [f"3.{minor}" for minor in range(len(series))]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Airflow {series[0]} to {series[-1]}, Python {PYTHONS[0]} to {PYTHONS[-1]}" in readme
