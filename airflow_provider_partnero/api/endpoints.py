"""The endpoints of Partnero's webhooks API. Each method makes one request and does not retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Partnero's endpoints over one transport. The caller has checked all keys.

    :raises PartneroError: from every method, as :meth:`Transport.request` and :meth:`Webhook.from_api` say.
    """

    transport: Transport

    def test(self) -> None:
        """``GET /test``: check the token."""
        self.transport.request("GET", "/test")

    def page(self, number: int, limit: int) -> Page:
        """``GET /webhooks``: one page of the list."""
        answer = self.transport.request("GET", "/webhooks", params={"limit": limit, "page": number})
        return Page.from_api(answer, number=number, limit=limit)

    def get(self, key: str) -> Webhook:
        """``GET /webhooks/{key}``."""
        return self._webhook("GET", _path(key))

    def create(self, spec: WebhookSpec) -> Webhook:
        """``POST /webhooks``."""
        return self._webhook("POST", "/webhooks", spec.body())

    def update(self, key: str, fields: Mapping[str, Any]) -> Webhook:
        """``PUT /webhooks/{key}`` with the fields to change."""
        return self._webhook("PUT", _path(key), fields)

    def delete(self, key: str) -> None:
        """``DELETE /webhooks/{key}``."""
        self.transport.request("DELETE", _path(key))

    def _webhook(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Webhook:
        answer = self.transport.request(method, path, body=body)
        if "data" not in answer:
            raise PartneroResponseError(f"{method} /webhooks: a 2xx without the field 'data'")
        return Webhook.from_api(answer["data"])


def _path(key: str) -> str:
    return "/webhooks/" + quote(key, safe="")
