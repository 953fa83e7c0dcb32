"""Makes a plan from declared and live webhooks. Pure: nothing is changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import Change, WebhookSpec, specs_from
from airflow_provider_partnero.api.urls import loose_url
from airflow_provider_partnero.webhooks.actions import ORDER, Action, Kept, Kind, Unreadable
from airflow_provider_partnero.webhooks.destinations import shown_url
from airflow_provider_partnero.webhooks.fingerprints import Seal, sealed_by_nobody
from airflow_provider_partnero.webhooks.matching import Matching, PlanError, first_problems, keys_of, match
from airflow_provider_partnero.webhooks.misspellings import check_events
from airflow_provider_partnero.webhooks.placeholders import has_placeholder
from airflow_provider_partnero.webhooks.plans import Plan, Prune
from airflow_provider_partnero.webhooks.protection import Protection
from airflow_provider_partnero.webhooks.spec_files import parse_specs
from airflow_provider_partnero.webhooks.texts import quoted

__all__ = ["Action", "Change", "Kind", "Plan", "PlanError", "WebhookSpec", "parse_specs", "plan", "specs_from"]


def _owns_nothing(_webhook: Webhook) -> bool:
    return False


def plan(
    specs: Iterable[WebhookSpec],
    webhooks: Iterable[Webhook],
    *,
    prune: Prune = False,
    is_owned: Callable[[Webhook], bool] = _owns_nothing,
    protection: Protection = Protection(),  # noqa: B008 - it is frozen
    seal: Seal = sealed_by_nobody,
) -> Plan:
    """Plan the writes that make the live webhooks match the specifications. Linear in both.

    A specification is matched by its key, else by its name. The name counts, too, if no live webhook has its key:
    Partnero may ignore the key of a create, and without the name a second run would create the webhook again.

    What cannot be read is left alone, and nothing else: a declared webhook with an unreadable field; one that may be a
    declared webhook, because it has its URL and an unreadable name, so that no second one is created; and with
    ``prune``, an undeclared one with an unreadable field, as it may be one to keep. Only an unreadable signing secret
    does not matter.

    :param specs: the webhooks that must exist.
    :param webhooks: all live webhooks.
    :param prune: which live webhooks to delete that are not declared: True: all; ``"owned"``: those that ``is_owned``
        says; False: none.
    :param is_owned: whether an earlier reconcile of the same connection created a live webhook.
    :param protection: which live webhooks to neither change nor delete.
    :param seal: stands in for a URL with secrets in the plan's fingerprint.
    :raises PlanError: a specification matches several live webhooks by its name; two live webhooks have the same key;
        two specifications have the same name or key; an event is misspelt; a URL leaves a part to a live webhook that
        has another one. The message says which, and what to do.
    """
    specs, live = tuple(specs), tuple(webhooks)
    _check_keys(live)
    check_events(specs, live)
    matching = match(specs, live)
    _check_unambiguous(matching)
    _check_filled(matching)
    pruned = [one for one in matching.undeclared if prune is True or (prune == "owned" and is_owned(one))]
    steps = tuple(_protected(step, protection) for step in _steps(matching, pruned))
    left = set(matching.undeclared) - set(pruned)
    deletes = any(isinstance(step, Action) and step.kind == "delete" for step in steps)
    return Plan(
        actions=tuple(sorted((step for step in steps if isinstance(step, Action)), key=_action_order)),
        undeclared=tuple(sorted(left, key=lambda webhook: (webhook.name, webhook.key))),
        unreadable=tuple(step for step in steps if isinstance(step, Unreadable)),
        warnings=tuple(_idle_keeps(protection, live)) if deletes else (),
        kept=tuple(sorted((step for step in steps if isinstance(step, Kept)), key=_kept_order)),
        prune=prune,
        seal=seal,
    )


def _steps(matching: Matching, pruned: Iterable[Webhook]) -> Iterator[Action | Unreadable]:
    nameless = {loose_url(webhook.url): webhook for webhook in matching.undeclared if _may_have_any_name(webhook)}
    suspects = set()
    for spec in matching.missing:
        suspect = nameless.get(loose_url(spec.url))
        suspects.add(suspect)
        yield Unreadable(suspect, spec) if suspect else Action("create", spec)
    for spec, webhook in matching.pairs:
        yield Unreadable(webhook, spec) if _is_unreadable(webhook) else _comparison(spec, webhook)
    for webhook in pruned:
        if not _is_unreadable(webhook):
            yield Action("delete", webhook=webhook)
        elif webhook not in suspects:
            yield Unreadable(webhook)


def _protected(step: Action | Unreadable, protection: Protection) -> Action | Unreadable | Kept:
    if not (isinstance(step, Action) and step.webhook and step.kind in {"update", "delete"}):
        return step
    reason = protection.reason(step.webhook)
    return Kept(step.webhook, step.kind, reason, step.spec) if reason else step


def _idle_keeps(protection: Protection, live: Iterable[Webhook]) -> Iterator[str]:
    """Said only where webhooks are deleted: a pattern may be there for those to come."""
    for pattern in protection.idle(live):
        yield f"keep={quoted(pattern)} matches no webhook, so it keeps none from being deleted."


def _comparison(spec: WebhookSpec, webhook: Webhook) -> Action:
    changes = spec.differences(webhook)
    return Action("update" if changes else "unchanged", spec, webhook, changes)


def _is_unreadable(webhook: Webhook) -> bool:
    return not webhook.unreadable <= {"signature"}


def _may_have_any_name(webhook: Webhook) -> bool:
    return "name" in webhook.unreadable and "url" not in webhook.unreadable


def _action_order(action: Action) -> tuple[int, str, str]:
    return ORDER.index(action.kind), action.name, action.key or ""


def _kept_order(kept: Kept) -> tuple[str, str]:
    return kept.name, kept.webhook.key


def _check_keys(live: tuple[Webhook, ...]) -> None:
    keys = Counter(webhook.key for webhook in live if webhook.key)
    repeated_keys = [key for key, number in keys.items() if number > 1]
    if repeated_keys:
        problems = [f"the key {quoted(key)} appears twice among the live webhooks" for key in repeated_keys]
        raise PlanError(f"{'; '.join(first_problems(problems))}: read the list again")


def _check_filled(matching: Matching) -> None:
    """Refuse to write a URL of which a part is not known."""
    problems = [
        f"the URL of {quoted(spec.name)}, {quoted(shown_url(spec.url), 110)}, leaves a part to the live webhook, and "
        + (_elsewhere(spec.url, webhook.url) if webhook else "there is none")
        for spec, webhook in (*matching.pairs, *((spec, None) for spec in matching.missing))
        if has_placeholder(spec) and not (webhook and (spec.url == webhook.url or "url" in webhook.unreadable))
    ]
    if problems:
        raise PlanError(f"{'; '.join(first_problems(problems))}: declare the whole URL, or correct it at Partnero")


def _elsewhere(declared: str, live: str) -> str:
    hidden = " (they differ in a part that is not shown)" if shown_url(declared) == shown_url(live) else ""
    return f"that delivers to {quoted(shown_url(live), 110)} now{hidden}"


def _check_unambiguous(matching: Matching) -> None:
    if not matching.ambiguous:
        return
    problems = [
        f"{len(namesakes):,} live webhooks have the name {quoted(spec.name)}, keys {keys_of(namesakes)}"
        for spec, namesakes in matching.ambiguous
    ]
    raise PlanError(f"{'; '.join(first_problems(problems))}: declare the key of the right one, or delete the others")
