"""The page about signing secrets: its snippets run as they stand there, against stand-ins for Vault and AWS."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from airflow_provider_partnero.operators.partnero import PartneroCreateWebhookOperator
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext
from tests.unit.conftest import Airflow

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "signing_secrets.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's modules, under the names that the page gives them, where a worker finds them."""
    named = re.findall(r"in `(\w+)\.py`, with `secret_to=\"(\w+)\.store\"`:\n\n```python\n(.*?)^```", PAGE, re.S | re.M)
    assert [module for module, _, _ in named] == ["acme_vault", "acme_aws"]
    for module, used, code in named:
        assert module == used
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module, _, _ in named:
        sys.modules.pop(module, None)


def _module(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


class _Vault:
    """What the recipe uses of ``hvac.Client``, with hvac's own names of the arguments."""

    def __init__(self, url: str, token: str) -> None:
        assert (url, token) == ("https://vault.example:8200", "vault-token")
        self.secrets = SimpleNamespace(kv=SimpleNamespace(v2=self))

    def create_or_update_secret(
        self, path: str, secret: dict[str, str], cas: int | None = None, mount_point: str = "secret"
    ) -> None:
        assert cas is None
        VAULT[f"{mount_point}/{path}"] = secret


VAULT: dict[str, dict[str, str]] = {}


class _SecretsManager:
    """What the recipe uses of boto3's client, with AWS' own names of the arguments."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - boto3's name
            pass

    def __init__(self) -> None:
        self.kept: dict[str, list[str]] = {}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803 - AWS' names
        if SecretId not in self.kept:
            raise self.exceptions.ResourceNotFoundException(f"Secrets Manager can't find {SecretId}")
        self.kept[SecretId].append(SecretString)

    def create_secret(self, *, Name: str, SecretString: str) -> None:  # noqa: N803 - AWS' names
        assert Name not in self.kept
        self.kept[Name] = [SecretString]


def _create_twice(secret_to: str, make_context: MakeContext) -> str:
    for try_number in (1, 2):
        create = PartneroCreateWebhookOperator(
            task_id="c", name="N", url="https://a.example/", events="partner.created", secret_to=secret_to
        )
        made = create.execute(make_context(try_number=try_number))
    key: str = made["key"]
    return key


def test_the_recipe_for_vault_stores_the_secret_under_the_key(
    sandbox: Sandbox, make_context: MakeContext, recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(monkeypatch, "hvac", Client=_Vault)
    monkeypatch.setenv("VAULT_ADDR", "https://vault.example:8200")
    monkeypatch.setenv("VAULT_TOKEN", "vault-token")
    key = _create_twice("acme_vault.store", make_context)
    [webhook] = sandbox.webhooks()
    assert {f"secret/partnero/{key}": {"signing_secret": webhook["signature"]}} == VAULT


def test_the_recipe_for_aws_makes_the_secret_and_then_puts_a_new_version(
    sandbox: Sandbox, make_context: MakeContext, recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = _SecretsManager()
    clients = {"secretsmanager": manager}
    _module(monkeypatch, "boto3", client=clients.__getitem__)
    key = _create_twice("acme_aws.store", make_context)
    [webhook] = sandbox.webhooks()
    assert manager.kept == {f"partnero/{key}": [webhook["signature"]] * 2}


def test_the_dag_of_the_page_fills_the_variable(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.variable import Variable

    [code] = [code for code in SNIPPETS if "DAG(" in code]
    (tmp_path / "crm_webhook.py").write_text(code, encoding="utf-8")
    assert airflow.run(DagBag(tmp_path / "crm_webhook.py").dags["crm_webhook"])["create"][0].state == "success"
    [webhook] = sandbox.webhooks()
    assert Variable.get("crm_signing_secret") == webhook["signature"]


def test_every_snippet_of_the_page_is_run_here() -> None:
    assert len(SNIPPETS) == 3
    assert PAGE.count("```") == 2 * len(SNIPPETS)
