"""Partnero without Airflow: a client for its webhooks API, usable from any Python program.

>>> from airflow_provider_partnero.api import PartneroClient
>>> with PartneroClient(token) as client:  # doctest: +SKIP
...     for webhook in client.iter_webhooks():
...         print(webhook)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import (
    PartneroAmbiguousError,
    PartneroAPIError,
    PartneroAuthenticationError,
    PartneroConflictError,
    PartneroConnectionError,
    PartneroDuplicateError,
    PartneroError,
    PartneroInconsistentReadError,
    PartneroNotFoundError,
    PartneroRateLimitError,
    PartneroResponseError,
    PartneroServerError,
    PartneroValidationError,
)
from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.signature import sign, verify

if TYPE_CHECKING:
    from airflow_provider_partnero.api.client import PartneroClient

__all__ = [
    "PartneroAPIError",
    "PartneroAmbiguousError",
    "PartneroAuthenticationError",
    "PartneroClient",
    "PartneroConflictError",
    "PartneroConnectionError",
    "PartneroDuplicateError",
    "PartneroError",
    "PartneroInconsistentReadError",
    "PartneroNotFoundError",
    "PartneroRateLimitError",
    "PartneroResponseError",
    "PartneroServerError",
    "PartneroValidationError",
    "Program",
    "Webhook",
    "WebhookEvent",
    "sign",
    "verify",
]


def __getattr__(name: str) -> Any:
    # The client imports requests and tenacity; DAG files, which are parsed every few seconds, need neither.
    if name == "PartneroClient":
        from airflow_provider_partnero.api.client import PartneroClient

        return PartneroClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
