"""The parser of ``python -m airflow_provider_partnero``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from airflow_provider_partnero import __version__
from airflow_provider_partnero.commands import DESCRIPTION
from airflow_provider_partnero.commands.arguments import EXIT_CODES, Command
from airflow_provider_partnero.commands.definitions import COMMANDS
from airflow_provider_partnero.commands.execution import ERROR, execute

PROG = "python -m airflow_provider_partnero"


class _Parser(argparse.ArgumentParser):
    """A parser that exits with 1 if it does not understand: 2 says that there are changes or findings."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What is not understood is refused by the command that does not know it, with that command's usage."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options = new_parser().parse_args(arguments)
    return execute(options.command, options, prog=PROG)


def new_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog=PROG,
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"airflow-provider-partnero {__version__}")
    _add(parser, COMMANDS, "command")
    return parser


def _add(parser: argparse.ArgumentParser, commands: Sequence[Command], where: str) -> None:
    """Add commands to a parser.

    :param where: the option that says which of them was given.
    """
    subparsers = parser.add_subparsers(dest=where, metavar="COMMAND", required=True)
    for command in commands:
        subparser = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=command.epilog(PROG),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for argument in command.all_arguments:
            subparser.add_argument(*argument.flags, **argument.options)
        if command.subcommands:
            _add(subparser, command.subcommands, "action")
