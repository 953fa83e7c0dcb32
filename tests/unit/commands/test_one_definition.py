"""``airflow partnero`` and ``python -m airflow_provider_partnero`` are the same commands, and cost little to load."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from argparse import Namespace
from typing import Any

import pytest

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.commands.airflow_cli import get_commands
from airflow_provider_partnero.commands.definitions import COMMANDS
from airflow_provider_partnero.commands.parser import new_parser

LINES = [
    ["export", "--out", "a.yaml", "--force", "--conn-id", "other"],
    ["plan", "a.yaml"],
    ["plan", "a.yaml", "--prune", "owned", "--keep", "a", "b", "--keep", "c", "--max-deletes", "3", "--json"],
    ["plan", "a.yaml", "--no-keep-receiver", "--no-adopt", "--max-changes", "0", "--out", "p.json", "--markdown"],
    ["apply", "p.json", "--yes", "--wait-until-active", "--base-url", "http://x/v1"],
    ["audit"],
    ["audit", "a.yaml", "--fail-on", "never", "--report", "a.md", "--report", "b.xml", "--html", "a.html", "--sarif"],
    ["audit", "--ignore", "PW001", "--allowed-hosts", "*.example.com", "--required-events", "a.b", "c.d", "--junit"],
    ["doctor", "--receiver-url", "https://x"],
    ["schema"],
    ["deliveries", "list", "--event", "a.b", "--conn-id", "c", "--key", "k", "--since", "24h", "--until", "7d"],
    ["deliveries", "list", "--outcome", "failed", "--limit", "3", "--json"],
    ["deliveries", "show", "3f2a9c1d", "--data", "--json", "--conn-id", "c"],
    ["deliveries", "replay", "3f2a9c1d", "00000000", "--again", "--yes"],
    ["deliveries", "forget", "--data-match", "a.b=c", "--yes"],
]


def _airflows(line: list[str]) -> Namespace:
    from airflow.cli import cli_parser

    parser = argparse.ArgumentParser()
    add: Any = cli_parser._add_command
    for command in get_commands():
        add(parser.add_subparsers(), command)
    return parser.parse_args(["partnero", *line])


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_both_parsers_understand_the_same(line: list[str]) -> None:
    ours, airflows = vars(new_parser().parse_args(line)), vars(_airflows(line))
    assert {ours.pop("command")} == {line[0]}
    assert ours.pop("action", line[0]) == line[1 if line[0] == "deliveries" else 0]
    assert {name: value for name, value in airflows.items() if name not in {"func", "subcommand"}} == ours


def test_every_command_is_in_airflows_cli_with_help_and_examples() -> None:
    [group] = get_commands()
    assert group.name == "partnero"
    assert [command.name for command in group.subcommands] == [command.name for command in COMMANDS]
    for command in group.subcommands:
        assert f"\n  airflow partnero {command.name}" in command.epilog
        assert "PROG" not in command.epilog + command.description


def test_no_text_has_a_square_bracket_which_airflow_takes_for_markup() -> None:
    for command in COMMANDS:
        texts = [command.help, command.description, command.epilog("x")]
        texts += [argument.options["help"] for argument in command.all_arguments]
        assert [text for text in texts if "[" in text] == []


def test_airflow_finds_the_commands_where_the_provider_info_says() -> None:
    [path] = get_provider_info()["cli"]
    module, _, name = path.rpartition(".")
    assert getattr(__import__(module, fromlist=[name]), name) is get_commands


@pytest.mark.parametrize(
    ("call", "completed", "number"),
    [
        ("/usr/bin/airflow version", None, 0),
        ("airflow", None, 0),
        ("airflow --help", None, 0),
        ("/lib/airflow/__main__.py dags list", None, 0),
        ("airflow partnero plan a.yaml", None, 7),
        ("airflow partnero", None, 7),
        ("airflow cheat-sheet", None, 7),
        ("airflow", "airflow par", 7),
        ("pytest tests", None, 7),
        ("/lib/airflow/__main__.py partnero audit", None, 7),
    ],
)
def test_a_call_of_airflow_for_something_else_gets_the_group_alone(
    monkeypatch: pytest.MonkeyPatch, call: str, completed: str | None, number: int
) -> None:
    monkeypatch.setattr(sys, "argv", call.split())
    monkeypatch.delenv("COMP_LINE", raising=False)
    if completed is not None:
        monkeypatch.setenv("COMP_LINE", completed)
    [group] = get_commands()
    assert [group.name, len(group.subcommands)] == ["partnero", number]


def _loaded(statement: str) -> list[str]:
    """All modules that a statement loads in a fresh process, beyond Python's own start."""
    code = f"import argparse, dataclasses, json, sys\nbefore = set(sys.modules)\n{statement}\n"
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_what_every_call_of_airflow_imports_is_one_small_module() -> None:
    loaded = _loaded("from airflow_provider_partnero.commands.airflow_cli import get_commands")
    assert [name for name in loaded if name.startswith("airflow")] == [
        "airflow_provider_partnero",
        "airflow_provider_partnero.commands",
        "airflow_provider_partnero.commands.airflow_cli",
    ]
    assert len(loaded) <= 10


def test_the_parser_loads_neither_airflow_nor_what_talks_to_partnero() -> None:
    heavy = {"airflow", "requests", "tenacity", "urllib3", "yaml", "jinja2", "rich", "pydantic", "fastapi"}
    loaded = _loaded("from airflow_provider_partnero.commands.parser import new_parser; new_parser()")
    assert {name.partition(".")[0] for name in loaded} & heavy == set()
    assert len(loaded) <= 60


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_commands_module_can_be_imported_without_anything_that_is_not_pythons(command: Any) -> None:
    heavy = {"airflow", "requests", "tenacity", "urllib3", "yaml", "jinja2", "rich"}
    loaded = _loaded(f"import airflow_provider_partnero.commands.{command.name}")
    assert {name.partition(".")[0] for name in loaded} & heavy == set()
