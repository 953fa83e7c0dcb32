"""The reference: its tables are made from the code, its pages have every public name, its errors are the real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_partnero.operators import partnero as operators
from airflow_provider_partnero.sandbox import Sandbox
from tests.conftest import MakeContext
from tests.unit.pages import DOCS, page
from tests.unit.reference_tables import TABLES, Table

PACKAGE = "airflow_provider_partnero"
WRITE_THEM = "python -m tests.unit.reference_tables writes the tables"
# Where public names are, and which: those of ``__all__``, or the ones that begin so.
PUBLIC = {
    "api": None,
    "operators.partnero": None,
    "sandbox": None,
    "hooks.partnero": "PartneroHook",
    "sensors.partnero": "PartneroWebhookActiveSensor",
    "triggers.partnero": r"PartneroWebhook\w+Trigger",
    "assets": r"partnero_\w+",
    "webhooks.delivery": "PartneroDelivery",
    "sandbox.pytest_plugin": r"partnero_\w+",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_table_of_the_reference_is_what_the_code_says(table: Table) -> None:
    assert table.written() == str(table), WRITE_THEM


def _public() -> set[str]:
    names = set()
    for module_name, pattern in PUBLIC.items():
        module = import_module(f"{PACKAGE}.{module_name}")
        found = module.__all__ if pattern is None else [name for name in vars(module) if re.fullmatch(pattern, name)]
        names |= {f"{PACKAGE}.{module_name}.{name}" for name in found}
    return names


def test_the_reference_has_every_public_name_and_no_other() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "python").glob("*.md"))
    told = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert len(told) == len(set(told)) > 40
    assert set(told) == _public()


CRM: dict[str, Any] = {"name": "CRM", "url": "https://crm.acme.example/x", "events": ["partner.created"]}
Provoke = Callable[[Sandbox, pytest.MonkeyPatch], Any]


def _fault(**fields: Any) -> Provoke:
    def provoke(sandbox: Sandbox, _: pytest.MonkeyPatch) -> Any:
        sandbox.fault(**fields)
        return operators.PartneroGetWebhookOperator(task_id="t", webhook_key="k1")

    return provoke


def _live(make: Callable[[], Any], *webhooks: dict[str, Any]) -> Provoke:
    def provoke(sandbox: Sandbox, _: pytest.MonkeyPatch) -> Any:
        sandbox.put_webhooks([CRM | changes for changes in webhooks])
        return make()

    return provoke


def _reconcile(**arguments: Any) -> Callable[[], Any]:
    return lambda: operators.PartneroReconcileWebhooksOperator(task_id="t", webhooks=[CRM], **arguments)


def _without_token(_: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIRFLOW_CONN_PARTNERO_DEFAULT", json.dumps({"conn_type": "partnero"}))
    return operators.PartneroGetWebhookOperator(task_id="t", webhook_key="k1")


def _lost_create(sandbox: Sandbox, _: pytest.MonkeyPatch) -> Any:
    sandbox.fault(method="POST", drop="after")
    return operators.PartneroCreateWebhookOperator(task_id="t", idempotent=False, **CRM)


PROVOKED: dict[str, Provoke] = {
    "a refused token": _fault(status=401),
    "no token": _without_token,
    "no answer": _fault(drop="before"),
    "a web page": _fault(body="html"),
    "a redirect": _fault(status=302, redirect="https://elsewhere.example/"),
    "a missing webhook": _fault(times=1, skip=9),
    "refused values": _live(
        lambda: operators.PartneroCreateWebhookOperator(task_id="t", **CRM | {"events": ["no.event"]})
    ),
    "a taken key": _live(
        lambda: operators.PartneroCreateWebhookOperator(task_id="t", webhook_key="k1", **CRM),
        {"key": "k1", "url": "https://other.example/"},
    ),
    "too many requests": _fault(status=429),
    "an outage": _fault(status=503),
    "a lost create": _lost_create,
    "a bad argument": lambda *_: operators.PartneroAuditWebhooksOperator(task_id="t", fail_on="always"),  # type: ignore[arg-type]
    "no declaration": lambda *_: operators.PartneroReconcileWebhooksOperator(task_id="t", webhooks="no.yaml"),
    "one name twice": _live(_reconcile(), {"key": "a"}, {"key": "b"}),
    "many deletes": _live(_reconcile(prune=True), *({"name": f"Old {number}"} for number in range(6))),
    "another plan": _live(_reconcile(plan="0" * 64)),
    "findings": _live(lambda: operators.PartneroAuditWebhooksOperator(task_id="t", required_events=["reward.paid"])),
}


def _patterns() -> list[str]:
    rows = page("errors.md").text.split("<!-- messages -->\n")[1].split("<!-- end of messages -->")[0].splitlines()[2:]
    return [row.split("`")[1] for row in rows]


def _fits(pattern: str, message: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, pattern.split("…"))), message, re.DOTALL) is not None


@pytest.mark.parametrize(("provoke", "pattern"), zip(PROVOKED.values(), _patterns(), strict=True), ids=list(PROVOKED))
def test_the_message_of_the_page_is_what_the_task_says(
    provoke: Provoke,
    pattern: str,
    one_attempt: Sandbox,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception) as failed:  # noqa: PT011
        provoke(one_attempt, monkeypatch).execute(make_context())
    told = [str(failed.value), *getattr(failed.value, "__notes__", [])]
    assert [message for message in told if _fits(pattern, message)], told
    is_final = isinstance(failed.value, AirflowFailException)
    assert is_final is not any(words in pattern for words in ("No answer", "does not look like", "429", "503"))
