"""SECURITY.md says what four attackers can do, and names for each attack the tests that make it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ATTACKERS = ("a forged delivery", "a hostile answer", "a hostile name", "a viewer's login")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def _attacks(attacker: str) -> list[tuple[str, str, str]]:
    """What they try, what comes of it and the tests, for each row of the attacker's table."""
    section = TEXT.split(f"### With {attacker}\n")[1].split("\n#")[0]
    head, _, *rows = [line for line in section.splitlines() if line.startswith("|")]
    assert head == "| they try to | what comes of it | tests |"
    return [(cells[0], cells[1], cells[2]) for cells in (row.strip("| ").split(" | ") for row in rows)]


@cache
def _tests(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_has_these_four_attackers_and_no_other() -> None:
    assert tuple(re.findall(r"^### With (.+)$", TEXT, re.MULTILINE)) == ATTACKERS


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_each_attack_names_the_tests_that_make_it(attacker: str) -> None:
    attacks = _attacks(attacker)
    assert len(attacks) >= 7
    assert [tried for tried, _, tests in attacks if _TEST.sub("", tests).strip(", ") or not _TEST.search(tests)] == []


def test_every_test_that_is_named_exists() -> None:
    named = _TEST.findall(TEXT)
    assert len(named) > 60
    assert [f"{path}::{test}" for path, test in named if not (ROOT / path).is_file() or test not in _tests(path)] == []


def test_no_test_stands_for_two_attacks() -> None:
    named = _TEST.findall(TEXT)
    assert sorted({f"{path}::{test}" for path, test in named if named.count((path, test)) > 1}) == []


def test_it_says_how_to_report_and_which_release_gets_fixes() -> None:
    assert "*Security* > *Report a vulnerability*" in TEXT
    assert "the latest release gets fixes" in " ".join(TEXT.split())
