"""A plan as text that a person reads before it is applied, after the manner of ``terraform plan``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_partnero.webhooks.matching import Change
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted, visible
from airflow_provider_partnero.webhooks.urls import shown_url

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.reconcile import Action, Plan

_SIGNS = {"create": "+", "update": "~", "delete": "-"}
_LABEL_WIDTH = 11


def render_plan(plan: Plan, max_actions: int | None = None) -> str:
    """The plan: its summary, every write with what it changes, and what is left alone.

    :param max_actions: how many writes to show, from 0; None: all.
    """
    writes = [*plan.creates, *plan.updates, *plan.deletes]
    kept = writes if max_actions is None else writes[: max(max_actions, 0)]
    lines = [plan.summary]
    for action in kept:
        lines += ["", *_action_lines(action)]
    if left_out := len(writes) - len(kept):
        lines += ["", f"  ... and {counted(left_out, 'more action')}."]
    if plan.undeclared:
        lines += ["", f"  {_left_alone(plan)}"]
    return "\n".join(lines)


def _action_lines(action: Action) -> Iterator[str]:
    key = f" (key {visible(action.key)})" if action.key else ""
    yield f"  {_SIGNS[action.kind]} {action.kind} {quoted(action.name)}{key}"
    if action.kind == "update":
        for change in action.changes:
            yield from _change_lines(change)
        return
    subject = action.spec or action.webhook
    if subject is not None:
        yield _line("url", shown_url(subject.url))
        yield _line("events", _events(sorted(set(subject.events))))
        yield _line("is_active", _flag(subject.is_active))


def _change_lines(change: Change) -> Iterator[str]:
    if isinstance(change.old, tuple) and isinstance(change.new, tuple):
        signed = [f"+ {visible(event)}" for event in sorted(set(change.new) - set(change.old))]
        signed += [f"- {visible(event)}" for event in sorted(set(change.old) - set(change.new))]
        for position, event in enumerate(signed):
            yield _line("" if position else "events", event)
        return
    old, new = _shown(change.field, change.old), _shown(change.field, change.new)
    hidden = "  (they differ in what is not shown)" if old == new else ""
    yield _line(change.field, f"{old} -> {new}{hidden}")


def _shown(field: str, value: object) -> str:
    if isinstance(value, bool):
        return _flag(value)
    return shown_url(str(value)) if field == "url" else quoted(str(value))


def _left_alone(plan: Plan) -> str:
    named = [f"{quoted(webhook.name)} ({visible(webhook.key)})" for webhook in plan.undeclared[:5]]
    number = len(plan.undeclared)
    verb = "is not declared and stays as it is" if number == 1 else "are not declared and stay as they are"
    return f"{counted(number, 'webhook')} {verb} (prune is off): {listed(named, most=5, total=number)}."


def _events(events: list[str]) -> str:
    return ", ".join(visible(event) for event in events) or "none"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _line(label: str, text: str) -> str:
    return f"      {label.ljust(_LABEL_WIDTH)}{text}"
