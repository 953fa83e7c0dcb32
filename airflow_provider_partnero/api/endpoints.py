"""The endpoints of Partnero's webhooks API. Each method makes one request and does not retry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.exchanges import Stop
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Partnero's endpoints over one transport. The caller has checked all keys. No request outlasts its deadline.

    :raises PartneroError: from every method, as :meth:`Transport.request` and :meth:`Webhook.from_api` say.
    """

    transport: Transport

    def test(self, deadline: Deadline) -> None:
        """``GET /test``: check the token."""
        self.transport.request("GET", "/test", deadline)

    def date(self, deadline: Deadline) -> datetime | None:
        """``GET /test``: the moment by the server's clock, to the second; None if it does not tell."""
        return self.transport.answer("GET", "/test", deadline).date

    def program(self, deadline: Deadline) -> Program | None:
        """``GET /program``: the token's programme; None if the answer does not have one."""
        return Program.from_api(self.transport.request("GET", "/program", deadline))

    def page(self, number: int, limit: int, deadline: Deadline, stop: Stop | None, most: int) -> Page:
        """``GET /webhooks``: one page of the list; broken off once ``stop`` is set. It has at most so many bytes."""
        answer = self.transport.answer(
            "GET", "/webhooks", deadline, params={"limit": limit, "page": number}, stop=stop, most=most
        )
        return Page.from_api(answer.payload or {}, number=number, limit=limit, memory=answer.memory)

    def get(self, key: str, deadline: Deadline) -> Webhook:
        """``GET /webhooks/{key}``; an answer about another webhook is none."""
        return self._webhook_with(key, "GET", deadline)

    def create(self, spec: WebhookSpec, deadline: Deadline) -> Webhook:
        """``POST /webhooks``."""
        return self._webhook("POST", "/webhooks", deadline, spec.body())

    def update(self, key: str, fields: Mapping[str, Any], deadline: Deadline) -> Webhook:
        """``PUT /webhooks/{key}`` with the fields to change; an answer about another webhook is none."""
        return self._webhook_with(key, "PUT", deadline, fields)

    def delete(self, key: str, deadline: Deadline) -> None:
        """``DELETE /webhooks/{key}``."""
        self.transport.request("DELETE", _path(key), deadline)

    def _webhook_with(
        self, key: str, method: str, deadline: Deadline, body: Mapping[str, Any] | None = None
    ) -> Webhook:
        webhook = self._webhook(method, _path(key), deadline, body)
        if webhook.key != key:
            raise PartneroResponseError(f"{method} {_path(key)[:120]}: the answer is about another webhook")
        return webhook

    def _webhook(self, method: str, path: str, deadline: Deadline, body: Mapping[str, Any] | None = None) -> Webhook:
        answer = self.transport.request(method, path, deadline, body=body)
        if "data" not in answer:
            raise PartneroResponseError(f"{method} /webhooks: a 2xx without the field 'data'")
        return Webhook.from_api(answer["data"])


def _path(key: str) -> str:
    return "/webhooks/" + quote(key, safe="")
