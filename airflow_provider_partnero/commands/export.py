"""``export``: the live webhooks as a declaration file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_partnero.commands.connection import connected
from airflow_provider_partnero.commands.execution import CLEAN
from airflow_provider_partnero.commands.files import check_writable, write_text
from airflow_provider_partnero.webhooks.export import export
from airflow_provider_partnero.webhooks.texts import counted, program_label

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal


def run(options: Namespace, terminal: Terminal) -> int:
    """Write the file, or print its text."""
    if options.out:
        check_writable(options.out, argument="--out", suffixes=(".yaml", ".yml"))
        if Path(options.out).exists() and not options.force:
            raise ValueError(f"--out {options.out}: is there already; give --force to overwrite it")
    with connected(options) as connection, terminal.progress("Reading the webhooks"):
        program = connection.find_program()
        webhooks = list(connection.iter_webhooks(consistent=True))
    text = export(webhooks, program=program_label(program) if program else "", partnero_conn_id=options.conn_id)
    if not options.out:
        terminal.show(text)
        return CLEAN
    write_text(options.out, text)
    terminal.say(f"{counted(len(webhooks), 'webhook')} written to {options.out}.")
    return CLEAN
