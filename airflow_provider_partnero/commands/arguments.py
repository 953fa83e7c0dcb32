"""What a command is, and what its arguments are made of."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_CONNECTION = "partnero_default"

EXIT_CODES = "exit codes: 0 nothing to do, or clean; 2 changes or findings; 1 an error; 130 stopped by Ctrl-C"

_CONNECTION_WORDS = f"""\
The programme is that of the environment variable PARTNERO_TOKEN, which needs no Airflow. Without it, it is
that of the Airflow connection --conn-id (default: {DEFAULT_CONNECTION})."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    :param flags: ``("FILE",)`` or ``("--out",)``.
    :param options: the other arguments of ``add_argument``: those that Airflow's ``Arg`` takes, too.
    """

    flags: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Its module in this folder has its name and a function ``run``.

    :param name: what it is called.
    :param help: what it does, in a line.
    :param words: the same in a paragraph.
    :param examples: lines of a shell, with ``PROG`` for what stands before the command's name.
    :param arguments: what it takes.
    :param is_connected: whether it talks to Partnero.
    :param subcommands: what it is made of; it has no arguments of its own then.
    """

    name: str
    help: str
    words: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    is_connected: bool = True
    subcommands: tuple[Command, ...] = ()

    @property
    def description(self) -> str:
        """What stands above its arguments."""
        return f"{self.words}\n\n{_CONNECTION_WORDS}" if self.is_connected else self.words

    def epilog(self, prog: str) -> str:
        """What stands below its arguments."""
        lines = (f"  {line.replace('PROG', prog)}" for line in self.examples)
        return "\n".join(["examples:", *lines, "", EXIT_CODES])

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """Its arguments, with those that say which programme."""
        return (*self.arguments, *_CONNECTION) if self.is_connected else self.arguments


def count(text: str) -> int:
    """A whole number from 0."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def not_empty(text: str) -> str:
    """A text that is not empty, as a shell's variable may be that is not set: that must not mean another default."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; leave it out, or name one")
    return text


def argument(*flags: str, **options: Any) -> Argument:
    """An argument, with the options that ``add_argument`` takes."""
    return Argument(flags, options)


def text(*flags: str, **options: Any) -> Argument:
    """An argument whose value must not be empty."""
    return argument(*flags, type=not_empty, **options)


def flag(name: str, words: str) -> Argument:
    """An argument without a value."""
    return argument(name, action="store_true", help=words)


def texts(name: str, metavar: str, words: str) -> Argument:
    """An argument with several values."""
    return argument(name, nargs="+", action="extend", metavar=metavar, help=f"{words}; several: after spaces or commas")


_CONNECTION = (
    text(
        "--conn-id",
        metavar="ID",
        default=DEFAULT_CONNECTION,
        help="Airflow connection of type partnero. With PARTNERO_TOKEN it is not read, and only names the keys of "
        f"webhooks that are declared without one (default: {DEFAULT_CONNECTION})",
    ),
    text(
        "--base-url",
        metavar="URL",
        help="where the API lives, with /v1; only together with PARTNERO_TOKEN (default: https://api.partnero.com/v1)",
    ),
)
