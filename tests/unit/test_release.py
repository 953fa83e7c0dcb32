"""What a release rests on, as far as that can be tried without one: the build, the workflows, the checks before it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from airflow_provider_partnero import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / "airflow_provider_partnero" / "docs" / "releasing.md").read_text(encoding="utf-8")
UNVERSIONED = shutil.ignore_patterns(".venv", ".git", ".*_cache", ".hypothesis", "__pycache__", "build", "artefacts")


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


READY = _script("ready_to_release")
VULNERABILITIES = _script("known_vulnerabilities")

# What is built


def _copy(folder: Path, umask: int, changed: int) -> Path:
    """This checkout as somebody else has it: elsewhere, with another umask, and changed at another time."""
    shutil.copytree(ROOT, folder, ignore=UNVERSIONED)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() or os.access(path, os.X_OK) else 0o666) & ~umask)
        os.utime(path, (changed, changed))
    return folder


def _build(folder: Path, into: Path) -> list[Path]:
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1764547200"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=600)
    return sorted(into.iterdir())


def _digests(files: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel and the sdist."""
    folder = tmp_path_factory.mktemp("one")
    return _build(_copy(folder / "checkout", 0o022, 1_700_000_000), folder / "dist")


def test_two_builds_of_one_commit_are_the_same_to_the_byte(built: list[Path], tmp_path: Path) -> None:
    other = _build(_copy(tmp_path / "another place", 0o077, 1_600_000_000), tmp_path / "dist")
    assert len(built) == 2
    assert _digests(other) == _digests(built)


def test_the_wheel_that_is_built_from_the_sdist_is_the_same(built: list[Path], tmp_path: Path) -> None:
    wheel, sdist = built
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    again = _build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "dist")
    assert _digests([path for path in again if path.suffix == ".whl"]) == _digests([wheel])


def test_pypi_accepts_what_is_built(built: list[Path]) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 2


def test_pyroma_gives_ten_of_ten() -> None:
    command = [sys.executable, "-m", "pyroma", "--min", "10", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert "Final rating: 10/10" in done.stdout, done.stdout


# What must be true before


def _project(**changed: Any) -> dict[str, Any]:
    ready: dict[str, Any] = {
        "authors": [{"name": "We", "email": "we@partnero-provider.org"}],
        "urls": dict.fromkeys(("Homepage", "Source", "Issues", "Changelog"), "https://code.org/partnero"),
    }
    return ready | changed


_NOTES = "# Changelog\n\n## 1.2.0 (7 December 2026)\n\n- New.\n\n## 1.1.0 (1 May 2026)\n"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({}, None),
        ({"tag": "1.2.0"}, "the tag is '1.2.0'"),
        ({"tag": "v1.1.0"}, "the tag is 'v1.1.0'"),
        ({"changelog": "# Changelog\n\n## 1.1.0 (1 May 2026)\n"}, "newest section of CHANGELOG.md is '1.1.0'"),
        ({"changelog": "# Changelog\n\n## 1.2.0 (unreleased)\n"}, "says 'unreleased' of it"),
        ({"changelog": "# Changelog\n\n## 1.2.0\n"}, "says '' of it"),
        ({"readme": "Not on PyPI yet; in a checkout:"}, "README.md says that the package is not on PyPI"),
        ({"project": _project(authors=[{"name": "We", "email": "we@here.example"}])}, "address in pyproject.toml"),
        ({"project": _project(urls={"Source": "", "Issues": ""})}, "has no 'Changelog'"),
    ],
)
def test_nothing_is_released_before_it_is_ready(changed: dict[str, Any], complaint: str | None) -> None:
    ready = {
        "tag": "v1.2.0",
        "version": "1.2.0",
        "project": _project(),
        "changelog": _NOTES,
        "readme": "pip install it",
    }
    found = list(READY.complaints(**(ready | changed)))
    assert len(found) == (0 if complaint is None else 1)
    assert complaint is None or complaint in found[0]


def test_the_release_begins_with_that_check_and_needs_nothing_for_it() -> None:
    [step] = [step["run"] for step in RELEASE["jobs"]["ready"]["steps"] if "run" in step]
    assert step == 'python .ci/ready_to_release.py "$GITHUB_REF_NAME"'
    command = [sys.executable, "-I", ".ci/ready_to_release.py", "v0.0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert f"not ready: the tag is 'v0.0.1', and the package's version asks for 'v{__version__}'" in done.stdout
    assert done.returncode == 1


def test_the_page_says_what_to_do_about_each_complaint() -> None:
    for subject in ("`__version__`", "`CHANGELOG.md`", "`README.md`", "`authors`", "`[project.urls]`"):
        assert subject in PAGE
    for name in ("Source", "Issues", "Changelog"):
        assert f"`{name}`" in PAGE


# Workflows


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield f"{path.stem}/{name}", job


def test_every_action_is_a_commit_with_its_version_beside_it() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    used = {line for line in re.findall(r"uses: (.+)$", text, re.MULTILINE) if not line.startswith("$/")}
    assert len(used) >= 7
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    actions = [line.partition("@")[0] for line in used]
    assert len(set(actions)) == len(actions), "an action has one version"


def test_only_what_publishes_gets_an_identity_and_only_what_attaches_may_write() -> None:
    writing = {
        (name, permission)
        for name, job in _jobs()
        for permission, level in job.get("permissions", {}).items()
        if level == "write"
    }
    assert writing == {
        ("release/build", "id-token"),
        ("release/build", "attestations"),
        ("release/sbom", "id-token"),
        ("release/sbom", "attestations"),
        ("release/publish", "id-token"),
        ("release/attach", "contents"),
    }
    assert RELEASE["permissions"] == {}
    assert RELEASE["jobs"]["publish"]["environment"]["name"] == "pypi"
    assert "password" not in str(RELEASE)
    assert "secrets" not in str(RELEASE)


def test_every_job_ends_and_no_checkout_keeps_a_credential() -> None:
    endless = [name for name, job in _jobs() if "uses" not in job and "timeout-minutes" not in job]
    keeping = [
        name
        for name, job in _jobs()
        for step in job.get("steps", ())
        if step.get("uses", "").startswith("actions/checkout@") and step["with"]["persist-credentials"] is not False
    ]
    assert (endless, keeping) == ([], [])


def test_a_release_is_checked_tested_built_and_listed_before_it_is_published() -> None:
    needs = {name: job.get("needs", []) for name, job in RELEASE["jobs"].items()}
    before, name = [], "publish"
    while name:
        direct = [needs[name]] if isinstance(needs[name], str) else needs[name]
        name = direct[-1] if direct else ""
        before += [name] if name else []
    assert before == ["sbom", "build", "tests", "ready"]
    assert needs["publish"] == ["build", "sbom"]
    assert RELEASE["jobs"]["tests"]["uses"] == "$/.github/workflows/ci.yml"


def test_the_release_and_the_tests_that_it_calls_do_not_wait_for_each_other() -> None:
    called = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert "workflow_call" in called[True]  # YAML's word for `on`
    assert RELEASE["concurrency"]["group"] == "release"
    assert RELEASE["name"] != "release", "CI's group starts with the name of the workflow that calls it"
    assert called["concurrency"]["group"].startswith("${{ github.workflow }}-")


# Known vulnerabilities


class _Osv(HTTPServer):
    """A service that knows one flaw, of requests 2.19.0."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[dict[str, Any]] = []


class _Answer(BaseHTTPRequestHandler):
    server: _Osv

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(question)
        flawed = question == {"package": {"name": "requests", "ecosystem": "PyPI"}, "version": "2.19.0"}
        flaw = {
            "id": "PYSEC-2018-28",
            "summary": "sends credentials to another host",
            "affected": [
                {
                    "package": {"name": "requests", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}],
                }
            ],
        }
        answer = json.dumps({"vulns": [flaw]} if flawed else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[_Osv]:
    with _Osv() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("version", "failed", "lines"),
    [
        ("2.19.0", True, ("requests 2.19.0: PYSEC-2018-28, mended in ['2.20.0']",)),
        ("2.34.2", False, ("no known vulnerability in 2 packages",)),
    ],
)
def test_a_known_vulnerability_fails_the_checks(
    osv: _Osv, tmp_path: Path, version: str, failed: bool, lines: tuple[str, ...]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"requests=={version}\ntenacity==9.2.1\n", encoding="utf-8")
    came_out = VULNERABILITIES.ask(requirements, f"http://127.0.0.1:{osv.server_port}/v1/query")
    assert (came_out.failed, came_out.loud, came_out.lines) == (failed, failed, lines)
    assert {question["package"]["name"] for question in osv.asked} == {"requests", "tenacity"}


def test_a_service_that_cannot_be_reached_is_told_loudly_and_fails_nothing(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("requests==2.34.2\n", encoding="utf-8")
    came_out = VULNERABILITIES.ask(requirements, "http://127.0.0.1:9/v1/query")
    assert (came_out.failed, came_out.loud) == (False, True)
    assert came_out.lines[0] == "NOTHING WAS ASKED FOR VULNERABILITIES"


@pytest.mark.parametrize(
    ("report", "error", "failed", "said"),
    [
        ("", "Traceback ...\nValueError: no such option", True, "NOTHING WAS ASKED FOR VULNERABILITIES"),
        ("", "", True, "NOTHING WAS ASKED FOR VULNERABILITIES"),
        ("", "...\npip_audit._service.interface.ServiceError", False, "NOTHING WAS ASKED FOR VULNERABILITIES"),
        ("", "...\nrequests.JSONDecodeError: Expecting", False, "NOTHING WAS ASKED FOR VULNERABILITIES"),
        ('{"dependencies": []}', "", False, "0 OF 0 PACKAGES WERE NOT LOOKED UP"),
        ('{"dependencies": [{"name": "a", "skip_reason": "?"}]}', "", False, "1 OF 1 PACKAGES WERE NOT LOOKED UP"),
        (
            '{"dependencies": [{"name": "a", "skip_reason": "?"}, '
            '{"name": "b", "version": "1", "vulns": [{"id": "X-1", "fix_versions": []}]}]}',
            "",
            True,
            "b 1: X-1, mended in no version",
        ),
    ],
)
def test_what_was_not_asked_is_never_told_as_clean(report: str, error: str, failed: bool, said: str) -> None:
    came_out = VULNERABILITIES.verdict(report, error)
    assert (came_out.failed, came_out.loud, came_out.lines[0]) == (failed, True, said)


def test_ci_runs_the_audit_and_the_oldest_packages() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "uv run nox --session audit\n" in script
    assert "uv run nox --session lowest\n" in script
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [line.partition(">=")[0] for line in project["dependencies"]] == ["apache-airflow", "requests", "tenacity"]
