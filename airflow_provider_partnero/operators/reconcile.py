"""Webhooks as code: make the live webhooks what the DAG declares."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError, PartneroValidationError
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.declared import (
    DECLARATION_SUFFIXES,
    declared_key,
    declared_webhooks,
    with_absolute_paths,
)
from airflow_provider_partnero.operators.rendered import as_flag

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import DAG, Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.webhooks.reconcile import Action, Plan, WebhookSpec

_KEPT = 100  # actions in XCom; the counts are always whole
_LOGGED = 200  # actions of a plan in the log
_PROGRESS_EVERY = 50  # writes
_KEYS_TRIED = 3  # for one create, when Partnero refuses a key although no webhook has it
_ACTIVE_WITHIN = 600.0  # seconds
_LOOK_EVERY = 5.0  # seconds


class PartneroReconcileWebhooksOperator(PartneroOperator):
    """Make the programme's webhooks what is declared: plan, log the plan as a diff, apply it, read back.

    Safe to repeat: running it twice, or again after a crash at any point, ends in the same state with no extra webhook,
    and a run that finds everything as declared writes nothing. A webhook is recognised by its declared key; without
    one, by a key derived from connection and name, else by its name.

    Returns ``{"plan": {"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions",
    "actions_left_out"}, "done": [{"kind", "name", "key"}], "done_left_out", "dry_run"}``. A plan that fails half-way
    logs what was done and what was not, and leaves the same in XCom under ``half_applied``. Never a signing secret.

    :param webhooks: a list of ``{"name", "url", "events"}`` with, perhaps, ``is_active`` and ``key``; or the path of a
        ``.yaml``, ``.yml`` or ``.json`` file that holds one, beside the DAG or absolute. Templated.
    :param prune: delete live webhooks that are not declared. Templated.
    :param dry_run: log and return the plan, write nothing. Templated.
    :param max_deletes: refuse, before anything is written, a plan that deletes more than this many webhooks. Templated.
    :param adopt: take over webhooks that are recognised by their name alone; False: refuse the plan instead. Templated.
    :param wait_until_active: wait, up to 10 minutes, until all that are declared active are. Templated.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = (
        "webhooks",
        "prune",
        "plan_only",
        "max_deletes",
        "adopt",
        "wait_until_active",
        "partnero_conn_id",
    )
    template_ext: Sequence[str] = DECLARATION_SUFFIXES
    template_fields_renderers = {"webhooks": "yaml"}  # noqa: RUF012

    def __init__(
        self,
        *,
        webhooks: Sequence[Mapping[str, Any]] | str,
        prune: bool | str = False,
        dry_run: bool | str = False,
        max_deletes: int | str = 5,
        adopt: bool | str = True,
        wait_until_active: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.webhooks = webhooks
        self.prune = prune
        self.plan_only = dry_run  # BaseOperator has a method named dry_run
        self.max_deletes = max_deletes
        self.adopt = adopt
        self.wait_until_active = wait_until_active
        if not isinstance(webhooks, str):
            # Airflow takes every nested text that ends so for a file, and a webhook's URL may well end in .json.
            self.template_ext = ()

    def get_template_env(self, dag: DAG | None = None) -> jinja2.Environment:
        """Airflow's environment, which finds absolute paths as well."""
        return with_absolute_paths(super().get_template_env(dag))

    def act(self, context: Context) -> dict[str, Any]:
        """Plan, and unless it is a dry run: apply, read back, wait."""
        prune = as_flag(self.prune, argument="prune")
        specs = declared_webhooks(self.webhooks, self, context)
        plan = self._planned(specs, prune=prune)
        self.log.info("%s", plan.render(max_actions=_LOGGED))
        if as_flag(self.plan_only, argument="dry_run"):
            return _outcome(plan, [], dry_run=True)
        done = self._applied(plan, context)
        if done:
            self._check(specs, prune=prune)
        if as_flag(self.wait_until_active, argument="wait_until_active"):
            self._wait(specs, prune=prune)
        return _outcome(plan, done, dry_run=False)

    def _planned(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> Plan:
        from airflow_provider_partnero.webhooks.reconcile import plan

        made = plan(specs, self.hook.iter_webhooks(consistent=True), prune=prune)
        most = int(self.max_deletes)
        if len(made.deletes) > most:
            names = ", ".join(repr(action.name) for action in made.deletes[:10])
            raise ValueError(
                f"the plan deletes {len(made.deletes)} webhooks and max_deletes={most}: nothing was written; raise "
                f"max_deletes if that is meant. Among them: {names}"
            )
        by_name = [action for action in (*made.updates, *made.unchanged) if _is_by_name(action)]
        if by_name and not as_flag(self.adopt, argument="adopt"):
            names = ", ".join(f"{action.name!r} (key {action.key})" for action in by_name[:10])
            raise ValueError(
                f"{len(by_name)} declared webhooks exist under keys that are not declared; nothing was written. "
                f"Declare their keys, or take them over with adopt=True: {names}"
            )
        return made

    def _applied(self, plan: Plan, context: Context) -> list[dict[str, Any]]:
        writes = [action for action in plan.actions if action.kind != "unchanged"]
        done: list[dict[str, Any]] = []
        try:
            for number, action in enumerate(writes, start=1):
                done.append(self._write(action))
                if number % _PROGRESS_EVERY == 0:
                    self.log.info("%d of %d writes done", number, len(writes))
        except Exception as error:
            left = [{"kind": action.kind, "name": action.name, "key": action.key} for action in writes[len(done) :]]
            self.log.error("Stopped half-way (%s)\ndone:\n%s\nnot done:\n%s", error, _lines(done), _lines(left))
            context["ti"].xcom_push(key="half_applied", value={"done": done[:_KEPT], "not_done": left[:_KEPT]})
            raise
        self.log.info("Done: %s", _lines(done) or "nothing to write")
        return done

    def _write(self, action: Action) -> dict[str, Any]:
        key = action.key
        if action.kind == "create" and action.spec:
            key = self._create(action.spec).key
        elif action.kind == "update" and key:
            changed = {change.field: change.new for change in action.changes}
            self.hook.update_webhook(key, **changed)  # type: ignore[arg-type]
        elif action.kind == "delete" and key:
            self._delete(key)
        return {"kind": action.kind, "name": action.name, "key": key}

    def _create(self, spec: WebhookSpec) -> Webhook:
        wanted: dict[str, Any] = {
            "name": spec.name,
            "url": spec.url,
            "events": spec.events,
            "is_active": spec.is_active,
        }
        keys = [spec.key]
        if spec.key == declared_key(self.partnero_conn_id, spec.name):
            # Partnero may keep a key taken after its webhook was deleted; a derived one is ours to choose again.
            keys += [declared_key(self.partnero_conn_id, spec.name, n) for n in range(1, _KEYS_TRIED)]
        for key in keys[:-1]:
            try:
                return self.hook.create_webhook(**wanted, key=key)
            except PartneroValidationError as error:
                if "key" not in error.errors:
                    raise
        return self.hook.create_webhook(**wanted, key=keys[-1])

    def _delete(self, key: str) -> None:
        try:
            self.hook.delete_webhook(key)
        except PartneroNotFoundError:
            self.log.info("Webhook %r is gone already", key)

    def _check(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> None:
        left = [action for action in self._planned(specs, prune=prune).actions if _is_wrong(action)]
        if left:
            raise PartneroError(
                f"after the writes, {len(left)} webhooks are not as declared: "
                + ", ".join(f"{action.name!r} (to {action.kind})" for action in left[:10])
            )

    def _wait(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> None:
        deadline = time.monotonic() + _ACTIVE_WITHIN
        while pending := [action.name for action in self._planned(specs, prune=prune).updates if _is_pending(action)]:
            if time.monotonic() > deadline:
                raise PartneroError(f"after {_ACTIVE_WITHIN:g} s not active yet: {', '.join(map(repr, pending[:10]))}")
            self.log.info("%d webhooks are not active yet", len(pending))
            time.sleep(_LOOK_EVERY)


def _is_by_name(action: Action) -> bool:
    return bool(action.spec and action.webhook and action.spec.key != action.webhook.key)


def _is_pending(action: Action) -> bool:
    """Switched on, as declared, but not active yet: Partnero may take its time."""
    return [(change.field, change.new) for change in action.changes] == [("is_active", True)]


def _is_wrong(action: Action) -> bool:
    return action.kind != "unchanged" and not _is_pending(action)


def _lines(actions: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"  {action['kind']} {action['name']!r} (key {action['key']})" for action in actions[:_LOGGED]]
    return "\n".join(["", *lines]) if lines else ""


def _outcome(plan: Plan, done: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
    return {
        "plan": plan.to_dict(max_actions=_KEPT),
        "done": done[:_KEPT],
        "done_left_out": max(0, len(done) - _KEPT),
        "dry_run": dry_run,
    }
