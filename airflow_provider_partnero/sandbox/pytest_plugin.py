"""Fixtures for tests of code that talks to Partnero; pytest finds them when this package is installed.

Importing this module loads nothing but pytest; the first test that uses a fixture loads the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox


@pytest.fixture(scope="session")
def _partnero_sandbox_server() -> Iterator[Sandbox]:
    from airflow_provider_partnero.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def partnero_sandbox(_partnero_sandbox_server: Sandbox) -> Sandbox:
    """A running local Partnero without webhooks and with the default profile. All tests share one server."""
    from airflow_provider_partnero.sandbox import Profile

    _partnero_sandbox_server.reset(Profile())
    return _partnero_sandbox_server


@pytest.fixture
def partnero_connection(partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an Airflow connection to the sandbox, ``partnero_default``; it exists as long as the test runs."""
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", partnero_sandbox.connection_json)
    return "partnero_default"
