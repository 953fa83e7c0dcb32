"""The recipes for pull requests do what they say: their scripts run against the sandbox, a GitHub and a GitLab."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from airflow_provider_partnero.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "airflow_provider_partnero" / "docs" / "pull_requests.md").read_text(encoding="utf-8")
MARK = "<!-- partnero-plan -->"
DECLARATION = """\
webhooks:
  - name: Finance
    url: https://finance.acme.example/hooks/partnero
    events: [transaction.created, transaction.deleted]
  - name: CRM
    url: https://crm.acme.example/hooks/partnero
    events: [customer.created]
"""

needs_jq = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="jq and curl are not installed")


@cache
def recipe(number: int) -> Any:
    """The page's first recipe is GitHub's, the second GitLab's."""
    return yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[number])


def github_step(job: str, name: str) -> dict[str, Any]:
    [step] = [step for step in recipe(0)["jobs"][job]["steps"] if step.get("name") == name]
    assert isinstance(step, dict)
    return step


@dataclass(frozen=True)
class Runner:
    """A machine of a CI with a checkout, from which the sandbox is Partnero."""

    folder: Path
    sandbox: Sandbox

    def run(self, script: str, *, shell: str = "bash", **environment: str) -> subprocess.CompletedProcess[str]:
        command = "airflow_provider_partnero (?:plan|audit) webhooks.yaml"
        script = re.sub(command, lambda found: f"{found[0]} --base-url {self.sandbox.base_url}", script)
        tools = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            [shell, "-e", "-c", script],
            cwd=self.folder,
            env={"PATH": tools, "HOME": str(self.folder), "LANG": "C.UTF-8", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def runner(tmp_path: Path, partnero_sandbox: Sandbox) -> Runner:
    (tmp_path / "webhooks.yaml").write_text(DECLARATION, encoding="utf-8")
    partnero_sandbox.put_webhooks(
        [
            {
                "key": "k-finance",
                "name": "Finance",
                "url": "http://finance.acme.example/hooks/partnero",
                "events": ["transaction.created"],
                "signature": "signing-5ecret-0123",
            }
        ]
    )
    return Runner(tmp_path, partnero_sandbox)


def test_both_recipes_are_yaml_and_ask_for_no_more_rights_than_they_name() -> None:
    github, gitlab = recipe(0), recipe(1)
    assert github["permissions"] == {}
    rights = {name: job["permissions"] for name, job in github["jobs"].items()}
    assert rights == {
        "plan": {"contents": "read", "pull-requests": "write"},
        "audit": {"contents": "read", "security-events": "write"},
    }
    assert set(gitlab) == {".partnero", "partnero plan", "partnero note", "partnero audit"}


def test_no_recipe_runs_with_secrets_on_a_forks_checkout() -> None:
    github = recipe(0)
    assert set(github[True]) == {"pull_request", "push", "schedule"}  # YAML 1.1 takes the word "on" for true
    for job in github["jobs"].values():
        assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
        for step in job["steps"]:
            assert ("PARTNERO_TOKEN" in step.get("env", {})) == ("airflow_provider_partnero" in step.get("run", ""))
            assert "${{" not in step.get("run", "")  # nothing of a pull request becomes a part of a script
    for job in (".partnero", "partnero audit"):
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in recipe(1)[job]["rules"][0]["if"]


def test_a_module_beside_the_declaration_is_not_imported(runner: Runner) -> None:
    (runner.folder / "requests.py").write_text("raise SystemExit('taken over')", encoding="utf-8")
    done = runner.run(github_step("audit", "Audit")["run"], PARTNERO_TOKEN=runner.sandbox.token)
    assert (done.returncode, "taken over" in done.stdout + done.stderr) == (0, False)


@needs_jq
def test_github_gets_one_comment_which_the_next_push_updates(runner: Runner) -> None:
    hub = GitHub(runner.folder)
    hub.comments = [{"id": 1, "user": {"login": "somebody"}, "body": f"{MARK} not ours"}]
    runner_environment = {"GITHUB_REPOSITORY": "acme/shop", "PULL_REQUEST": "7", "GH_TOKEN": "t"}
    for commit, declaration in (("c0ffee1", DECLARATION), ("c0ffee2", DECLARATION.replace("CRM", "Sales"))):
        (runner.folder / "webhooks.yaml").write_text(declaration, encoding="utf-8")
        plan = github_step("plan", "Plan")["run"]
        done = runner.run(plan, PARTNERO_TOKEN=runner.sandbox.token, COMMIT=commit)
        assert done.returncode == 0, done.stderr
        done = runner.run(github_step("plan", "Comment")["run"], **runner_environment)
        assert done.returncode == 0, done.stderr
    first, ours = hub.comments
    assert first["body"] == f"{MARK} not ours"
    assert ours["body"].startswith(f"{MARK}\nPartnero's webhooks as of c0ffee2")
    assert '+ create "Sales"' in ours["body"]
    assert "CRM" not in ours["body"]
    assert "5ecret" not in ours["body"]


@needs_jq
def test_github_does_not_keep_an_old_plan_when_there_is_no_new_one(runner: Runner) -> None:
    hub = GitHub(runner.folder)
    (runner.folder / "webhooks.yaml").write_text("webhooks: [{nmae: CRM}]", encoding="utf-8")
    done = runner.run(github_step("plan", "Plan")["run"], PARTNERO_TOKEN=runner.sandbox.token, COMMIT="c0ffee3")
    assert done.returncode == 1
    assert "nmae" in done.stderr
    assert github_step("plan", "Comment")["if"] == "${{ !cancelled() }}"
    runner.run(github_step("plan", "Comment")["run"], GITHUB_REPOSITORY="acme/shop", PULL_REQUEST="7", GH_TOKEN="t")
    [ours] = hub.comments
    assert "as of c0ffee3" in ours["body"]
    assert "Plan:" not in ours["body"]


def test_github_gets_sarif_at_the_declarations_lines(runner: Runner) -> None:
    done = runner.run(github_step("audit", "Audit")["run"], PARTNERO_TOKEN=runner.sandbox.token)
    assert done.returncode == 0, done.stderr
    assert "PW002" in done.stdout
    [run] = json.loads(runner.read("audit.sarif"))["runs"]
    [found] = [result for result in run["results"] if result["ruleId"] == "PW002"]
    assert found["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "webhooks.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3},
    }
    assert "PW010" in done.stdout
    [ignored] = re.findall("'(--ignore .*?)'", github_step("audit", "Audit")["env"]["IGNORED"])
    done = runner.run(github_step("audit", "Audit")["run"], PARTNERO_TOKEN=runner.sandbox.token, IGNORED=ignored)
    assert done.returncode == 0, done.stderr
    assert {result["ruleId"] for result in json.loads(runner.read("audit.sarif"))["runs"][0]["results"]} == {"PW002"}
    [upload] = [step for step in recipe(0)["jobs"]["audit"]["steps"] if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"] == "audit.sarif"


def test_a_private_repository_gets_a_summary(runner: Runner) -> None:
    [command] = re.findall(r"`(python [^`]*GITHUB_STEP_SUMMARY\")`", PAGE.replace("\n", " "))
    done = runner.run(command, PARTNERO_TOKEN=runner.sandbox.token, GITHUB_STEP_SUMMARY="summary.md")
    assert done.returncode == 2
    assert "PW002" in runner.read("summary.md")


def test_without_a_token_the_command_says_so(runner: Runner) -> None:
    done = runner.run(github_step("audit", "Audit")["run"], PARTNERO_TOKEN="")
    assert done.returncode == 1
    assert "PARTNERO_TOKEN is empty" in done.stderr


def test_gitlab_gets_a_junit_report_and_the_exit_code_that_it_lets_pass(runner: Runner) -> None:
    audit = recipe(1)["partnero audit"]
    in_merge_request, on_branch = (rule.get("variables", {}) for rule in audit["rules"])
    for variables, is_drift_told in ((in_merge_request, False), (on_branch, True)):
        done = runner.run("\n".join(audit["script"]), PARTNERO_TOKEN=runner.sandbox.token, **variables)
        assert done.returncode == audit["allow_failure"]["exit_codes"], done.stderr
        report = runner.read(audit["artifacts"]["reports"]["junit"])
        assert 'name="PW002 Destination is not https: &quot;Finance&quot; (k-finance)"' in report
        assert ('name="PW010 Drifted webhook: &quot;Finance&quot; (k-finance)"' in report) == is_drift_told


@needs_jq
def test_gitlab_gets_one_note_which_the_next_push_updates(runner: Runner) -> None:
    plan, note = (recipe(1)[f"partnero {name}"]["script"] for name in ("plan", "note"))
    notes = [{"id": 1, "body": "looks good"}]
    with gitlab(notes) as url:
        for commit in ("c0ffee1", "c0ffee2"):
            done = runner.run("\n".join(plan), PARTNERO_TOKEN=runner.sandbox.token)
            assert done.returncode == 0, done.stderr
            done = runner.run(
                "\n".join(note),
                shell="sh",  # all that the recipe's image has
                CI_API_V4_URL=url,
                CI_PROJECT_ID="5",
                CI_MERGE_REQUEST_IID="7",
                CI_COMMIT_SHA=commit,
                NOTES_TOKEN="note-token",
            )
            assert done.returncode == 0, done.stderr
    first, ours = notes
    assert first["body"] == "looks good"
    assert str(ours["body"]).startswith(f"{MARK}\nPartnero's webhooks as of c0ffee2")
    assert '+ create "CRM"' in str(ours["body"])


def test_the_comment_of_the_page_is_what_the_command_prints(runner: Runner) -> None:
    runner.sandbox.reset()
    runner.sandbox.put_webhooks(
        [
            {
                "key": "k-finance",
                "name": "Finance",
                "url": "https://finance.acme.example/hooks/partnero",
                "events": ["transaction.created", "transaction.updated"],
            }
        ]
    )
    done = runner.run(github_step("plan", "Plan")["run"], PARTNERO_TOKEN=runner.sandbox.token, COMMIT="1f0c2ab")
    assert done.returncode == 0, done.stderr
    [shown] = re.findall(r"^````markdown\n(.*?)^````$", PAGE, re.MULTILINE | re.DOTALL)
    assert runner.read("comment.md") == f"{MARK}\n{shown}"


@dataclass
class GitHub:
    """The comments of a pull request, and a ``gh`` that knows as much of GitHub's API as the recipe uses."""

    folder: Path
    _file: Path = field(init=False)

    def __post_init__(self) -> None:
        self._file = self.folder / "comments.json"
        self.comments = []
        (self.folder / "bin").mkdir()
        gh = self.folder / "bin" / "gh"
        gh.write_text(_GH.format(python=sys.executable, file=str(self._file)), encoding="utf-8")
        gh.chmod(0o755)

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._file.read_text(encoding="utf-8"))
        return found

    @comments.setter
    def comments(self, comments: list[dict[str, Any]]) -> None:
        self._file.write_text(json.dumps(comments), encoding="utf-8")


_GH = """\
#!{python}
import json, pathlib, subprocess, sys
file = pathlib.Path({file!r})
comments = json.loads(file.read_text())
if "--jq" in sys.argv:
    assert sys.argv[1:4] == ["api", "--paginate", "repos/acme/shop/issues/7/comments"], sys.argv
    wanted = sys.argv[sys.argv.index("--jq") + 1]
    subprocess.run(["jq", "-r", wanted], input=json.dumps(comments), text=True, check=True)
    sys.exit()
api, flag, method, path, field, body = sys.argv[1:]
assert (api, flag, field) == ("api", "--method", "--field"), sys.argv
text = pathlib.Path(body.removeprefix("body=@")).read_text()
if method == "POST":
    assert path == "repos/acme/shop/issues/7/comments", path
    comments.append(dict(id=len(comments) + 1, user=dict(login="github-actions[bot]"), body=text))
else:
    assert method == "PATCH", method
    [comment] = [one for one in comments if path == f"repos/acme/shop/issues/comments/{{one['id']}}"]
    comment["body"] = text
file.write_text(json.dumps(comments))
"""


@contextmanager
def gitlab(notes: list[dict[str, Any]]) -> Iterator[str]:
    """GitLab's API of notes, as far as the recipe uses it; gives its URL."""
    home = "/api/v4/projects/5/merge_requests/7/notes"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(notes if urlsplit(self.path).path == home else None)

        def do_POST(self) -> None:
            notes.append({"id": len(notes) + 1, "body": self._body()})
            self._answer(notes[-1] if self.path == home else None)

        def do_PUT(self) -> None:
            [note] = [one for one in notes if self.path == f"{home}/{one['id']}"]
            note["body"] = self._body()
            self._answer(note)

        def _body(self) -> str:
            assert self.headers["Content-Type"] == "application/json"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
            assert isinstance(body, str)
            return body

        def _answer(self, answer: Any) -> None:
            known = answer is not None and self.headers["PRIVATE-TOKEN"] == "note-token"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4"
        server.shutdown()
        thread.join()
