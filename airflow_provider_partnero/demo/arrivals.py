"""Deliveries that arrive while somebody looks at the demo's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

UNHEARD = "customer.created"
"""An event that no DAG of the examples is scheduled on."""

_NUMBER = 15
_EVERY = 5  # of them, one is about a customer


def arrivals() -> Iterator[tuple[str, dict[str, Any]]]:
    """Events and their data, in the order in which they happen at Partnero."""
    from airflow_provider_partnero.sandbox.samples import sample_event_data

    for number in range(2, 2 + _NUMBER):
        if number % _EVERY == 0:
            yield UNHEARD, sample_event_data(UNHEARD) | {"id": f"customer_{number}", "key": f"customer_{number}"}
        else:
            event = "transaction.deleted" if number % _EVERY == 1 else "transaction.created"
            yield event, sample_event_data(event) | {"key": f"transaction_{number}", "amount": 20.0 + 7 * number}


def subscribe_to_the_unheard(sandbox: Sandbox) -> None:
    """Let the receiver's webhook deliver one more event, as somebody might by hand at Partnero."""
    for webhook in sandbox.webhooks():
        if webhook["url"].endswith("/partnero/webhooks/partnero_default"):
            sandbox.put_webhooks([webhook | {"events": [*webhook["events"], UNHEARD]}])
