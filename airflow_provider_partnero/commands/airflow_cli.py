"""The commands for Airflow's own parser, from 3.2 on. Called at every start of ``airflow``, so it does little."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from airflow_provider_partnero.commands.definitions import COMMANDS, DESCRIPTION, Command

_PROG = "airflow partnero"


def get_commands() -> list[Any]:
    """``airflow partnero`` with its commands, as Airflow's ``GroupCommand``."""
    from airflow.cli.cli_config import GroupCommand

    group = GroupCommand(name="partnero", help=DESCRIPTION, subcommands=tuple(map(_as_airflow_command, COMMANDS)))
    return [group]


def _as_airflow_command(command: Command) -> Any:
    from airflow.cli.cli_config import ActionCommand, Arg

    new_arg: Any = Arg
    return ActionCommand(
        name=command.name,
        help=command.help,
        description=command.description,
        epilog=command.epilog(_PROG),
        func=_function_of(command.name),
        args=tuple(new_arg(flags=argument.flags, **argument.options) for argument in command.all_arguments),
    )


def _function_of(name: str) -> Callable[[Namespace], None]:
    """What runs a command; Airflow does not look at what it returns, so it exits."""

    def run(options: Namespace) -> None:
        from airflow_provider_partnero.commands.execution import execute

        sys.exit(execute(name, options, prog=_PROG))

    return run
