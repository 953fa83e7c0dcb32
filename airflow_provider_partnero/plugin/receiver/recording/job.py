"""What the receiver hands over to be recorded."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_partnero.webhooks.delivery import PartneroDelivery, Store


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery whose signature is proven.

    :param conn_id: the connection that it was delivered to.
    :param store: how much of it is kept.
    """

    conn_id: str
    delivery: PartneroDelivery
    store: Store
