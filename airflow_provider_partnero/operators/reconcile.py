"""Webhooks as code: makes the live webhooks match the declaration in the DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import as_flag
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.declaration import declared_webhooks

if TYPE_CHECKING:
    from airflow.sdk import Context


class PartneroReconcileWebhooksOperator(PartneroOperator):
    """Make the programme's webhooks match the declaration: plan, log the plan as a diff, apply it, read back.

    Safe to repeat: a second run, or a run after a crash at any point, ends in the same state with no extra webhook. A
    run that finds everything as declared writes nothing. A webhook is recognised by its declared key; without one, by a
    key derived from connection and name, or by its name. Have only one run at a time (``max_active_runs=1`` on the
    DAG): Partnero has no lock, so two runs at once might both create the same webhook.

    Returns ``{"plan": {"summary", "counts": {"create", "update", "delete", "unchanged", "undeclared"}, "actions",
    "actions_left_out"}, "done": [{"kind", "name", "key"}], "done_left_out", "dry_run"}``. If a plan fails
    half-way, the log and the XCom ``half_applied`` say what was done and what was not. None of these ever holds a
    signing secret.

    A live webhook with a field that cannot be read, such as a null name, is neither changed nor deleted; plan and
    counts have it as ``unreadable``. All else is done. Then the task fails if a declared webhook was left alone.

    :param webhooks: a list of ``{"name", "url", "events"}``, optionally with ``is_active`` and ``key``; or the path of
        a ``.yaml``, ``.yml`` or ``.json`` file with such a list, beside the DAG or absolute. Templated.
    :param prune: delete live webhooks that are not declared. Templated.
    :param dry_run: log and return the plan, but write nothing. Templated.
    :param max_deletes: refuse a plan that deletes more webhooks, before anything is written; at least 0. Templated.
    :param adopt: take over webhooks that are recognised by their name only; False: refuse such a plan. Templated.
    :param wait_until_active: wait up to 10 minutes until all webhooks declared active are active. Templated.
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
    template_fields_renderers = {"webhooks": "yaml"}  # noqa: RUF012
    clock = Clock()  # a test sets its own

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

    def act(self, context: Context) -> dict[str, Any]:
        """Plan; unless it is a dry run, apply the plan, read back, and wait."""
        from airflow_provider_partnero.operators.apply import Reconciliation

        is_dry_run = as_flag(self.plan_only, argument="dry_run")
        is_waiting = as_flag(self.wait_until_active, argument="wait_until_active")
        reconciliation = Reconciliation(
            hook=self.hook,
            specs=declared_webhooks(self.webhooks, self, context),
            log=self.log,
            prune=as_flag(self.prune, argument="prune"),
            max_deletes=_as_count(self.max_deletes),
            adopt=as_flag(self.adopt, argument="adopt"),
            clock=self.clock,
        )
        return reconciliation.run(context, dry_run=is_dry_run, wait_until_active=is_waiting)


def _as_count(value: object) -> int:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"max_deletes={short_repr(value)}: must be a whole number, at least 0")
    return int(text)
