"""The Partnero of the demo: its webhooks are realistic, and some of them are broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

_TOKEN = "demo-token-of-the-sandbox"  # noqa: S105 - it opens a Partnero that lives as long as the demo
_ACTIVATION_DELAY = 2.0  # seconds; with it, the sensors of the examples have something to wait for


def _webhook(key: str, name: str, url: str, events: list[str], **others: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "url": url,
        "events": events,
        "is_active": True,
        "signature": f"{key}sEcR",
    } | others


BROKEN_PROGRAMME: tuple[dict[str, Any], ...] = (
    _webhook(
        "crmNewPartnr", "CRM: partners", "https://crm.acme.example/partnero", ["partner.created", "partner.updated"]
    ),
    _webhook("crmCustomers", "CRM: customers", "https://crm.acme.example/partnero/customers", ["customer.created"]),
    _webhook(
        "finCommissns",
        "Finance: commissions",
        "https://finance.acme.example/hooks/partnero",
        ["transaction.created", "transaction.deleted"],
        is_active=False,
    ),
    _webhook(
        "datWarehouse",
        "Data warehouse",
        "https://ingest.acme.example/partnero",
        ["customer.created", "transaction.created"],
    ),
    _webhook(
        "datWarehous2",
        "Data warehouse (copy)",
        "https://ingest.acme.example/partnero",
        ["transaction.created"],
    ),
    _webhook("oldBlogHook1", "Old blog", "http://blog.acme.example/hook.php", ["partner.created"]),
    _webhook("slackAlerts1", "Slack alerts", "https://hooks.acme.example/slack", []),
    _webhook("debugTuesday", "debug tuesday", "https://webhook.site/8f2c0c1e", ["transaction.created"]),
)


@contextmanager
def run_partnero(port: int) -> Iterator[Sandbox]:
    """A local Partnero with the broken programme.

    :param port: port to listen on; 0 for a free one.
    """
    from airflow_provider_partnero.sandbox import Sandbox

    with Sandbox(token=_TOKEN, port=port) as sandbox:
        sandbox.put_webhooks(BROKEN_PROGRAMME)
        sandbox.set_activation_delay(_ACTIVATION_DELAY)
        yield sandbox


def let_drift(sandbox: Sandbox) -> None:
    """Change two webhooks as somebody might by hand: switch one off, and add one that nobody declared."""
    finance = next(webhook for webhook in sandbox.webhooks() if webhook["name"] == "Finance: commissions")
    unknown = {"name": "who made this?", "url": "https://collector.example.net/x", "events": ["customer.created"]}
    sandbox.put_webhooks([finance | {"is_active": False}, unknown])
