"""Brings the live webhooks in line with the declaration: plans, applies, reads back, waits."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroConflictError, PartneroError, PartneroNotFoundError
from airflow_provider_partnero.api.quoting import short_repr, shortened
from airflow_provider_partnero.operators.keys import create_under, declared_keys, under_live_keys
from airflow_provider_partnero.webhooks.texts import visible

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import PartneroClient, Webhook
    from airflow_provider_partnero.api.specs import Change, WebhookSpec
    from airflow_provider_partnero.hooks.partnero import PartneroHook
    from airflow_provider_partnero.webhooks.plans import Action, Plan

_MOST_IN_XCOM = 100  # actions in XCom; the counts cover all
_MOST_LOGGED = 200  # actions of a plan in the log
_PROGRESS_EVERY = 50  # writes
_ACTIVE_WITHIN = 600.0  # seconds
_READ_EVERY = 5.0  # seconds


class TaskLog(Protocol):
    """The methods that we use of an operator's ``log``, whose class differs between Airflow versions."""

    def info(self, event: Any, *args: Any) -> Any: ...  # noqa: D102
    def error(self, event: Any, *args: Any) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One reconciliation of the webhooks of one connection.

    :param hook: hook of the connection.
    :param specs: the declared webhooks, each with a key.
    :param log: log of the task.
    :param prune: delete live webhooks that are not declared.
    :param max_deletes: refuse a plan that deletes more webhooks.
    :param adopt: take over webhooks that are recognised by their name only; False: refuse such a plan.
    :param clock: times the wait for webhooks to become active.
    :param live: the webhooks when the plan was made.
    :param answers: what Partnero answered to each create and update, by name.
    """

    hook: PartneroHook
    specs: tuple[WebhookSpec, ...]
    log: TaskLog
    prune: bool = False
    max_deletes: int = 0
    adopt: bool = True
    clock: Clock = field(default_factory=Clock)
    live: list[Webhook] = field(default_factory=list, init=False)
    answers: dict[str, Webhook] = field(default_factory=dict, init=False)

    def run(self, context: Context, *, dry_run: bool = False, wait_until_active: bool = False) -> dict[str, Any]:
        """Plan; unless it is a dry run, apply the plan, read back, and wait.

        :param context: the task's context. If the plan fails half-way, the XCom ``half_applied`` says what was done.
        :param dry_run: write nothing.
        :param wait_until_active: wait up to 10 minutes until all webhooks that are declared active are active.
        :returns: ``{"plan", "done", "done_left_out", "dry_run"}``, see ``PartneroReconcileWebhooksOperator``.
        :raises ValueError: the plan is refused; nothing was written.
        :raises PartneroError: a write failed; or afterwards, a webhook is not as declared, or cannot be read.
        """
        plan = self._warn(self._plan())
        self.log.info("%s", plan.render(max_actions=_MOST_LOGGED))
        _check_deletes(plan, self.max_deletes)
        if not self.adopt:
            self._check_adoptions(plan)
        _check_creates(plan)
        if dry_run:
            return _outcome(plan, [], dry_run=True)
        done = self._apply(plan, context)
        if done:
            self._read_back()
        if wait_until_active:
            self._wait_until_active()
        _check_readable(plan)
        return _outcome(plan, done, dry_run=False)

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
        return plan(specs, self.live, prune=self.prune)

    def _warn(self, plan: Plan) -> Plan:
        """The plan with its warnings. Only for one that writes events, the programme is asked for."""
        from airflow_provider_partnero.webhooks.offers import with_warnings

        return with_warnings(plan, self.hook.find_program()) if plan.creates or plan.updates else plan

    def _check_adoptions(self, plan: Plan) -> None:
        by_name = [
            action
            for action in (*plan.updates, *plan.unchanged)
            if action.spec and action.key not in self._keys_for(action.spec)
        ]
        if by_name:
            names = ", ".join(
                f"{short_repr(action.name)} (key {shortened(visible(action.key or ''), 60)})" for action in by_name[:10]
            )
            raise ValueError(
                f"{len(by_name)} declared webhooks exist with keys that are not declared; nothing was written. "
                f"Declare their keys, or take them over with adopt=True: {names}"
            )

    def _apply(self, plan: Plan, context: Context) -> list[dict[str, Any]]:
        writes = [action for action in plan.actions if action.kind != "unchanged"]
        done: list[dict[str, Any]] = []
        try:
            for number, action in enumerate(writes, start=1):
                done.append(self._write_or_plan_again(action))
                if number % _PROGRESS_EVERY == 0:
                    self.log.info("%d of %d writes done", number, len(writes))
        except BaseException as error:  # Airflow's time-out and SIGTERM are not an Exception
            left = [_entry(action, action.key) for action in writes[len(done) :]]
            self.log.error("Stopped half-way (%s)\ndone:\n%s\nnot done:\n%s", error, _lines(done), _lines(left))
            context["ti"].xcom_push(
                key="half_applied", value={"done": done[:_MOST_IN_XCOM], "not_done": left[:_MOST_IN_XCOM]}
            )
            raise
        self.log.info("Done: %s", _lines(done) or "nothing to write")
        return done

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
        if action.kind == "create" and action.spec:
            made = create_under(self._client, action.spec, self._keys_for(action.spec), listed=self.live)
            key = made.key
            self.answers[action.name] = made
        elif action.kind == "update" and key:
            changed = {change.field: change.new for change in action.changes}
            self.answers[action.name] = self._client.update_webhook(key, **changed)  # type: ignore[arg-type]
        elif action.kind == "delete" and key:
            self._delete(key)
        return _entry(action, key)

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
        wrong = [action for action in left if not _is_pending(action)]
        if rewritten := [text for action in wrong if (text := self._rewritten(action))]:
            raise ValueError(
                f"Partnero stores {len(rewritten)} webhooks otherwise than they were sent, so writing them again would "
                f"not help. Declare them as they came back: {'; '.join(rewritten[:10])}"
            )
        if wrong:
            raise PartneroError(
                f"after the writes, {len(wrong)} webhooks are not as declared: "
                + ", ".join(
                    f"{short_repr(action.name)} (to {action.kind}){_told(action.changes)}" for action in wrong[:10]
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
        return f"{short_repr(action.name)} (key {visible(answer.key)}){_told(changes)}"

    def _wait_until_active(self) -> None:
        deadline = self.clock.now() + _ACTIVE_WITHIN
        while pending := self._read_back():
            if self.clock.now() > deadline:
                raise PartneroError(
                    f"not active after {_ACTIVE_WITHIN:g} s: {', '.join(map(short_repr, pending[:10]))}"
                )
            self.log.info("%d webhooks are not active yet", len(pending))
            self.clock.wait(_READ_EVERY, threading.Event())


def _check_deletes(plan: Plan, max_deletes: int) -> None:
    if len(plan.deletes) > max_deletes:
        names = ", ".join(repr(action.name) for action in plan.deletes[:10])
        raise ValueError(
            f"the plan deletes {len(plan.deletes)} webhooks and max_deletes={max_deletes}: nothing was written; raise "
            f"max_deletes if you want that. Among them: {names}"
        )


def _check_readable(plan: Plan) -> None:
    """All else is done by now: what cannot be read was left alone, and nobody knows whether it is as declared."""
    declared = [left for left in plan.unreadable if left.spec]
    if declared:
        named = (f"{left.name!r} ({', '.join((left.label, *left.webhook.oddities))})" for left in declared[:10])
        raise PartneroError(
            f"{len(declared)} declared webhooks cannot be read and were left alone; all else is done. Save them again "
            f"at Partnero, or delete them there: {', '.join(named)}"
        )


def _check_creates(plan: Plan) -> None:
    """Refuse to create again what Partnero ignored the key of, and stores in its own way."""
    from airflow_provider_partnero.api.urls import loose_url

    strangers: defaultdict[str, list[Webhook]] = defaultdict(list)
    for webhook in (*plan.undeclared, *(action.webhook for action in plan.deletes if action.webhook)):
        strangers[loose_url(webhook.url)].append(webhook)
    found = [
        f"{short_repr(spec.name)} (key {visible(webhook.key)}){_told(spec.differences(webhook))}"
        for spec in (action.spec for action in plan.creates if action.spec)
        for webhook in strangers[loose_url(spec.url)]
        if spec.is_met_by(webhook, just_made=True)
    ]
    if found:
        raise ValueError(
            f"{len(found)} declared webhooks seem to be there, stored otherwise than they are declared; nothing was "
            f"written. Declare them as they are stored, or declare their keys: {'; '.join(found[:10])}"
        )


def _told(changes: Iterable[Change]) -> str:
    from airflow_provider_partnero.webhooks.plans import sent_and_came_back

    return "".join(f", {sent_and_came_back(change)}" for change in changes)


def _is_pending(action: Action) -> bool:
    """Whether the webhook only waits to become active: Partnero may take a while to activate it."""
    return [(change.field, change.new) for change in action.changes] == [("is_active", True)]


def _entry(action: Action, key: str | None) -> dict[str, Any]:
    return {"kind": action.kind, "name": visible(action.name), "key": None if key is None else visible(key)}


def _lines(actions: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"  {action['kind']} {action['name']!r} (key {action['key']})" for action in actions[:_MOST_LOGGED]]
    if len(actions) > _MOST_LOGGED:
        lines.append(f"  ... and {len(actions) - _MOST_LOGGED} more")
    return "\n".join(["", *lines]) if lines else ""


def _outcome(plan: Plan, done: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Any]:
    return {
        "plan": plan.to_dict(max_actions=_MOST_IN_XCOM),
        "done": done[:_MOST_IN_XCOM],
        "done_left_out": max(0, len(done) - _MOST_IN_XCOM),
        "dry_run": dry_run,
    }
