"""Webhooks and declarations for the tests: sound, except for what a test changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.webhooks.audit import Finding, audit
from airflow_provider_partnero.webhooks.reconcile import WebhookSpec
from airflow_provider_partnero.webhooks.silence import ExpectedEvent

_numbers = count(1)

# Hypothesis builds its tables of all characters on first use, which takes seconds on a busy machine.
thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

any_text = st.text(max_size=30)  # with control characters, surrogates and everything else
some_events = st.lists(st.sampled_from([*WebhookEvent, "partner_created", "new.event"]), max_size=5).map(tuple)
few_names = st.sampled_from(["A", "B", "C", "D", "E"])
few_urls = st.sampled_from(
    [
        "https://example.com/a",
        "https://EXAMPLE.com:443/a",
        "http://example.com/b",
        "https://localhost/",
        "https://abc.ngrok.io",
        "https://user:pass@example.com/?token=t",
        "javascript:alert(1)",
    ]
)


def webhook(**fields: Any) -> Webhook:
    """A sound webhook, except for the given fields. Each has its own key, URL and secret."""
    number = next(_numbers)
    whole = {
        "key": f"key{number:09d}",
        "name": f"Webhook {number}",
        "url": f"https://hooks.example.com/{number}",
        "is_active": True,
        "events": ("partner.created",),
        "signature": f"secret-{number:09d}",
        **fields,
    }
    return Webhook(**whole)


def spec(**fields: Any) -> WebhookSpec:
    """A specification; each has its own name and URL."""
    number = next(_numbers)
    whole = {
        "name": f"Spec {number}",
        "url": f"https://hooks.example.com/spec/{number}",
        "events": ("partner.created",),
        **fields,
    }
    return WebhookSpec(**whole)


def spec_of(live: Webhook, **fields: Any) -> WebhookSpec:
    """A specification that matches a live webhook, except for the given fields."""
    return spec(**{"name": live.name, "url": live.url, "events": live.events, "is_active": live.is_active, **fields})


def expected(**fields: Any) -> ExpectedEvent:
    """An event that came an hour ago, as expected, except for the given fields."""
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    whole = {
        "event": "transaction.created",
        "longest": timedelta(hours=24),
        "conn_id": "shop",
        "now": now,
        "last": now - timedelta(hours=1),
        **fields,
    }
    return ExpectedEvent(**whole)


def found(rule: str, webhooks: Iterable[Webhook], **options: Any) -> list[Finding]:
    """The findings of one rule."""
    return [finding for finding in audit(webhooks, **options).findings if finding.rule == rule]


@st.composite
def live_webhooks(draw: st.DrawFn, most: int = 6) -> list[Webhook]:
    """Any webhooks: all keys differ, and many other values collide."""
    keys = draw(st.lists(st.sampled_from([f"k{number}" for number in range(most + 3)]), unique=True, max_size=most))
    secrets = st.none() | st.sampled_from(["", "short", "0123456789abcdef", "fedcba9876543210"])
    return [
        Webhook(
            key=key,
            name=draw(few_names | any_text),
            url=draw(few_urls | any_text),
            is_active=draw(st.booleans()),
            events=draw(some_events | st.lists(any_text, max_size=3).map(tuple)),
            signature=draw(secrets | any_text),
        )
        for key in keys
    ]
