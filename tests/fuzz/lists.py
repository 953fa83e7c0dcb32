"""The JSON of a list, page by page: it is read or refused, and what is exported of it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page, Progress
from airflow_provider_partnero.api.readings import Reading
from airflow_provider_partnero.api.replies import json_object
from airflow_provider_partnero.commands.files import parse_declaration
from airflow_provider_partnero.webhooks.export import export
from airflow_provider_partnero.webhooks.reconcile import PlanError, plan

CONN_ID = "partnero_default"
BETWEEN_PAGES = b"\x1e"
_LONGEST_WORDS = 500  # characters of an error
_LIMITS = (10, 25, 50, 100)


def check(data: bytes) -> None:
    """Read the pages; the first byte says how many webhooks each was asked for."""
    limit = _LIMITS[data[0] % len(_LIMITS)] if data else 10
    try:
        pages = list(_pages(data[1:].split(BETWEEN_PAGES), limit))
    except PartneroResponseError as error:
        _check_words(str(error))
        return
    reading = Reading.of(pages)
    keys = [webhook.key for webhook in reading.webhooks if webhook.key]
    assert len(keys) == len(set(keys)), "a key is there twice"
    for webhook in reading.webhooks:
        check_webhook(webhook)
    check_export(reading.webhooks)


def _check_words(words: str) -> None:
    assert words.isprintable()
    assert len(words) <= _LONGEST_WORDS, f"{len(words)} characters of an error"


def _pages(texts: list[bytes], limit: int) -> Iterator[Page]:
    progress = Progress()
    for number, text in enumerate(texts, 1):
        page = Page.from_api(json_object(bytearray(text)) or {}, number=number, limit=limit)
        assert len(page.webhooks) <= 10 * limit
        is_at_end = progress.is_at_end_after(page)
        yield page
        if is_at_end:
            return


def check_webhook(webhook: Webhook) -> None:
    """What Airflow stores of a webhook comes back, and holds no secret."""
    stored: dict[str, Any] = json.loads(json.dumps(webhook.serialize()))
    assert "signature" not in stored
    back = Webhook.deserialize(stored, 1)
    assert back.to_dict() == webhook.to_dict(), "a webhook comes back changed"
    assert back.unreadable == webhook.unreadable
    assert not set(webhook.oddities) & {"", None}


def check_export(webhooks: tuple[Webhook, ...]) -> None:
    """A declaration that was just exported changes nothing, whatever the webhooks are called."""
    text = export(webhooks, partnero_conn_id=CONN_ID)
    specs = parse_declaration(text, "exported.yaml", CONN_ID)
    try:
        made = plan(specs, webhooks)
    except PlanError as error:
        raise AssertionError(f"an export cannot be planned: {error}\n{text}") from error
    assert made.is_empty, f"an export changes something: {made.render()}\n{text}"
