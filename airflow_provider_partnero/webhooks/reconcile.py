"""The plan: declared and live webhooks in, what must be done to make them one out. Pure; nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.webhooks.matching import (
    Change,
    Matching,
    PlanError,
    changes_between,
    keys_of,
    listed_problems,
    match,
)
from airflow_provider_partnero.webhooks.plan_text import render_plan
from airflow_provider_partnero.webhooks.spec_files import parse_specs
from airflow_provider_partnero.webhooks.specs import WebhookSpec, specs_from
from airflow_provider_partnero.webhooks.texts import quoted, visible
from airflow_provider_partnero.webhooks.urls import shown_url

__all__ = ["Action", "Change", "Kind", "Plan", "PlanError", "WebhookSpec", "parse_specs", "plan", "specs_from"]

Kind = Literal["create", "update", "delete", "unchanged"]

# Creates come before deletes, so that no event is lost while a webhook is replaced by another.
_ORDER: tuple[Kind, ...] = ("create", "update", "delete", "unchanged")


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done about one webhook.

    :param kind: ``"create"``, ``"update"``, ``"delete"`` or ``"unchanged"``.
    :param spec: what is declared; None for a delete.
    :param webhook: what is live; None for a create.
    :param changes: for an update, the fields that change.
    """

    kind: Kind
    spec: WebhookSpec | None = None
    webhook: Webhook | None = None
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The declared name, or the live one of what is not declared."""
        return self.spec.name if self.spec else self.webhook.name if self.webhook else ""

    @property
    def key(self) -> str | None:
        """The live key; for a create, the declared one, if any."""
        return self.webhook.key if self.webhook else self.spec.key if self.spec else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"kind", "name", "key", "changes": [{"field", "old", "new"}]}``; a create and a delete have
        ``url``, ``events`` and ``is_active`` instead of ``changes``. Never a signing secret or a secret of a URL.
        """
        plain: dict[str, Any] = {"kind": self.kind, "name": visible(self.name)}
        plain["key"] = None if self.key is None else visible(self.key)
        if self.kind in {"update", "unchanged"}:
            return {**plain, "changes": [change.to_dict() for change in self.changes]}
        subject = self.spec or self.webhook
        if subject is None:
            return plain
        events = sorted({visible(event) for event in subject.events})
        return {**plain, "url": shown_url(subject.url), "events": events, "is_active": subject.is_active}


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be done so that the live webhooks are as declared.

    :param actions: creates, updates, deletes, then what stays as it is; each by name and key.
    :param undeclared: live webhooks that are not declared and that the plan leaves alone, since it does not prune.
    """

    actions: tuple[Action, ...]
    undeclared: tuple[Webhook, ...] = ()

    @property
    def creates(self) -> tuple[Action, ...]:
        """The webhooks to create."""
        return self._of("create")

    @property
    def updates(self) -> tuple[Action, ...]:
        """The webhooks to change."""
        return self._of("update")

    @property
    def deletes(self) -> tuple[Action, ...]:
        """The webhooks to delete."""
        return self._of("delete")

    @property
    def unchanged(self) -> tuple[Action, ...]:
        """The webhooks that are as declared."""
        return self._of("unchanged")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return all(action.kind == "unchanged" for action in self.actions)

    @property
    def summary(self) -> str:
        """``Plan: 1 to create, 2 to update, 0 to delete, 5 unchanged.``"""
        counts = self._counts()
        return (
            f"Plan: {counts['create']} to create, {counts['update']} to update, {counts['delete']} to delete, "
            f"{counts['unchanged']} unchanged."
        )

    def to_dict(self, max_actions: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions":
        [...], "actions_left_out"}``. What is unchanged is counted, not listed.

        :param max_actions: how many writes to list, from 0; None: all.
        """
        writes = [action for action in self.actions if action.kind != "unchanged"]
        kept = writes if max_actions is None else writes[: max(max_actions, 0)]
        return {
            "summary": self.summary,
            "counts": {**self._counts(), "undeclared": len(self.undeclared)},
            "actions": [action.to_dict() for action in kept],
            "actions_left_out": len(writes) - len(kept),
        }

    def render(self, max_actions: int | None = None) -> str:
        """The plan for people, after the manner of ``terraform plan``; without secrets.

        :param max_actions: how many writes to show, from 0; None: all.
        """
        return render_plan(self, max_actions)

    def _of(self, kind: Kind) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.kind == kind)

    def _counts(self) -> dict[str, int]:
        counted = Counter(action.kind for action in self.actions)
        return {kind: counted[kind] for kind in _ORDER}


def plan(specs: Iterable[WebhookSpec], webhooks: Iterable[Webhook], *, prune: bool = False) -> Plan:
    """What must be done so that the live webhooks are as declared. Linear in both.

    A specification is matched by its key, else by its name. One whose key no live webhook has is matched by name too:
    Partnero may ignore the key that a create supplies, and then what was created lives under another; without this, a
    second run would create it again. No live webhook is matched twice, and keys go before names.

    :param specs: the webhooks that there must be.
    :param webhooks: all live webhooks.
    :param prune: delete the live webhooks that are not declared; otherwise they are left alone.
    :raises PlanError: two live webhooks have the name of a specification that needs it to find its own; two live
        webhooks have one key; two specifications have one name, or one key. The message says which, and what to do.
    """
    live = tuple(webhooks)
    _check_keys(live)
    matching = match(specs, live)
    _check_unambiguous(matching)
    actions = sorted(_actions(matching, prune=prune), key=_place)
    undeclared = () if prune else sorted(matching.undeclared, key=lambda webhook: (webhook.name, webhook.key))
    return Plan(tuple(actions), tuple(undeclared))


def _actions(matching: Matching, *, prune: bool) -> Iterator[Action]:
    for spec in matching.missing:
        yield Action("create", spec)
    for spec, webhook in matching.pairs:
        changes = changes_between(webhook, spec)
        yield Action("update" if changes else "unchanged", spec, webhook, changes)
    if prune:
        for webhook in matching.undeclared:
            yield Action("delete", webhook=webhook)


def _place(action: Action) -> tuple[int, str, str]:
    return _ORDER.index(action.kind), action.name, action.key or ""


def _check_keys(live: tuple[Webhook, ...]) -> None:
    twice = [key for key, number in Counter(webhook.key for webhook in live).items() if number > 1]
    if twice:
        problems = [f"the key {quoted(key)} is there twice among the live webhooks" for key in twice]
        raise PlanError(f"{'; '.join(listed_problems(problems))}: read the list again")


def _check_unambiguous(matching: Matching) -> None:
    if not matching.ambiguous:
        return
    problems = [
        f"{len(namesakes):,} live webhooks have the name {quoted(spec.name)}, keys {keys_of(namesakes)}"
        for spec, namesakes in matching.ambiguous
    ]
    raise PlanError(
        f"{'; '.join(listed_problems(problems))}: put the right one's key into the declaration, or delete the others"
    )
