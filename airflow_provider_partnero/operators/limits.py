"""Plans that are refused before anything is written, and what is said at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.texts import visible

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.api.specs import Change
    from airflow_provider_partnero.webhooks.actions import Action
    from airflow_provider_partnero.webhooks.plans import Plan

MOST_LOGGED = 200  # actions of a plan in the log


def check_deletes(plan: Plan, max_deletes: int) -> None:
    """Refuse a plan that deletes more webhooks than is allowed."""
    if len(plan.deletes) > max_deletes:
        raise ValueError(
            f"the plan deletes {len(plan.deletes)} webhooks and max_deletes={max_deletes}: nothing was written; raise "
            f"max_deletes if you want that. Among them: {_names(plan.deletes)}"
        )


def check_changes(plan: Plan, max_changes: int | None) -> None:
    """Refuse a plan that deletes webhooks, or changes their URLs, more often than is allowed."""
    changes = [*plan.deletes, *(action for action in plan.updates if action.moves)]
    if max_changes is not None and len(changes) > max_changes:
        raise ValueError(
            f"the plan deletes {len(plan.deletes)} webhooks and changes the URL of {len(changes) - len(plan.deletes)}, "
            f"and max_changes={max_changes}: nothing was written; raise max_changes if you want that. Among them: "
            f"{_names(changes)}"
        )


def check_readable(plan: Plan) -> None:
    """All else is done by now: what cannot be read was left alone, and nobody knows whether it is as declared."""
    declared = [left for left in plan.unreadable if left.spec]
    if declared:
        named = (f"{left.name!r} ({', '.join((left.label, *left.webhook.oddities))})" for left in declared[:10])
        raise PartneroError(
            f"{len(declared)} declared webhooks cannot be read and were left alone; all else is done. Save them again "
            f"at Partnero, or delete them there: {', '.join(named)}"
        )


def check_creates(plan: Plan) -> None:
    """Refuse to create again what Partnero ignored the key of, and stores in its own way."""
    from airflow_provider_partnero.api.urls import loose_url

    strangers: defaultdict[str, list[Webhook]] = defaultdict(list)
    for webhook in (*plan.undeclared, *(action.webhook for action in plan.deletes if action.webhook)):
        strangers[loose_url(webhook.url)].append(webhook)
    found = [
        f"{short_repr(spec.name)} (key {visible(webhook.key)}){told(spec.differences(webhook))}"
        for spec in (action.spec for action in plan.creates if action.spec)
        for webhook in strangers[loose_url(spec.url)]
        if spec.is_met_by(webhook, just_made=True)
    ]
    if found:
        raise ValueError(
            f"{len(found)} declared webhooks seem to be there, stored otherwise than they are declared; nothing was "
            f"written. Declare them as they are stored, or declare their keys: {'; '.join(found[:10])}"
        )


def told(changes: Iterable[Change]) -> str:
    """What Partnero made of some fields, to follow a webhook's name."""
    from airflow_provider_partnero.webhooks.plan_lines import sent_and_came_back

    return "".join(f", {sent_and_came_back(change)}" for change in changes)


def _names(actions: Sequence[Action]) -> str:
    return ", ".join(repr(action.name) for action in actions[:10])


def lines_of(actions: Sequence[Mapping[str, Any]]) -> str:
    """Actions for the log, a line each, each ``{"kind", "name", "key"}``."""
    lines = [f"  {action['kind']} {action['name']!r} (key {action['key']})" for action in actions[:MOST_LOGGED]]
    if len(actions) > MOST_LOGGED:
        lines.append(f"  ... and {len(actions) - MOST_LOGGED} more")
    return "\n".join(["", *lines]) if lines else ""
