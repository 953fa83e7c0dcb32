"""What the commands are called, what they take and how they explain themselves: for Airflow's parser and for ours."""

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
    """

    name: str
    help: str
    words: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    is_connected: bool = True

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


def _argument(*flags: str, **options: Any) -> Argument:
    return Argument(flags, options)


def _text(*flags: str, **options: Any) -> Argument:
    return _argument(*flags, type=not_empty, **options)


def _flag(flag: str, words: str) -> Argument:
    return _argument(flag, action="store_true", help=words)


def _texts(flag: str, metavar: str, words: str) -> Argument:
    return _argument(
        flag, nargs="+", action="extend", metavar=metavar, help=f"{words}; several: after spaces or commas"
    )


_CONNECTION = (
    _text(
        "--conn-id",
        metavar="ID",
        default=DEFAULT_CONNECTION,
        help="Airflow connection of type partnero. With PARTNERO_TOKEN it is not read, and only names the keys of "
        f"webhooks that are declared without one (default: {DEFAULT_CONNECTION})",
    ),
    _text(
        "--base-url",
        metavar="URL",
        help="where the API lives, with /v1; only together with PARTNERO_TOKEN (default: https://api.partnero.com/v1)",
    ),
)

_PLANNING = (
    _argument(
        "--prune",
        choices=("false", "owned", "true"),
        help="delete live webhooks that are not declared: those that an earlier apply or reconcile created (owned), or "
        "all (true) (default: false)",
    ),
    _texts("--keep", "PATTERN", "never change or delete webhooks whose name, key or host matches, such as 'zapier*'"),
    _flag("--no-keep-receiver", "treat the webhook of this connection's receiver like any other"),
    _argument("--max-deletes", type=count, metavar="N", help="refuse a plan that deletes more webhooks (default: 5)"),
    _argument(
        "--max-changes",
        type=count,
        metavar="N",
        help="refuse a plan that deletes webhooks or changes their URLs more often (default: no limit)",
    ),
    _flag("--no-adopt", "refuse a plan that takes over webhooks that are recognised by their name only"),
)

_EXPORT = Command(
    name="export",
    help="write the live webhooks as a declaration file",
    words="Writes the live webhooks as a declaration in YAML, without secrets: a plan with it finds nothing to do.",
    examples=("PROG export --out webhooks.yaml", "PROG export | less"),
    arguments=(
        _text("--out", metavar="FILE", help="write to this file, which ends in .yaml or .yml (default: stdout)"),
        _flag("--force", "overwrite the file"),
    ),
)
_PLAN = Command(
    name="plan",
    help="show what would have to be written to match a declaration file",
    words="Compares the live webhooks with a declaration file and shows what apply would write. It writes nothing.",
    examples=(
        "PROG plan webhooks.yaml",
        "PROG plan webhooks.yaml --prune owned --keep 'zapier*' --out plan.json",
        "PROG plan webhooks.yaml --markdown > comment.md",
    ),
    arguments=(
        _text("file", metavar="FILE", help="the declaration: .yaml, .yml or .json; give it first"),
        *_PLANNING,
        _text("--out", metavar="PLAN.json", help="save the plan, so that apply writes just this one"),
        _flag("--json", "print the plan as JSON"),
        _flag("--markdown", "print the plan as Markdown, for a comment of a pull request"),
    ),
)
_APPLY = Command(
    name="apply",
    help="write what a saved plan says, or what a declaration file asks for",
    words="""\
Applies a plan that was saved with plan --out: if anything else would be written now, nothing is. A saved plan
that was stopped half-way can be applied again; the rest is done. Given a declaration file, it shows the plan
and asks; where there is no terminal to ask on, it wants --yes.""",
    examples=("PROG apply plan.json", "PROG apply webhooks.yaml", "PROG apply webhooks.yaml --prune owned --yes"),
    arguments=(
        _text("file", metavar="FILE", help="a saved plan, or a declaration (.yaml, .yml or .json); give it first"),
        *_PLANNING,
        _flag("--yes", "do not ask"),
        _flag("--wait-until-active", "wait up to 10 minutes until all webhooks declared active are active"),
    ),
)
_AUDIT = Command(
    name="audit",
    help="find what is wrong with the live webhooks",
    words="Checks all live webhooks. With a declaration file, also whether they are as declared.",
    examples=(
        "PROG audit",
        "PROG audit webhooks.yaml --fail-on warning --report audit.html --report audit.sarif",
        "PROG audit --required-events transaction.created --allowed-hosts '*.example.com'",
        "PROG audit webhooks.yaml --sarif > audit.sarif",
    ),
    arguments=(
        _text("file", nargs="?", metavar="FILE", help="the declaration: .yaml, .yml or .json; give it first"),
        _argument(
            "--fail-on",
            choices=("error", "warning", "never"),
            default="error",
            help="exit with 2 on a finding of this severity or worse (default: error)",
        ),
        _texts("--ignore", "RULE", "rules not to check, such as PW001"),
        _texts("--allowed-hosts", "PATTERN", "hosts that may receive events, such as '*.example.com' (default: any)"),
        _texts("--required-events", "EVENT", "events that some active webhook must subscribe to"),
        _flag("--json", "print the report as JSON"),
        _flag("--markdown", "print the report as Markdown"),
        _flag("--sarif", "print the findings as SARIF 2.1.0, for code scanning"),
        _flag("--junit", "print the findings as JUnit XML"),
        _text("--html", metavar="FILE", help="write the report as a page to this file; needs Jinja2"),
        _text(
            "--report",
            action="append",
            metavar="FILE",
            help="write the report to a file that ends in .json, .md, .html, .sarif or .xml (JUnit); may be repeated",
        ),
    ),
)
_DOCTOR = Command(
    name="doctor",
    help="check token, clock, receiver and Airflow",
    words="""\
Checks the token, the clock, the receiver of Partnero's deliveries, and what this Airflow lacks. Each line says
ok, warn or fail, and what to do. Run it where the API server runs; without Airflow, it checks what it can.""",
    examples=("PROG doctor", "PROG doctor --receiver-url https://airflow.example.com"),
    arguments=(
        _text(
            "--receiver-url",
            metavar="URL",
            help="where Partnero reaches the API server (default: what Airflow's option receiver_base_url says)",
        ),
    ),
)
_SCHEMA = Command(
    name="schema",
    help="print the JSON Schema of declaration files",
    words="Prints the JSON Schema of declaration files, with which editors complete and check them.",
    examples=("PROG schema > partnero-webhooks.schema.json",),
    is_connected=False,
)

COMMANDS = (_EXPORT, _PLAN, _APPLY, _AUDIT, _DOCTOR, _SCHEMA)
