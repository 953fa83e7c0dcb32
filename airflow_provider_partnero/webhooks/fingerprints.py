"""What two plans have in common: a digest for each write, and one for all of them.

A digest tells nothing of a URL's secrets: they go into it sealed, see :meth:`PartneroClient.seal`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.redaction import redact_url
from airflow_provider_partnero.api.specs import FieldValue, WebhookSpec
from airflow_provider_partnero.webhooks.actions import Action

Seal = Callable[[str], str]

_DIGITS = 16  # of each digest of a step, in hex


def sealed_by_nobody(text: str) -> str:
    """A digest, for plans that are not shown to anybody."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One write of a plan, as digests.

    :param write: of what is written: the kind, the key, the name, and each field's old and new value.
    :param effect: of what is there afterwards, so that it can be recognised once it is done.
    """

    write: str
    effect: str

    @classmethod
    def of(cls, action: Action, seal: Seal) -> Step:
        """The step of a create, an update or a delete."""
        changes = [
            [change.field, _plain(change.field, change.old, seal), _plain(change.field, change.new, seal)]
            for change in sorted(action.changes, key=lambda change: change.field)
        ]
        before = _content(action.webhook, seal) if action.kind == "delete" and action.webhook else None
        after = _content(action.spec, seal) if action.spec else None
        write = [action.kind, action.key, action.name, changes, before, after]
        live_key = action.webhook.key if action.webhook else None
        effect = made(action.spec, live_key, seal) if action.spec else gone(live_key or "")
        return cls(_digest(write), effect)

    @classmethod
    def parse(cls, text: str) -> Step:
        """The step that :meth:`__str__` wrote."""
        write, _, effect = text.partition(":")
        return cls(write, effect)

    @property
    def is_delete(self) -> bool:
        """Whether it deletes a webhook."""
        return self.effect.startswith("-")

    def __str__(self) -> str:
        return f"{self.write}:{self.effect}"


def gone(key: str) -> str:
    """The effect of deleting a webhook."""
    return f"-{_digest(key)}"


def made(spec: WebhookSpec, key: str | None, seal: Seal) -> str:
    """The effect of an update of the webhook with this key; or of a create, whose key nobody knows before."""
    return f"={_digest([key, _content(spec, seal)])}"


def fingerprint(steps: Iterable[Step]) -> str:
    """SHA-256, in hex, over the steps, in whatever order they come."""
    return hashlib.sha256("\n".join(sorted(map(str, steps))).encode()).hexdigest()


def _content(subject: WebhookSpec | Webhook, seal: Seal) -> list[Any]:
    return [
        subject.name,
        _plain("url", subject.url, seal),
        sorted(set(map(str, subject.events))),
        subject.is_active,
    ]


def _plain(field: str, value: FieldValue, seal: Seal) -> Any:
    if isinstance(value, tuple):
        return sorted(set(map(str, value)))
    if field != "url" or isinstance(value, bool):
        return value
    shown = redact_url(value)
    return shown if shown == value else [shown, seal(value)]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:_DIGITS]
