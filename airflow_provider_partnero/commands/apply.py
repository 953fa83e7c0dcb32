"""``apply``: writes what a saved plan says, or what a declaration file asks for."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.connection import connected
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.files import parse_declaration, read_text
from airflow_provider_partnero.commands.plan_arguments import PlanArguments, given
from airflow_provider_partnero.commands.saved_plan import SavedPlan
from airflow_provider_partnero.commands.writing import is_wanted, telling_when_stopped
from airflow_provider_partnero.operators.limits import check_readable
from airflow_provider_partnero.webhooks.approvals import ApprovedPlan
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.commands.terminal import Terminal
    from airflow_provider_partnero.operators.apply import Reconciliation
    from airflow_provider_partnero.webhooks.plans import Plan

_UNASKED = "Give --yes, or save the plan with plan --out, and apply that"
_VERBS = {"create": "created", "update": "updated", "delete": "deleted"}


def run(options: Namespace, terminal: Terminal) -> int:
    """Apply the plan, or plan and ask first."""
    text = read_text(options.file)
    plan = SavedPlan.parse(text, options.file)
    if plan is None:
        return _apply_declaration(parse_declaration(text, options.file, options.conn_id), options, terminal)
    return _apply_saved(plan, options, terminal)


def _apply_saved(plan: SavedPlan, options: Namespace, terminal: Terminal) -> int:
    if names := given(options):
        raise ValueError(f"{names[0]}: {options.file} is a saved plan, which has its own; make another with plan --out")
    if options.conn_id != plan.arguments.conn_id:
        raise ValueError(
            f"--conn-id {options.conn_id}: the plan was made with --conn-id {plan.arguments.conn_id}; give that one"
        )
    specs = parse_declaration(_declaration_of(plan, options), plan.declaration, options.conn_id)
    with connected(options) as connection:
        with terminal.progress("Reading the webhooks") as log:
            if plan.approved.program_id:
                plan.check_program(connection.get_conn().get_program())
            left = _left_of(plan, plan.arguments.reconciliation(connection, specs, log, plan.approved))
        if not left.is_empty:
            terminal.show(left.render())
        with terminal.progress("Applying the plan") as log:
            reconciliation = plan.arguments.reconciliation(connection, specs, log, plan.approved)
            _write(reconciliation, is_retry=True, wait_until_active=options.wait_until_active)
    terminal.show(_words_on_done(reconciliation.done))
    return CLEAN


def _left_of(plan: SavedPlan, reconciliation: Reconciliation) -> Plan:
    """What there is to write of a saved plan, which may have been stopped half-way before.

    :raises ValueError: anything else would be written.
    """
    now = reconciliation.plan()
    writes = plan.approved.writes(now, reconciliation.live, may_be_begun=True)
    return replace(now, actions=(*writes, *now.unchanged))


def _declaration_of(plan: SavedPlan, options: Namespace) -> str:
    try:
        return read_text(plan.declaration)
    except ValueError as error:
        raise ValueError(
            f"{options.file} was made from the declaration {plan.declaration}, which apply reads again: {error}. Run "
            "apply in the folder in which plan ran, with the same file"
        ) from None


def _apply_declaration(specs: tuple[WebhookSpec, ...], options: Namespace, terminal: Terminal) -> int:
    arguments = PlanArguments.of(options)
    with connected(options) as connection:
        with terminal.progress("Reading the webhooks") as log:
            reconciliation = arguments.reconciliation(connection, specs, log)
            plan = reconciliation.plan()
        terminal.show(plan.render())
        reconciliation.check(plan)
        if plan.is_empty and not options.wait_until_active:
            check_readable(plan)
            return CLEAN
        if not plan.is_empty and not is_wanted(options, terminal, "Apply this plan?", "nothing was written", _UNASKED):
            return FOUND
        with terminal.progress("Applying the plan") as log:
            approved = ApprovedPlan(plan.fingerprint, plan.steps, plan.diff_markdown)
            reconciliation = arguments.reconciliation(connection, specs, log, approved)
            _write(reconciliation, is_retry=False, wait_until_active=options.wait_until_active)
    terminal.show(_words_on_done(reconciliation.done))
    return CLEAN


def _write(reconciliation: Reconciliation, *, is_retry: bool, wait_until_active: bool) -> None:
    with telling_when_stopped(lambda: _words_on_stop(reconciliation)):
        reconciliation.run(wait_until_active=wait_until_active, is_retry=is_retry)


def _words_on_done(done: list[dict[str, Any]]) -> str:
    lines = [f"{_VERBS[write['kind']]} {write['name']!r} (key {write['key']})" for write in done]
    return "\n".join([*lines, f"Applied: {counted(len(done), 'write')}." if done else "Nothing to write."])


def _words_on_stop(reconciliation: Reconciliation) -> str:
    done = len(reconciliation.done)
    number = f"{counted(done, 'write')} {'is' if done == 1 else 'are'}" if done else "No write is"
    return f"{number} done; one that was under way may have happened, too. Apply again: nothing is done twice."
