"""The programme that the demo looks after: realistic, and partly broken."""

from __future__ import annotations

from typing import Any


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
