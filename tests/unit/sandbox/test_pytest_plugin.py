"""The pytest fixtures that come with the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import PATIENCE

TESTS = """
import os, json, urllib.request
from airflow_provider_partnero.sandbox import Profile

ports = set()

def test_first(partnero_sandbox):
    partnero_sandbox.reset(Profile(list_form="data"))
    partnero_sandbox.seed(3)
    ports.add(partnero_sandbox.port)

def test_second_finds_it_empty_again(partnero_sandbox):
    ports.add(partnero_sandbox.port)
    assert len(ports) == 1
    assert partnero_sandbox.webhooks() == []
    assert partnero_sandbox.profile() == Profile()

def test_connection(partnero_connection, partnero_sandbox):
    assert partnero_connection == "partnero_default"
    connection = json.loads(os.environ["AIRFLOW_CONN_PARTNERO_DEFAULT"])
    assert connection["host"] == partnero_sandbox.base_url

def test_the_connection_is_gone():
    assert "AIRFLOW_CONN_PARTNERO_DEFAULT" not in os.environ
"""


def test_the_fixtures_come_with_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_users.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=PATIENCE)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_connection_fixture_makes_an_airflow_connection(
    partnero_connection: str, partnero_sandbox: Sandbox
) -> None:
    from airflow.sdk import Connection

    connection = Connection.get(partnero_connection)
    assert (connection.conn_type, connection.host) == ("partnero", partnero_sandbox.base_url)


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import airflow_provider_partnero.sandbox", set()),
        ("import airflow_provider_partnero.sandbox.pytest_plugin", set()),
        ("from airflow_provider_partnero.sandbox import Profile, Fault, Mutation, Delivery, LoggedRequest", set()),
        ("from airflow_provider_partnero.sandbox import SandboxControl", {"httpx"}),
        ("from airflow_provider_partnero.sandbox import Sandbox", {"httpx", "fastapi", "uvicorn", "starlette"}),
    ],
)
def test_importing_loads_only_what_it_needs(statement: str, allowed: set[str]) -> None:
    heavy = {"fastapi", "uvicorn", "starlette", "httpx", "requests", "tenacity", "airflow"}
    program = f"import sys\n{statement}\nprint(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.strip() == str(sorted(allowed & heavy))


def test_the_sandbox_never_uses_the_packages_own_signer() -> None:
    program = (
        "import sys\nsys.modules['airflow_provider_partnero.api.signature'] = type(sys)('blocked')\n"
        "sys.modules['airflow_provider_partnero.api.signature'].sign = None\n"
        "sys.modules['airflow_provider_partnero.api.signature'].verify = None\n"
        "from airflow_provider_partnero.sandbox import Sandbox\n"
        "with Sandbox() as sandbox:\n"
        "    sandbox.put_webhooks([{'url': 'http://127.0.0.1:9'}])\n"
        "    sandbox.set_delivery_backoff(0)\n"
        "    print(len(sandbox.emit('partner.created')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "3\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import airflow_provider_partnero.sandbox as package

    with pytest.raises(AttributeError, match="has no attribute 'Sandcastle'"):
        _ = package.Sandcastle
