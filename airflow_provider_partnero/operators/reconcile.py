"""Webhooks as code: makes the live webhooks match the declaration in the DAG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import OptionalArgument, as_flag, as_texts, check_early
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.declaration import declared_webhooks
from airflow_provider_partnero.operators.links import PartneroPlanLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.webhooks.approvals import ApprovedPlan
    from airflow_provider_partnero.webhooks.plans import Prune

_ANY_PLAN: Any = object()  # None may be what another task returned: nothing was approved


class PartneroReconcileWebhooksOperator(PartneroOperator):
    """Make the programme's webhooks match the declaration: plan, log the plan as a diff, apply it, read back.

    Safe to repeat: a second run, or a run after a crash at any point, ends in the same state with no extra webhook. A
    run that finds everything as declared writes nothing. A webhook is recognised by its declared key; without one, by a
    key derived from connection and name, or by its name. Have only one run at a time (``max_active_runs=1`` on the
    DAG): Partnero has no lock, so two runs at once might both create the same webhook.

    A plan that was approved is given as ``plan``, and nothing else is written: if what would be written has changed
    meanwhile, the task fails at once and shows both plans. A retry of a task that failed half-way does the rest.

    Returns ``{"plan": {"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions",
    "actions_left_out"}, "fingerprint", "done": [{"kind", "name", "key"}], "done_left_out", "dry_run"}``. A dry run adds
    ``"diff_markdown"``, which shows the plan to whoever approves it; ``"steps"``, digests of all writes in one text (or
    empty); and ``"program"``, whose ``public_id`` may be empty. If a plan fails half-way, the log and the XCom
    ``half_applied`` say what was done and what was not. None of these ever holds a signing secret.

    A live webhook with a field that cannot be read, such as a null name, is neither changed nor deleted; plan and
    counts have it as ``unreadable``. All else is done. Then the task fails if a declared webhook was left alone.

    :param webhooks: a list of ``{"name", "url", "events"}``, optionally with ``is_active`` and ``key``; or the path of
        a ``.yaml``, ``.yml`` or ``.json`` file with such a list, beside the DAG or absolute. Templated.
    :param prune: delete live webhooks that are not declared: ``"owned"`` ones, which this operator created with this
        connection, or all (True). Templated.
    :param keep: webhooks that are neither changed nor deleted: patterns such as ``zapier*`` or ``*.example.com`` over
        name, key and host. Templated: a list, or a text such as ``zapier*,n8n*``.
    :param keep_receiver: keep the webhook of this connection's receiver, too: its URL ends in
        ``/partnero/webhooks/<connection id>``. Templated.
    :param plan: apply only this plan: what a task with ``dry_run=True`` returned; or its ``fingerprint``, with which a
        plan that failed half-way cannot be taken up. Left out, any plan is applied; None is refused. Templated.
    :param dry_run: log and return the plan, but write nothing. Templated.
    :param max_deletes: refuse a plan that deletes more webhooks, before anything is written; at least 0. Templated.
    :param max_changes: refuse a plan that deletes more webhooks, or changes the URLs of more, taken together; at least
        0; None: any number. Templated.
    :param adopt: take over webhooks that are recognised by their name only; False: refuse such a plan. Templated.
    :param wait_until_active: wait up to 10 minutes until all webhooks declared active are active. Templated.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = (
        "webhooks",
        "prune",
        "keep",
        "keep_receiver",
        "plan",
        "plan_only",
        "max_deletes",
        "max_changes",
        "adopt",
        "wait_until_active",
        "partnero_conn_id",
    )
    template_fields_renderers = {"webhooks": "yaml"}  # noqa: RUF012
    operator_extra_links = (PartneroPlanLink(),)
    clock = Clock()  # a test sets its own

    def __init__(
        self,
        *,
        webhooks: Sequence[Mapping[str, Any]] | str,
        prune: bool | str = False,
        keep: Iterable[str] | str = (),
        keep_receiver: bool | str = True,
        plan: Mapping[str, Any] | str = _ANY_PLAN,
        dry_run: bool | str = False,
        max_deletes: int | str = 5,
        max_changes: int | str | None = None,
        adopt: bool | str = True,
        wait_until_active: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.webhooks = webhooks
        self.prune = prune
        check_early(keep, _as_patterns, argument="keep")
        self.keep = keep
        self.keep_receiver = keep_receiver
        self.plan = None if plan is _ANY_PLAN else plan
        self._approved = OptionalArgument.of("plan", plan, _as_approved, left_out=_ANY_PLAN)
        self.plan_only = dry_run  # BaseOperator has a method named dry_run
        self.max_deletes = max_deletes
        self.max_changes = max_changes
        self._most_changes = OptionalArgument.of("max_changes", max_changes, _as_count)
        self.adopt = adopt
        self.wait_until_active = wait_until_active
        self.has_plan = False  # in XCom, of this try

    def act(self, context: Context) -> dict[str, Any]:
        """Plan; unless it is a dry run, apply the plan, read back, and wait."""
        from airflow_provider_partnero.operators.apply import Reconciliation
        from airflow_provider_partnero.webhooks.protection import Protection

        is_dry_run = as_flag(self.plan_only, argument="dry_run")
        is_waiting = as_flag(self.wait_until_active, argument="wait_until_active")
        is_receiver_kept = as_flag(self.keep_receiver, argument="keep_receiver")
        ti = context["ti"]
        reconciliation = Reconciliation(
            hook=self.hook,
            approved=self._approved.value(self.plan),
            prune=_as_prune(self.prune),
            protection=Protection(
                keep=_as_patterns(self.keep, argument="keep"),
                receiver=self.partnero_conn_id if is_receiver_kept else None,
            ),
            max_deletes=_as_count(self.max_deletes, argument="max_deletes"),
            max_changes=self._most_changes.value(self.max_changes),
            adopt=as_flag(self.adopt, argument="adopt"),
            specs=declared_webhooks(self.webhooks, self, context),
            log=self.log,
            log_url=getattr(ti, "log_url", None),
            clock=self.clock,
        )
        outcome = reconciliation.run(
            dry_run=is_dry_run,
            wait_until_active=is_waiting,
            is_retry=ti.try_number > 1,
            halted=half_applied(context),
        )
        self.has_plan = True
        return outcome


def half_applied(context: Context) -> Callable[[dict[str, Any]], None]:
    """What pushes the XCom that says how far a plan got."""
    return lambda left: context["ti"].xcom_push(key="half_applied", value=left)


def _as_prune(value: object) -> Prune:
    if isinstance(value, str) and value.strip().lower() == "owned":
        return "owned"
    try:
        return as_flag(value, argument="prune")
    except ValueError:
        raise ValueError(f"prune={short_repr(value)}: must be True, False or 'owned'") from None


def _as_patterns(value: Iterable[str] | str, *, argument: str) -> tuple[str, ...]:
    patterns = as_texts(value, argument=argument)
    for pattern in patterns:
        if not isinstance(pattern, str) or pattern.strip() in {"", "None"}:
            raise ValueError(f"{argument}={short_repr(value)}: each entry must be a pattern such as 'zapier*'")
    return patterns


def _as_approved(value: object, *, argument: str) -> ApprovedPlan:
    from airflow_provider_partnero.webhooks.approvals import ApprovedPlan

    return ApprovedPlan.of(value, argument=argument)


def _as_count(value: object, *, argument: str) -> int:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{argument}={short_repr(value)}: must be a whole number, at least 0")
    return int(text)
