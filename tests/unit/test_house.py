"""The rules of CONTRIBUTING.md about the house: which room imports which, sizes, and names."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "airflow_provider_partnero"
ROOT = Path(__file__).parents[2]

# What each room imports besides itself. A room is a folder or a module at the top of the package.
ROOMS: dict[str, set[str]] = {
    "airflow_compat": set(),
    "api": set(),
    "webhooks": {"api"},
    "assets": {"api", "webhooks"},
    "retry_policy": {"airflow_compat", "api"},
    "hooks": {"airflow_compat", "api", "webhooks"},
    "drain": {"api", "webhooks"},
    "triggers": {"airflow_compat", "api", "webhooks", "hooks", "drain"},
    "operators": {"airflow_compat", "api", "webhooks", "assets", "retry_policy", "hooks", "drain", "triggers"},
    "sensors": {"airflow_compat", "api", "hooks", "triggers", "operators"},
    "ledger": {"airflow_compat", "api", "webhooks", "assets"},
    "plugin": {"airflow_compat", "api", "webhooks", "assets", "hooks", "ledger"},
    "commands": {"airflow_compat", "api", "webhooks", "assets", "hooks", "operators", "ledger", "plugin"},
    "standalone": {"airflow_compat", "webhooks", "ledger", "drain", "plugin"},
    "__main__": {"commands"},
    "sandbox": {"api"},
    "docs": set(),  # what mkdocs runs
    "demo": {"sandbox", "webhooks", "operators"},
}


@cache
def _sources() -> dict[str, str]:
    """The text of every module of the package, by dotted name below the package; the package itself is ``""``."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_sources()[module], module)


@cache
def _imported(module: str) -> frozenset[str]:
    """The modules of the package that this one imports: at its top, in functions, and for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if _below(name) in _sources() else node.module for name in inner}
    ours = {_below(name) for name in found if name.split(".")[0] == PACKAGE}
    return frozenset(ours - {module})


def _below(name: str) -> str:
    return name.removeprefix(PACKAGE).removeprefix(".")


def _room(module: str) -> str:
    return module.partition(".")[0]


def _functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(_tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_room_has_its_line_in_the_table_of_imports() -> None:
    assert {_room(module) for module in _sources()} - {""} == set(ROOMS)


def test_every_import_of_ours_is_absolute() -> None:
    relative = {
        module
        for module in _sources()
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.level
    }
    assert relative == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    allowed = ROOMS[room] | {room, ""}  # "" is the package itself, for its version
    wrong = [
        f"{module} imports {imported}"
        for module in _sources()
        if _room(module) == room
        for imported in _imported(module)
        if _room(imported) not in allowed
    ]
    assert wrong == []


def test_only_the_demo_imports_the_sandbox() -> None:
    assert [room for room, allowed in ROOMS.items() if "sandbox" in allowed] == ["demo"]


def test_no_module_imports_itself_by_way_of_others() -> None:
    left = {module: set(_imported(module)) for module in _sources()}
    while leaves := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in leaves}
    assert left == {}, "circular imports, counting those for type checkers"


def _names_airflow(module: str) -> set[str]:
    """The names that a module imports from Airflow."""
    return {
        alias.asname or alias.name
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow"
        for alias in node.names
    }


def _version_branches(module: str) -> Iterator[str]:
    """Lines that do different things on different versions of Airflow."""
    from_airflow = _names_airflow(module)
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Try):
            imports = [inner for inner in node.body if isinstance(inner, ast.ImportFrom)]
            if any((inner.module or "").split(".")[0] == "airflow" for inner in imports):
                yield f"{module}:{node.lineno} tries an import of Airflow"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr"}:
            asked = node.args[0]
            if isinstance(asked, ast.Name) and asked.id in from_airflow:
                yield f"{module}:{node.lineno} asks whether Airflow's {asked.id} has something"
        elif isinstance(node, ast.ImportFrom) and node.module == "airflow" and "__version__" in _imported_names(node):
            yield f"{module}:{node.lineno} asks for Airflow's version"


def _imported_names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


def test_branches_for_versions_of_airflow_are_in_airflow_compat_only() -> None:
    branches = [where for module in _sources() for where in _version_branches(module) if module != "airflow_compat"]
    assert branches == []
    assert len(list(_version_branches("airflow_compat"))) >= 3


def _stem(name: str) -> str:
    """A name without what makes a plural, a participle or somebody who does it: ``recorders`` -> ``record``."""
    for ending, kept in (("ies", "y"), ("s", ""), ("ing", ""), ("ion", ""), ("ed", ""), ("er", "")):
        if name.endswith(ending) and len(name) - len(ending) >= 3:
            name = name.removesuffix(ending) + kept
    return re.sub(r"(.)\1$", r"\1", name.removesuffix("e"))  # programm(e), plann(er)


def _differ_by_one_letter(one: str, other: str) -> bool:
    if len(one) > len(other):
        one, other = other, one
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 1
    return any(one == other[:index] + other[index + 1 :] for index in range(len(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("recorder", "recording"),
        ("programme", "programmes"),
        ("reconcile", "reconciling"),
        ("creating", "creation"),
        ("retry", "retries"),
        ("plan", "planner"),
        ("render", "rendered"),
    ],
)
def test_names_that_differ_by_a_plural_or_a_participle_have_one_stem(one: str, other: str) -> None:
    assert _stem(one) == _stem(other)


def test_no_two_modules_of_a_folder_are_called_almost_the_same() -> None:
    folders: dict[str, set[str]] = defaultdict(set)
    for module in _sources():
        folder, _, name = module.rpartition(".")
        folders[folder].add(name)
    alike = [
        f"{folder}: {one} and {other}"
        for folder, names in folders.items()
        for one, other in itertools.combinations(sorted(names), 2)
        if _stem(one) == _stem(other) or _differ_by_one_letter(one, other)
    ]
    assert alike == []


def test_every_module_is_named_for_its_subject() -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert [module for module in _sources() if module.rpartition(".")[2] in nameless] == []


def test_no_module_is_longer_than_300_lines() -> None:
    assert {module: lines for module, text in _sources().items() if (lines := text.count("\n")) > 300} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{module}.{function.name}: {lines}"
        for module in _sources()
        for function in _functions(module)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > 60
    ]
    assert long == []


def test_a_class_name_has_one_home() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module in _sources():
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
