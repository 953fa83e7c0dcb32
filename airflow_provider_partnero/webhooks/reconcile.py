"""From declared and live webhooks to a plan. Pure; nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import Change, WebhookSpec, specs_from
from airflow_provider_partnero.webhooks.matching import Matching, PlanError, first_problems, keys_of, match
from airflow_provider_partnero.webhooks.plans import ORDER, Action, Kind, Plan
from airflow_provider_partnero.webhooks.spec_files import parse_specs
from airflow_provider_partnero.webhooks.texts import quoted

__all__ = ["Action", "Change", "Kind", "Plan", "PlanError", "WebhookSpec", "parse_specs", "plan", "specs_from"]


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
        changes = spec.differences(webhook)
        yield Action("update" if changes else "unchanged", spec, webhook, changes)
    if prune:
        for webhook in matching.undeclared:
            yield Action("delete", webhook=webhook)


def _place(action: Action) -> tuple[int, str, str]:
    return ORDER.index(action.kind), action.name, action.key or ""


def _check_keys(live: tuple[Webhook, ...]) -> None:
    twice = [key for key, number in Counter(webhook.key for webhook in live).items() if number > 1]
    if twice:
        problems = [f"the key {quoted(key)} is there twice among the live webhooks" for key in twice]
        raise PlanError(f"{'; '.join(first_problems(problems))}: read the list again")


def _check_unambiguous(matching: Matching) -> None:
    if not matching.ambiguous:
        return
    problems = [
        f"{len(namesakes):,} live webhooks have the name {quoted(spec.name)}, keys {keys_of(namesakes)}"
        for spec, namesakes in matching.ambiguous
    ]
    raise PlanError(
        f"{'; '.join(first_problems(problems))}: put the right one's key into the declaration, or delete the others"
    )
