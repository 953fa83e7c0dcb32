"""Sample webhooks and event data. All addresses end in ``.example``, which nobody can own."""

from __future__ import annotations

from typing import Any

_EVENT_SETS: tuple[tuple[str, ...], ...] = (
    ("partner.created", "partner.updated", "partner.deleted"),
    ("customer.created", "customer.updated", "customer.deleted"),
    ("transaction.created", "transaction.deleted"),
    ("partner.created",),
    ("customer.created", "transaction.created"),
)

_PARTNER = {
    "id": "demo_partner",
    "key": "demo_partner",
    "email": "zoe@partner.example",
    "name": "Zoë",
    "surname": "D'Amico",
    "status": "approved",
    "referral_link": "https://shop.example/?ref=demo_partner",
}
_CUSTOMER = {
    "id": "customer_1",
    "key": "customer_1",
    "email": "kim@customer.example",
    "name": "Kim",
    "surname": "Šimůnková",
}

# Seen: within an event, people are often only their ids, and rewards are a list of what each of them gets.
_PEOPLE = {"customer": _CUSTOMER["id"], "partner": _PARTNER["id"]}

_EVENT_DATA: dict[str, dict[str, Any]] = {
    "partner": _PARTNER,
    "customer": {**_CUSTOMER, "partner": _PARTNER["id"]},
    "transaction": {
        "key": "transaction_1",
        "amount": 99.9,
        "amount_units": "EUR",
        "action": "sale",
        **_PEOPLE,
        "rewards": [{**_PEOPLE, "amount": 9.99}],
    },
    "lead": {"key": "lead_1", "email": "lee@lead.example", "name": "Lee", "partner": _PARTNER["id"]},
    "subscriber": {"id": "subscriber_1", "email": "sam@subscriber.example", "name": "Sam"},
    "reward": {
        "id": "reward_1",
        "amount": 10.0,
        "amount_units": "EUR",
        "status": "approved",
        **_PEOPLE,
        "referred_customer": "customer_2",
    },
}


def sample_webhook(number: int, prefix: str) -> dict[str, Any]:
    """The fields of a well-formed webhook (active, HTTPS, its own address), without key and signature."""
    return {
        "name": f"{prefix} {number}",
        "url": f"https://receiver-{number}.example/hooks/partnero",
        "is_active": True,
        "events": list(_EVENT_SETS[number % len(_EVENT_SETS)]),
    }


def sample_event_data(event: str) -> dict[str, Any]:
    """Data for an event, chosen by its noun, such as ``partner`` of ``partner.created``. The fields are assumed."""
    return _EVENT_DATA.get(event.partition(".")[0], {"id": "demo"})
