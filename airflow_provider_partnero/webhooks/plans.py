"""A plan: the writes that make the live webhooks match the declaration, as values, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import Change, FieldValue, WebhookSpec
from airflow_provider_partnero.webhooks.destinations import shown_url
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted, visible

Kind = Literal["create", "update", "delete", "unchanged"]

# Creates come before deletes, so that no event is lost while one webhook replaces another.
ORDER: tuple[Kind, ...] = ("create", "update", "delete", "unchanged")
_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_LABEL_WIDTH = 11

_Item = TypeVar("_Item")


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
        return f"key {visible(self.webhook.key) or 'unknown'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: ``{"name", "key", "is_declared", "oddities"}``; ``key`` is empty if it cannot be read."""
        return {
            "name": visible(self.name),
            "key": visible(self.webhook.key),
            "is_declared": self.spec is not None,
            "oddities": list(self.webhook.oddities),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The writes that make the live webhooks match the declaration.

    :param actions: creates, updates, deletes, then unchanged webhooks; each kind sorted by name and key.
    :param undeclared: live webhooks that are not declared; without ``prune``, the plan leaves them alone.
    :param unreadable: live webhooks that cannot be compared or deleted safely; the plan leaves them alone.
    :param warnings: what may be wrong with the declaration, a sentence each.
    """

    actions: tuple[Action, ...]
    undeclared: tuple[Webhook, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def creates(self) -> tuple[Action, ...]:
        """The webhooks to create."""
        return self._of_kind("create")

    @property
    def updates(self) -> tuple[Action, ...]:
        """The webhooks to change."""
        return self._of_kind("update")

    @property
    def deletes(self) -> tuple[Action, ...]:
        """The webhooks to delete."""
        return self._of_kind("delete")

    @property
    def unchanged(self) -> tuple[Action, ...]:
        """The webhooks that are as declared."""
        return self._of_kind("unchanged")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return all(action.kind == "unchanged" for action in self.actions)

    @property
    def summary(self) -> str:
        """``Plan: 1 to create, 2 to update, 0 to delete, 5 unchanged.``, and how many cannot be read, if any."""
        counts = self._counts()
        unreadable = f", {len(self.unreadable)} left alone (cannot be read)" if self.unreadable else ""
        return (
            f"Plan: {counts['create']} to create, {counts['update']} to update, {counts['delete']} to delete, "
            f"{counts['unchanged']} unchanged{unreadable}."
        )

    def to_dict(self, max_actions: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions":
        [...], "actions_left_out"}``. Unchanged webhooks are counted, not listed. If webhooks cannot be read, the counts
        have ``unreadable``, and ``unreadable`` lists them: ``[{"name", "key", "is_declared", "oddities"}]``. If there
        are warnings, ``warnings`` lists them.

        :param max_actions: how many writes, and how many unreadable webhooks, to list, from 0; None: all.
        """
        writes = [action for action in self.actions if action.kind != "unchanged"]
        kept = _first(writes, max_actions)
        unreadable = {"unreadable": len(self.unreadable)} if self.unreadable else {}
        plain = {
            "summary": self.summary,
            "counts": {**self._counts(), "undeclared": len(self.undeclared), **unreadable},
            "actions": [action.to_dict() for action in kept],
            "actions_left_out": len(writes) - len(kept),
        }
        if self.warnings:
            plain["warnings"] = list(_first(self.warnings, max_actions))
        if not self.unreadable:
            return plain
        return {**plain, "unreadable": [left.to_dict() for left in _first(self.unreadable, max_actions)]}

    def render(self, max_actions: int | None = None) -> str:
        """The plan as text, in the style of ``terraform plan``, without secrets.

        :param max_actions: how many writes to show, from 0; None: all.
        """
        return "\n".join(_plan_lines(self, max_actions))

    def _of_kind(self, kind: Kind) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.kind == kind)

    def _counts(self) -> dict[str, int]:
        counted = Counter(action.kind for action in self.actions)
        return {kind: counted[kind] for kind in ORDER}


def sent_and_came_back(change: Change) -> str:
    """``url: sent "...", came back as "..."``: how Partnero stores a field, without a URL's secrets."""
    sent, came_back = _show(change.field, change.new), _show(change.field, change.old)
    hidden = " (they differ in a part that is not shown)" if sent == came_back else ""
    return f"{change.field}: sent {sent}, came back as {came_back}{hidden}"


def _change_to_json(change: Change) -> dict[str, Any]:
    old, new = _to_json(change.field, change.old), _to_json(change.field, change.new)
    return {"field": change.field, "old": old, "new": new}


def _to_json(name: str, value: FieldValue) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return [visible(event) for event in value]
    return shown_url(value) if name == "url" else visible(value)


def _first(items: Sequence[_Item], most: int | None) -> Sequence[_Item]:
    return items if most is None else items[: max(most, 0)]


def _plan_lines(plan: Plan, max_actions: int | None) -> Iterator[str]:
    writes = [*plan.creates, *plan.updates, *plan.deletes]
    kept = _first(writes, max_actions)
    yield plan.summary
    for action in kept:
        yield ""
        yield from _action_lines(action)
    if left_out := len(writes) - len(kept):
        yield from ("", f"  ... and {counted(left_out, 'more action')}.")
    unreadable = _first(plan.unreadable, max_actions)
    for left in unreadable:
        yield from ("", f"  ! leave {quoted(left.name)} ({left.label})")
        yield _line("unreadable", listed(left.webhook.oddities, most=6))
    if left_out := len(plan.unreadable) - len(unreadable):
        yield from ("", f"  ... and {counted(left_out, 'more webhook')} that cannot be read.")
    for warning in _first(plan.warnings, max_actions):
        yield from ("", f"  Warning: {warning}")
    if plan.undeclared:
        yield from ("", f"  {_undeclared_line(plan)}")


def _action_lines(action: Action) -> Iterator[str]:
    key = f" (key {visible(action.key)})" if action.key else ""
    yield f"  {_SIGNS[action.kind]} {action.kind} {quoted(action.name)}{key}"
    if action.kind == "update":
        for change in action.changes:
            yield from _change_lines(change)
        return
    if action.webhook and action.webhook.oddities:
        yield _line("odd", listed(action.webhook.oddities, most=6))
    subject = action.spec or action.webhook
    if subject is not None:
        yield _line("url", shown_url(subject.url))
        yield _line("events", _events(sorted(set(subject.events))))
        yield _line("is_active", _bool_text(subject.is_active))


def _change_lines(change: Change) -> Iterator[str]:
    if isinstance(change.old, tuple) and isinstance(change.new, tuple):
        event_lines = [f"+ {visible(event)}" for event in sorted(set(change.new) - set(change.old))]
        event_lines += [f"- {visible(event)}" for event in sorted(set(change.old) - set(change.new))]
        for position, event in enumerate(event_lines):
            yield _line("" if position else "events", event)
        return
    old, new = _show(change.field, change.old), _show(change.field, change.new)
    hidden = "  (they differ in a part that is not shown)" if old == new else ""
    yield _line(change.field, f"{old} -> {new}{hidden}")


def _show(field: str, value: FieldValue) -> str:
    if isinstance(value, bool):
        return _bool_text(value)
    if isinstance(value, tuple):
        return _events(sorted(value))
    return shown_url(str(value)) if field == "url" else quoted(str(value))


def _undeclared_line(plan: Plan) -> str:
    named = [f"{quoted(webhook.name)} ({visible(webhook.key)})" for webhook in plan.undeclared[:5]]
    number = len(plan.undeclared)
    verb = "is not declared and stays as it is" if number == 1 else "are not declared and stay as they are"
    return f"{counted(number, 'webhook')} {verb} (prune is off): {listed(named, most=5, total=number)}."


def _events(events: list[str]) -> str:
    return ", ".join(visible(event) for event in events) or "none"


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


def _line(label: str, text: str) -> str:
    return f"      {label.ljust(_LABEL_WIDTH)}{text}"
