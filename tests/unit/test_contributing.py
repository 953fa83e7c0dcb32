"""CONTRIBUTING.md and the files around it say what is true of this repository."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "airflow_provider_partnero"
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def _quoted() -> set[str]:
    prose = re.sub(r"^```.*?^```", "", GUIDE, flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", prose)) | set(re.findall(r"\]\((?!https?:)([^)]+)\)", prose))


def _drawn() -> list[Path]:
    """The paths of the tree that the guide draws."""
    [tree] = re.findall(r"^```\n(airflow_provider_partnero/.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    folder, paths = ROOT, []
    for indented, name in re.findall(r"^( *)([\w./]+)", tree, re.MULTILINE):
        folder = folder if indented else ROOT
        paths.append(folder / name)
        folder = folder if indented else ROOT / name
    return paths


def test_every_path_that_the_guide_names_exists() -> None:
    paths = {name for name in _quoted() if re.fullmatch(r"[\w.-]*(/[\w.-]*)+|[\w-]+\.(py|md)", name)}
    assert len(paths) > 25
    anywhere = {path.name for path in PACKAGE.rglob("*.py")}
    assert [name for name in paths if not (ROOT / name).exists() and name not in anywhere] == []


def test_every_path_that_the_guide_draws_exists() -> None:
    assert len(_drawn()) > 10
    assert [path for path in _drawn() if not path.exists()] == []


def test_every_room_of_the_package_is_drawn() -> None:
    rooms = {path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms <= set(_drawn())


def test_every_name_that_the_guide_quotes_is_in_the_code() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    names = {name for name in _quoted() if re.fullmatch(r"_*[A-Z]\w+", name)}
    assert len(names) > 5
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


def test_the_guide_has_every_session_of_nox_and_no_other() -> None:
    sessions = re.findall(
        r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(re.findall(r"nox -s (\w+)", GUIDE)) == set(sessions)


def test_the_guide_has_every_marker_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = [line.partition(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]]
    table = GUIDE.split("| marker |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(markers)


def _steps() -> list[dict[str, Any]]:
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_ci_calls_the_script_that_anybody_can_call() -> None:
    assert [step["run"] for step in WORKFLOW["jobs"]["everything"]["steps"] if "run" in step][-1] == ".ci/run"


@pytest.mark.parametrize("action", sorted({step["uses"] for step in _steps() if "uses" in step}))
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(action: str) -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
    assert re.search(rf"uses: {action} # v\d+\.\d+\.\d+$", text, re.MULTILINE)


def test_ci_may_read_and_nothing_else_and_ends_by_itself() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] for job in WORKFLOW["jobs"].values())
    checkouts = [step for step in _steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_commit_is_checked_by_what_lint_runs() -> None:
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    entries = {hook["entry"].removeprefix("uv run ").removesuffix(" --force-exclude") for hook in repository["hooks"]}
    assert entries == {"ruff check", "ruff format", "mypy"}


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_a_form_for_issues_has_what_github_asks_for(form: str) -> None:
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml"
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert fields["name"]
    assert fields["description"]
    inputs = [field for field in fields["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in inputs}) == len(inputs)
    assert all(field["attributes"]["label"] for field in inputs)
