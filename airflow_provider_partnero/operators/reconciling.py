"""What operators share that make live webhooks what is declared: plan, apply, read back, wait."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.errors import (
    PartneroConflictError,
    PartneroError,
    PartneroNotFoundError,
)
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.creating import KEYS_TRIED, created
from airflow_provider_partnero.operators.declared import declared_key
from airflow_provider_partnero.webhooks.texts import visible

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.webhooks.reconcile import Action, Plan, WebhookSpec

_KEPT = 100  # actions in XCom; the counts are always whole
_LOGGED = 200  # actions of a plan in the log
_PROGRESS_EVERY = 50  # writes
_ACTIVE_WITHIN = 600.0  # seconds
_LOOK_EVERY = 5.0  # seconds


class ReconcilingOperator(PartneroOperator):
    """Reconciles; what is declared, and how careful to be, is the child's business."""

    def reconcile(
        self,
        specs: tuple[WebhookSpec, ...],
        context: Context,
        *,
        prune: bool = False,
        dry_run: bool = False,
        max_deletes: int = 0,
        adopt: bool = True,
        wait_until_active: bool = False,
    ) -> dict[str, Any]:
        """Plan, and unless it is a dry run: apply, read back, wait."""
        plan = self._planned(specs, prune=prune)
        self.log.info("%s", plan.render(max_actions=_LOGGED))
        _check_deletes(plan, max_deletes)
        if not adopt:
            self._check_adoptions(plan)
        if dry_run:
            return _outcome(plan, [], dry_run=True)
        done = self._applied(plan, context)
        if done:
            self._pending(specs, prune=prune)
        if wait_until_active:
            self._wait(specs, prune=prune)
        return _outcome(plan, done, dry_run=False)

    @property
    def _client(self) -> PartneroClient:
        """For the writes, without the hook: it masks the secret of each webhook, and a thousand of those cost a minute.

        Nothing here looks at what a write returns, except for its key.
        """
        return self.hook.get_conn()

    def _planned(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> Plan:
        from airflow_provider_partnero.webhooks.reconcile import plan

        return plan(specs, self.hook.iter_webhooks(consistent=True), prune=prune)

    def _check_adoptions(self, plan: Plan) -> None:
        by_name = [
            action
            for action in (*plan.updates, *plan.unchanged)
            if action.spec and action.key not in self._keys_for(action.spec)
        ]
        if by_name:
            names = ", ".join(f"{action.name!r} (key {visible(action.key or '')})" for action in by_name[:10])
            raise ValueError(
                f"{len(by_name)} declared webhooks exist under keys that are not declared; nothing was written. "
                f"Declare their keys, or take them over with adopt=True: {names}"
            )

    def _applied(self, plan: Plan, context: Context) -> list[dict[str, Any]]:
        writes = [action for action in plan.actions if action.kind != "unchanged"]
        done: list[dict[str, Any]] = []
        try:
            for number, action in enumerate(writes, start=1):
                done.append(self._written(action))
                if number % _PROGRESS_EVERY == 0:
                    self.log.info("%d of %d writes done", number, len(writes))
        except BaseException as error:  # Airflow's time-out and its SIGTERM are no Exception
            left = [_entry(action, action.key) for action in writes[len(done) :]]
            self.log.error("Stopped half-way (%s)\ndone:\n%s\nnot done:\n%s", error, _lines(done), _lines(left))
            context["ti"].xcom_push(key="half_applied", value={"done": done[:_KEPT], "not_done": left[:_KEPT]})
            raise
        self.log.info("Done: %s", _lines(done) or "nothing to write")
        return done

    def _written(self, action: Action) -> dict[str, Any]:
        try:
            return self._write(action)
        except (PartneroConflictError, PartneroNotFoundError) as error:
            # Not final: the next try plans anew.
            raise PartneroError(
                f"somebody changed {action.name!r} since the plan was made, so plan again: {error}"
            ) from error

    def _write(self, action: Action) -> dict[str, Any]:
        key = action.key
        if action.kind == "create" and action.spec:
            key = self._create(action.spec).key
        elif action.kind == "update" and key:
            changed = {change.field: change.new for change in action.changes}
            self._client.update_webhook(key, **changed)  # type: ignore[arg-type]
        elif action.kind == "delete" and key:
            self._delete(key)
        return _entry(action, key)

    def _create(self, spec: WebhookSpec) -> Webhook:
        wanted: dict[str, Any] = {
            "name": spec.name,
            "url": spec.url,
            "events": spec.events,
            "is_active": spec.is_active,
        }
        return created(self._client, wanted, self._keys_for(spec))

    def _keys_for(self, spec: WebhookSpec) -> list[str]:
        """The keys that a create may give it: the declared one, or those derived, which are ours to choose again."""
        derived = derived_keys(self.partnero_conn_id, spec.name)
        return derived if spec.key is None or spec.key == derived[0] else [spec.key]

    def _delete(self, key: str) -> None:
        try:
            self._client.delete_webhook(key)
        except PartneroNotFoundError:
            self.log.info("Webhook %r is gone already", key)

    def _pending(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> list[str]:
        """Read back: the names of those not active yet.

        :raises PartneroError: others are not as declared.
        """
        left = [action for action in self._planned(specs, prune=prune).actions if action.kind != "unchanged"]
        wrong = [action for action in left if not _is_pending(action)]
        if wrong:
            raise PartneroError(
                f"after the writes, {len(wrong)} webhooks are not as declared: "
                + ", ".join(f"{action.name!r} (to {action.kind})" for action in wrong[:10])
            )
        return [action.name for action in left]

    def _wait(self, specs: tuple[WebhookSpec, ...], *, prune: bool) -> None:
        deadline = time.monotonic() + _ACTIVE_WITHIN
        while pending := self._pending(specs, prune=prune):
            if time.monotonic() > deadline:
                raise PartneroError(f"after {_ACTIVE_WITHIN:g} s not active yet: {', '.join(map(repr, pending[:10]))}")
            self.log.info("%d webhooks are not active yet", len(pending))
            time.sleep(_LOOK_EVERY)


def derived_keys(partnero_conn_id: str, name: str) -> list[str]:
    """The keys that a webhook declared without one may have been created with."""
    return [declared_key(partnero_conn_id, name, generation) for generation in range(KEYS_TRIED)]


def _check_deletes(plan: Plan, max_deletes: int) -> None:
    if len(plan.deletes) > max_deletes:
        names = ", ".join(repr(action.name) for action in plan.deletes[:10])
        raise ValueError(
            f"the plan deletes {len(plan.deletes)} webhooks and max_deletes={max_deletes}: nothing was written; raise "
            f"max_deletes if that is meant. Among them: {names}"
        )


def _is_pending(action: Action) -> bool:
    """Switched on, as declared, but not active yet: Partnero may take its time."""
    return [(change.field, change.new) for change in action.changes] == [("is_active", True)]


def _entry(action: Action, key: str | None) -> dict[str, Any]:
    return {"kind": action.kind, "name": visible(action.name), "key": None if key is None else visible(key)}


def _lines(actions: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"  {action['kind']} {action['name']!r} (key {action['key']})" for action in actions[:_LOGGED]]
    if len(actions) > _LOGGED:
        lines.append(f"  ... and {len(actions) - _LOGGED} more")
    return "\n".join(["", *lines]) if lines else ""


def _outcome(plan: Plan, done: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
    return {
        "plan": plan.to_dict(max_actions=_KEPT),
        "done": done[:_KEPT],
        "done_left_out": max(0, len(done) - _KEPT),
        "dry_run": dry_run,
    }
