"""The leak sweep: everything runs with marked secrets and customers, and no mark is where it must not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.leak_sweep.sweep import sweep

pytestmark = pytest.mark.airflow


def test_no_secret_and_no_customer_is_anywhere_but_where_the_owner_has_put_it(
    tmp_path: Path, migrated_database: Path
) -> None:
    found = sweep(tmp_path / "run", migrated_database)
    print(found.text())
    assert found.is_clean, found.text()
