"""The PyPI package ``partnero``, a client by others, works with the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from partnero import PartneroClient  # type: ignore[import-untyped]
from partnero.authentication import Authentication  # type: ignore[import-untyped]
from partnero.base_api import PartneroAPIException  # type: ignore[import-untyped]

from airflow_provider_partnero.sandbox import Profile, Sandbox


@pytest.fixture
def webhooks(sandbox: Sandbox) -> Iterator[Any]:
    client = PartneroClient(api_key=sandbox.token)
    client.webhook.base_url = f"{sandbox.base_url}/"
    yield client.webhook
    client.webhook.session.close()
    Authentication.configure(api_key=None)


@pytest.mark.parametrize("form", ["data", "simple", "full"])
def test_it_lists(webhooks: Any, sandbox: Sandbox, form: Any) -> None:
    sandbox.reset(Profile(list_form=form))
    sandbox.seed(12)
    assert webhooks.list_webhooks()["data"] == sandbox.webhooks()[:10]
    assert webhooks.list_webhooks(limit=10, page=2)["data"] == sandbox.webhooks()[10:]


def test_it_creates_fetches_updates_and_deletes(webhooks: Any, sandbox: Sandbox) -> None:
    made = webhooks.create_webhook("Demo", "https://receiver.example", ["partner.created"])["data"]
    assert webhooks.fetch_webhook(made["key"]) == {"data": made, "status": 1}
    changed = webhooks.update_webhook(made["key"], name="Demo 2", is_active=False)["data"]
    assert changed == {**made, "name": "Demo 2", "is_active": False}
    assert webhooks.delete_webhook(made["key"]) == {"status": 1}
    assert sandbox.webhooks() == []


def test_it_reads_the_messages_of_refusals(webhooks: Any) -> None:
    with pytest.raises(PartneroAPIException, match="API Error 422: The url field must be a valid URL"):
        webhooks.create_webhook("Demo", "nowhere", ["partner.created"])
    with pytest.raises(PartneroAPIException, match="API Error 404: Webhook not found"):
        webhooks.fetch_webhook("none")
    Authentication.configure(api_key="wrong")
    with pytest.raises(PartneroAPIException, match="API Error 401: Unauthenticated"):
        webhooks.list_webhooks()
