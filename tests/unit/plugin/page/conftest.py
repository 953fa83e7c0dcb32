"""The page, for somebody who may read connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.conftest import Airflow

from .site import Site


@pytest.fixture
def site(airflow: Airflow, partnero_connection: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The page with the sandbox behind ``partnero_default``; logged in as an admin."""
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a-secret-of-the-tests-" * 4)
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    site = Site()
    with site.client:
        site.log_in("ADMIN")
        yield site
