"""``plan``: what would have to be written."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_partnero.commands.arguments import DEFAULT_CONNECTION
from airflow_provider_partnero.commands.connection import connected
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.files import check_writable, parse_declaration, read_text, write_text
from airflow_provider_partnero.commands.formats import chosen_format
from airflow_provider_partnero.commands.plan_arguments import PlanArguments
from airflow_provider_partnero.commands.saved_plan import SavedPlan, saved

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal
    from airflow_provider_partnero.webhooks.plans import Plan


def run(options: Namespace, terminal: Terminal) -> int:
    """Show the plan, and save it if that is asked for."""
    shown_as = chosen_format(options, "json", "markdown")
    arguments = PlanArguments.of(options)
    specs = parse_declaration(read_text(options.file), options.file, options.conn_id)
    if options.out:
        _check_out(options)
    with connected(options) as connection:
        with terminal.progress("Reading the webhooks") as log:
            reconciliation = arguments.reconciliation(connection, specs, log)
            plan = reconciliation.plan()
            program = plan.program or connection.find_program() if options.out else None
        terminal.show(_text_of(plan, shown_as))
        reconciliation.check(plan)
    if options.out:
        write_text(options.out, saved(plan, options.file, arguments, program))
        terminal.say(f"Saved. This applies it, and nothing else: {terminal.prog} {_call_of_apply(options)}")
    is_as_declared = plan.is_empty and not any(left.spec for left in plan.unreadable)
    return CLEAN if is_as_declared else FOUND


def _call_of_apply(options: Namespace) -> str:
    """What applies the saved plan; it is about the same programme, and under the same connection's name."""
    words = ["apply", options.out]
    if options.conn_id != DEFAULT_CONNECTION:
        words += ["--conn-id", options.conn_id]
    if options.base_url:
        words += ["--base-url", options.base_url]
    return shlex.join(words)


def _check_out(options: Namespace) -> None:
    check_writable(options.out, argument="--out", suffixes=(".json",))
    if Path(options.out).resolve() == Path(options.file).resolve():
        raise ValueError(f"--out {options.out}: is the declaration itself")
    if Path(options.out).exists() and not _may_be_replaced(options.out):
        raise ValueError(f"--out {options.out}: is there already, and is no saved plan; name another file")


def _may_be_replaced(path: str) -> bool:
    """Whether a file is an earlier plan, of whatever version, or an empty file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    try:
        return not text.strip() or SavedPlan.parse(text, path) is not None
    except ValueError:
        return True


def _text_of(plan: Plan, shown_as: str | None) -> str:
    if shown_as == "json":
        return json.dumps({**plan.to_dict(), "fingerprint": plan.fingerprint}, indent=2)
    return plan.to_markdown() if shown_as == "markdown" else plan.render()
