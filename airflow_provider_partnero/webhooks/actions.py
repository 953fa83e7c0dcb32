"""What a plan says of one webhook: what it does with it, or why it leaves it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import Change, FieldValue, WebhookSpec
from airflow_provider_partnero.webhooks.destinations import shown_url
from airflow_provider_partnero.webhooks.texts import visible, visible_start

Kind = Literal["create", "update", "delete", "unchanged"]

# Creates come before deletes, so that no event is lost while one webhook replaces another.
ORDER: tuple[Kind, ...] = ("create", "update", "delete", "unchanged")


@dataclass(frozen=True, slots=True)
class Action:
    """What the plan does with one webhook.

    :param kind: ``"create"``, ``"update"``, ``"delete"`` or ``"unchanged"``.
    :param spec: the declared webhook; None for a delete.
    :param webhook: the live webhook; None for a create.
    :param changes: for an update, the fields that change.
    """

    kind: Kind
    spec: WebhookSpec | None = None
    webhook: Webhook | None = None
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The declared name; for a delete, the live one."""
        return self.spec.name if self.spec else self.webhook.name if self.webhook else ""

    @property
    def key(self) -> str | None:
        """The live key; for a create, the declared one, if any."""
        return self.webhook.key if self.webhook else self.spec.key if self.spec else None

    @property
    def is_pending(self) -> bool:
        """Whether the webhook only waits to become active: Partnero may take a while to activate it."""
        return [(change.field, change.new) for change in self.changes] == [("is_active", True)]

    @property
    def moves(self) -> bool:
        """Whether events are delivered to another URL afterwards."""
        return any(change.field == "url" for change in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"kind", "name", "key", "changes": [{"field", "old", "new"}]}``; a create and a delete have
        ``url``, ``events`` and ``is_active`` instead of ``changes``. It has no signing secret and no secret of a URL.
        """
        plain: dict[str, Any] = {"kind": self.kind, "name": visible(self.name)}
        plain["key"] = None if self.key is None else visible(self.key)
        if self.kind in {"update", "unchanged"}:
            return {**plain, "changes": [_change_to_json(change) for change in self.changes]}
        subject = self.spec or self.webhook
        if subject is None:
            return plain
        events = sorted({visible(event) for event in subject.events})
        return {**plain, "url": shown_url(subject.url), "events": events, "is_active": subject.is_active}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A live webhook that the plan leaves alone, because a field of it cannot be read.

    :param webhook: the live webhook.
    :param spec: the declared webhook that it is, or may be; None: it seems undeclared, so ``prune`` would delete it.
    """

    webhook: Webhook
    spec: WebhookSpec | None = None

    @property
    def name(self) -> str:
        """The declared name, else the live one, which may be empty."""
        return self.spec.name if self.spec else self.webhook.name

    @property
    def label(self) -> str:
        """``key abc``, or ``key unknown``."""
        return f"key {visible_start(self.webhook.key, 60) or 'unknown'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"name", "key", "is_declared", "oddities"}``; ``key`` is empty if it cannot be read."""
        return {
            "name": visible(self.name),
            "key": visible(self.webhook.key),
            "is_declared": self.spec is not None,
            "oddities": list(self.webhook.oddities),
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """A live webhook that the plan would change or delete, and that is protected.

    :param webhook: the live webhook.
    :param kind: what the plan would do: ``"update"`` or ``"delete"``.
    :param why: what protects it, in words that follow "since".
    :param spec: the declared webhook; None for a delete.
    """

    webhook: Webhook
    kind: Kind
    why: str
    spec: WebhookSpec | None = None

    @property
    def name(self) -> str:
        """The live name."""
        return self.webhook.name

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"kind", "name", "key", "why"}``."""
        return {"kind": self.kind, "name": visible(self.name), "key": visible(self.webhook.key), "why": self.why}


def _change_to_json(change: Change) -> dict[str, Any]:
    old, new = _to_json(change.field, change.old), _to_json(change.field, change.new)
    return {"field": change.field, "old": old, "new": new}


def _to_json(name: str, value: FieldValue) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return [visible(event) for event in value]
    return shown_url(value) if name == "url" else visible(value)
