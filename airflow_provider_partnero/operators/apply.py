"""Brings the live webhooks in line with the declaration: plans, applies, reads back, waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroConflictError, PartneroError, PartneroNotFoundError
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.keys import create_under, declared_keys, exists, under_live_keys
from airflow_provider_partnero.operators.limits import (
    MOST_LOGGED,
    check_changes,
    check_creates,
    check_deletes,
    check_readable,
    lines_of,
    told,
)
from airflow_provider_partnero.operators.surroundings import ConnectedProgramme, TaskLog
from airflow_provider_partnero.webhooks.approvals import ApprovedPlan, DriftError, to_approve
from airflow_provider_partnero.webhooks.protection import Protection
from airflow_provider_partnero.webhooks.texts import visible, visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.webhooks.actions import Action
    from airflow_provider_partnero.webhooks.plans import Plan, Prune

_MOST_IN_XCOM = 100  # actions in XCom; the counts cover all
_PROGRESS_EVERY = 50  # writes
_ACTIVE_WITHIN = 600.0  # seconds
_READ_EVERY = 5.0  # seconds


def _forget(_left: dict[str, Any]) -> None:
    """Nobody asks what was done of a plan that failed half-way; the log says it."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One reconciliation of the webhooks of one connection.

    :param hook: the connection's webhooks.
    :param specs: the declared webhooks, each with a key.
    :param log: log of the task.
    :param prune: delete live webhooks that are not declared: all, or ``"owned"`` ones, which a reconcile created.
    :param max_deletes: refuse a plan that deletes more webhooks.
    :param max_changes: refuse a plan that deletes webhooks, or changes their URLs, more often; None: no limit.
    :param protection: which live webhooks to neither change nor delete.
    :param approved: the plan that may be applied; None: any.
    :param log_url: where the task's log is shown; None: nobody knows.
    :param adopt: take over webhooks that are recognised by their name only; False: refuse such a plan.
    :param clock: times the wait for webhooks to become active.
    :param live: the webhooks when the plan was made.
    :param answers: what Partnero answered to each create and update, by name.
    :param done: the writes that were carried out so far: ``{"kind", "name", "key"}`` each.
    """

    hook: ConnectedProgramme
    specs: tuple[WebhookSpec, ...]
    log: TaskLog
    prune: Prune = False
    max_deletes: int = 0
    max_changes: int | None = None
    protection: Protection = field(default_factory=Protection)
    approved: ApprovedPlan | None = None
    log_url: str | None = None
    adopt: bool = True
    clock: Clock = field(default_factory=Clock)
    live: list[Webhook] = field(default_factory=list, init=False)
    answers: dict[str, Webhook] = field(default_factory=dict, init=False)
    done: list[dict[str, Any]] = field(default_factory=list, init=False)

    def run(
        self,
        *,
        dry_run: bool = False,
        wait_until_active: bool = False,
        is_retry: bool = False,
        halted: Callable[[dict[str, Any]], None] = _forget,
    ) -> dict[str, Any]:
        """Plan; unless it is a dry run, apply the plan, read back, and wait.

        :param dry_run: write nothing.
        :param wait_until_active: wait up to 10 minutes until all webhooks that are declared active are active.
        :param is_retry: an earlier try may have done a part of the approved plan.
        :param halted: called if the plan fails half-way, with ``{"done", "not_done"}``.
        :returns: see ``PartneroReconcileWebhooksOperator``.
        :raises ValueError: the plan is refused, and nothing was written; or an approved one met a webhook that somebody
            changed meanwhile.
        :raises PartneroError: a write failed; or afterwards, a webhook is not as declared, or cannot be read.
        """
        plan = self.plan()
        self.log.info("%s", plan.render(max_actions=MOST_LOGGED))
        writes = self._writes(plan, is_retry=is_retry)
        self.check(plan)
        if dry_run:
            self.log.info("Fingerprint of this plan: %s", plan.fingerprint)
            return self._outcome(plan, dry_run=True)
        self._apply(writes, halted)
        if self.done:
            self._read_back()
        if wait_until_active:
            self._wait_until_active()
        check_readable(plan)
        return self._outcome(plan, dry_run=False)

    def plan(self) -> Plan:
        """What :meth:`run` would write now. Only for a plan that writes events, the programme is asked for."""
        from airflow_provider_partnero.webhooks.offers import made_for

        plan = self._plan()
        return made_for(plan, self.hook.find_program()) if plan.creates or plan.updates else plan

    def check(self, plan: Plan) -> None:
        """Refuse a plan that goes beyond the limits.

        :raises ValueError: it does; the message says which limit, and that nothing was written.
        """
        check_deletes(plan, self.max_deletes)
        check_changes(plan, self.max_changes)
        if not self.adopt:
            self._check_adoptions(plan)
        check_creates(plan)

    @property
    def _client(self) -> PartneroClient:
        """The client, for the writes. The hook would mask every webhook's secret: a minute for a thousand webhooks.

        What a write returns is only kept here.
        """
        return self.hook.get_conn()

    def _plan(self) -> Plan:
        from airflow_provider_partnero.webhooks.reconcile import plan

        self.live[:] = self.hook.iter_webhooks(consistent=True)
        specs = under_live_keys(self.hook.partnero_conn_id, self.specs, self.live)
        return plan(
            specs,
            self.live,
            prune=self.prune,
            is_owned=lambda webhook: webhook.key in declared_keys(self.hook.partnero_conn_id, webhook.name),
            protection=self.protection,
            seal=self._client.seal,
        )

    def _writes(self, plan: Plan, *, is_retry: bool) -> tuple[Action, ...]:
        if self.approved is None:
            return plan.writes
        return self.approved.writes(plan, self.live, may_be_begun=is_retry)

    def _check_adoptions(self, plan: Plan) -> None:
        by_name = [
            action
            for action in (*plan.updates, *plan.unchanged)
            if action.spec and action.key not in self._keys_for(action.spec)
        ]
        if by_name:
            names = ", ".join(
                f"{short_repr(action.name)} (key {visible_start(action.key or '', 60)})" for action in by_name[:10]
            )
            raise ValueError(
                f"{len(by_name)} declared webhooks exist with keys that are not declared; nothing was written. "
                f"Declare their keys, or take them over with adopt=True: {names}"
            )

    def _apply(self, writes: Sequence[Action], halted: Callable[[dict[str, Any]], None]) -> None:
        done = self.done
        try:
            for number, action in enumerate(writes, start=1):
                done.append(self._write_or_plan_again(action))
                if number % _PROGRESS_EVERY == 0:
                    self.log.info("%d of %d writes done", number, len(writes))
        except BaseException as error:  # Airflow's time-out and SIGTERM are not an Exception
            left = [_entry(action, action.key) for action in writes[len(done) :]]
            why = str(error) or type(error).__name__  # that of Ctrl-C has no words
            self.log.error("Stopped half-way (%s)\ndone:%s\nnot done:%s", why, lines_of(done), lines_of(left))
            halted({"done": done[:_MOST_IN_XCOM], "not_done": left[:_MOST_IN_XCOM]})
            raise
        self.log.info("Done: %s", lines_of(done) or "nothing to write")

    def _write_or_plan_again(self, action: Action) -> dict[str, Any]:
        try:
            return self._write(action)
        except (PartneroConflictError, PartneroNotFoundError) as error:
            if action.kind == "create" and isinstance(error, PartneroNotFoundError):
                raise  # the base URL is wrong
            # A plain PartneroError is not final, so the task is tried again, with a new plan.
            raise PartneroError(
                f"somebody changed {short_repr(action.name)} since the plan was made, so plan again: {error}"
            ) from error

    def _write(self, action: Action) -> dict[str, Any]:
        key = action.key
        if self.approved is not None and action.webhook is not None:
            self._check_untouched(action.webhook)
        if action.kind == "create" and action.spec:
            keys = self._keys_for(action.spec)
            # Where a key is taken, Partnero may change the webhook that has it; that was not approved.
            is_taken = self.approved is not None and exists(self._client, keys[0])
            made = create_under(self._client, action.spec, keys, listed=None if is_taken else self.live)
            key, self.answers[action.name] = made.key, made
        elif action.kind == "update" and key:
            changed = {change.field: change.new for change in action.changes}
            self.answers[action.name] = self._client.update_webhook(key, **changed)  # type: ignore[arg-type]
        elif action.kind == "delete" and key:
            self._delete(key)
        return _entry(action, key)

    def _check_untouched(self, planned: Webhook) -> None:
        """Whether the webhook still is as it was when the plan was made: what changes it was approved for that one."""
        try:
            live = self._client.get_webhook(planned.key)
        except PartneroNotFoundError:
            live = None
        if live is None or _content_of(live) != _content_of(planned):
            what = "deleted" if live is None else "changed"
            raise DriftError(
                f"somebody {what} {short_repr(planned.name)} (key {visible(planned.key)}) while the approved plan was "
                "applied, so the rest of it was not written. Plan again, and have that approved"
            )

    def _keys_for(self, spec: WebhookSpec) -> list[str]:
        """The keys that a create may use: the declared key only, or the derived keys if none is declared."""
        derived = declared_keys(self.hook.partnero_conn_id, spec.name)
        return derived if spec.key is None or spec.key in derived else [spec.key]

    def _delete(self, key: str) -> None:
        try:
            self._client.delete_webhook(key)
        except PartneroNotFoundError:
            self.log.info("Webhook %r is gone already", key)

    def _read_back(self) -> list[str]:
        """The names of the webhooks that are not active yet.

        :raises PartneroError: others are not as declared.
        """
        left = [action for action in self._plan().actions if action.kind != "unchanged"]
        wrong = [action for action in left if not action.is_pending]
        if rewritten := [text for action in wrong if (text := self._rewritten(action))]:
            raise ValueError(
                f"Partnero stores {len(rewritten)} webhooks otherwise than they were sent, so writing them again would "
                f"not help. Declare them as they came back: {'; '.join(rewritten[:10])}"
            )
        if wrong:
            raise PartneroError(
                f"after the writes, {len(wrong)} webhooks are not as declared: "
                + ", ".join(
                    f"{short_repr(action.name)} (to {action.kind}){told(action.changes)}" for action in wrong[:10]
                )
            )
        return [action.name for action in left]

    def _rewritten(self, action: Action) -> str | None:
        """How Partnero stores a webhook that was just written, if the answer and the list say the same."""
        answer = self.answers.get(action.name) if action.spec else None
        if answer is None or action.spec is None:
            return None
        changes = action.spec.differences(answer, just_made=False)
        came_back = next((webhook for webhook in self.live if webhook.key == answer.key), None)
        if not changes or came_back is None or action.spec.differences(came_back) != changes:
            return None
        return f"{short_repr(action.name)} (key {visible(answer.key)}){told(changes)}"

    def _outcome(self, plan: Plan, *, dry_run: bool) -> dict[str, Any]:
        outcome = {
            "plan": plan.to_dict(max_actions=_MOST_IN_XCOM),
            "fingerprint": plan.fingerprint,
            "done": self.done[:_MOST_IN_XCOM],
            "done_left_out": max(0, len(self.done) - _MOST_IN_XCOM),
            "dry_run": dry_run,
        }
        if not dry_run:
            return outcome
        return {**outcome, **to_approve(plan), "diff_markdown": plan.to_markdown(log_url=self.log_url)}

    def _wait_until_active(self) -> None:
        deadline = self.clock.now() + _ACTIVE_WITHIN
        while pending := self._read_back():
            if self.clock.now() > deadline:
                raise PartneroError(
                    f"not active after {_ACTIVE_WITHIN:g} s: {', '.join(map(short_repr, pending[:10]))}"
                )
            self.log.info("%d webhooks are not active yet", len(pending))
            self.clock.wait(_READ_EVERY, threading.Event())


def _content_of(webhook: Webhook) -> tuple[Any, ...]:
    return webhook.name, webhook.url, webhook.is_active, set(webhook.events)


def _entry(action: Action, key: str | None) -> dict[str, Any]:
    return {"kind": action.kind, "name": visible(action.name), "key": None if key is None else visible(key)}
