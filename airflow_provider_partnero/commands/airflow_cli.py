"""The commands for Airflow's own parser, from 3.2 on. Called at every start of ``airflow``, so it does little."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands import DESCRIPTION

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_partnero.commands.arguments import Command

_GROUP = "partnero"
_PROG = f"airflow {_GROUP}"
_ABOUT_ALL = "cheat-sheet"  # Airflow's command that lists all commands


def get_commands() -> list[Any]:
    """``airflow partnero`` with its commands, as Airflow's ``GroupCommand``.

    A call of Airflow for something else gets the group without its commands: their arguments would cost each call of
    ``airflow`` some 5 ms.
    """
    from airflow.cli.cli_config import GroupCommand

    is_about_others = _is_about_others(sys.argv, os.environ.get("COMP_LINE"))
    return [GroupCommand(name=_GROUP, help=DESCRIPTION, subcommands=() if is_about_others else tuple(_commands()))]


def _is_about_others(call: Sequence[str], completed: str | None) -> bool:
    """Whether this process is a call of ``airflow`` that needs no command of ours.

    :param completed: the line that a shell wants completed; None: it does not.
    """
    program, *arguments = call or [""]
    is_airflow = os.path.basename(program) == "airflow" or program.endswith(os.path.join("airflow", "__main__.py"))
    return is_airflow and completed is None and not {_GROUP, _ABOUT_ALL} & {*arguments}


def _commands() -> Iterable[Any]:
    from airflow_provider_partnero.commands.definitions import COMMANDS

    return map(_as_airflow_command, COMMANDS)


def _as_airflow_command(command: Command, group: str | None = None) -> Any:
    """A command for Airflow.

    :param group: the command that it is a part of.
    """
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    if command.subcommands:
        parts = tuple(_as_airflow_command(part, command.name) for part in command.subcommands)
        return GroupCommand(command.name, command.help, parts, command.description, command.epilog(_PROG))
    new_arg: Any = Arg
    return ActionCommand(
        name=command.name,
        help=command.help,
        description=command.description,
        epilog=command.epilog(_PROG),
        func=_function_of(group or command.name, command.name),
        args=tuple(new_arg(flags=argument.flags, **argument.options) for argument in command.all_arguments),
    )


def _function_of(name: str, action: str) -> Callable[[Namespace], None]:
    """What runs a command; Airflow does not look at what it returns, so it exits.

    :param action: which part of the command, if it is made of parts.
    """

    def run(options: Namespace) -> None:
        from airflow_provider_partnero.commands.execution import execute
        from airflow_provider_partnero.commands.terminal import stdout_for_results

        options.action = action
        with stdout_for_results():
            code = execute(name, options, prog=_PROG)
        sys.exit(code)

    return run
