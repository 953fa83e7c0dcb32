"""``export``, ``audit`` and ``schema``: what they print, what they write, and with which exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.schema import declaration_schema

from .conftest import Run, declare, entry, live


def test_an_export_is_a_declaration_that_plans_nothing(run: Run, folder: Path, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks(
        [live("A", "keyA"), live("B: {{ x }}", "keyB", is_active=False, url="https://b.example")]
    )
    done = run("export", "--out", "webhooks.yaml")
    assert [done.code, done.out, done.err] == [0, "", "2 webhooks written to webhooks.yaml.\n"]
    printed = run("export")
    assert [printed.code, printed.err] == [0, ""]
    assert printed.out == (folder / "webhooks.yaml").read_text(encoding="utf-8")
    plan = run("plan", "webhooks.yaml", "--prune", "true")
    assert [plan.code, plan.out] == [0, "Plan: 0 to create, 0 to update, 0 to delete, 2 unchanged.\n"]


def test_an_export_leaves_the_permissions_of_the_file_it_overwrites(run: Run, folder: Path) -> None:
    file = folder / "webhooks.yaml"
    file.touch(mode=0o640)
    file.chmod(0o640)
    assert run("export", "--out", "webhooks.yaml", "--force").code == 0
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in folder.iterdir()] == ["webhooks.yaml"]


def test_a_report_never_takes_the_place_of_a_device_or_a_pipe(
    run: Run, folder: Path, partnero_sandbox: Sandbox
) -> None:
    (folder / "device.json").symlink_to("/dev/null")
    os.mkfifo(folder / "pipe.json")
    for name in ("device.json", "pipe.json"):
        done = run("audit", "--report", name)
        assert [done.code, done.err] == [1, f"error: --report {name}: is a pipe or a device, and not a file\n"]
    assert Path("/dev/null").is_char_device()
    assert (folder / "pipe.json").is_fifo()
    assert partnero_sandbox.requests() == []


def test_an_export_through_a_link_overwrites_the_file_that_it_leads_to(run: Run, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "real.yaml").touch()
    (folder / "webhooks.yaml").symlink_to("elsewhere/real.yaml")
    assert run("export", "--out", "webhooks.yaml", "--force").code == 0
    assert (folder / "webhooks.yaml").is_symlink()
    assert "webhooks:" in (folder / "elsewhere" / "real.yaml").read_text(encoding="utf-8")


def test_the_schema_is_the_one_of_declaration_files(run: Run) -> None:
    done = run("schema")
    assert [done.code, done.err] == [0, ""]
    assert json.loads(done.out) == declaration_schema()


@pytest.fixture
def _one_error_and_one_warning(partnero_sandbox: Sandbox) -> None:
    insecure = live("Insecure", "keyI", url="http://hooks.example.com/i")
    partnero_sandbox.put_webhooks([insecure, live("Off", "keyO", is_active=False)])


@pytest.mark.usefixtures("_one_error_and_one_warning")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 2),
        (["--fail-on", "error"], 2),
        (["--fail-on", "never"], 0),
        (["--ignore", "PW002"], 0),
        (["--ignore", "PW002", "--fail-on", "warning"], 2),
        (["--ignore", "PW001,PW002", "--fail-on", "warning"], 0),
        (["--ignore", "PW001", "PW002", "--fail-on", "warning"], 0),
        (["--ignore", "PW002", "--allowed-hosts", "*.example.com"], 0),
        (["--ignore", "PW002", "--allowed-hosts", "other.example"], 2),
        (["--ignore", "PW002", "--required-events", "reward.paid"], 2),
    ],
)
def test_the_exit_code_of_an_audit_says_whether_it_found_what_is_to_fail(
    run: Run, options: list[str], code: int
) -> None:
    done = run("audit", *options)
    assert done.code == code
    assert "2 webhooks (1 active, 1 inactive): " in done.out
    assert done.err == ""


@pytest.mark.usefixtures("_one_error_and_one_warning")
def test_an_audit_prints_each_of_its_formats(run: Run) -> None:
    assert "PW002" in run("audit").out
    assert json.loads(run("audit", "--json").out)["counts"]["errors"] == 1
    assert run("audit", "--markdown").out.startswith("# Partnero webhooks\n")
    [sarif] = json.loads(run("audit", "--sarif").out)["runs"]
    assert {result["ruleId"] for result in sarif["results"]} == {"PW001", "PW002"}
    assert ET.fromstring(run("audit", "--junit").out).find(".//failure") is not None


@pytest.mark.usefixtures("_one_error_and_one_warning")
def test_an_audit_writes_several_reports_beside_what_it_prints(run: Run, folder: Path) -> None:
    files = ["audit.md", "audit.json", "audit.sarif", "audit.xml", "audit.html"]
    done = run("audit", *(f"--report={file}" for file in files[:-1]), "--html", files[-1])
    assert done.code == 2
    assert done.err.splitlines() == [f"Report written to {file}." for file in files]
    assert done.out.count("PW002") == 1
    assert {file.name for file in folder.iterdir()} == {*files}
    assert all("Insecure" in (folder / file).read_text(encoding="utf-8") for file in files)


def test_an_audit_with_a_declaration_points_to_its_lines(run: Run, folder: Path, partnero_sandbox: Sandbox) -> None:
    partnero_sandbox.put_webhooks([live("A", "keyA", events=["reward.paid"])])
    (folder / "webhooks.yaml").write_text(
        "webhooks:\n  - name: A\n    url: https://hooks.example.com/A\n    events: [partner.created]\n"
        "  - name: B\n    url: https://hooks.example.com/B\n    events: [partner.created]\n",
        encoding="utf-8",
    )
    done = run("audit", "webhooks.yaml", "--sarif")
    assert done.code == 2
    [sarif] = json.loads(done.out)["runs"]
    lines = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for result in sarif["results"]
    }
    assert [lines["PW009"], lines["PW010"]] == [5, 4]


SECRETS = ("sgn-4Xw9-", "a8Kq2LmZ0pRt5Vw9")
COMMANDS = [
    ["export"],
    ["plan", "webhooks.json", "--prune", "true"],
    ["plan", "webhooks.json", "--prune", "true", "--json"],
    ["plan", "webhooks.json", "--prune", "true", "--markdown", "--out", "plan.json"],
    ["audit"],
    *(["audit", "webhooks.json", f"--{form}"] for form in ("json", "markdown", "sarif", "junit", "html=a.html")),
    ["doctor"],
    ["apply", "plan.json"],
    ["apply", "webhooks.json", "--yes", "--max-deletes", "0", "--prune", "true"],
]


def test_no_command_shows_a_secret(run: Run, folder: Path, partnero_sandbox: Sandbox) -> None:
    secret_url = f"https://hooks.zapier.com/hooks/catch/1234567/{SECRETS[1]}/"
    partnero_sandbox.put_webhooks([live("A", "keyA", url=secret_url), live("B", "keyB", url=f"{secret_url}x")])
    declare(folder, entry("A", url="https://hooks.example.com/a"), entry("C", url=f"{secret_url}?c"))
    for arguments in COMMANDS:
        done = run(*arguments)
        said = done.out + done.err
        assert len(said) > 20
        assert [secret for secret in SECRETS if secret in said] == [], arguments
    for file in ("plan.json", "a.html"):
        text = (folder / file).read_text(encoding="utf-8")
        assert [secret for secret in SECRETS if secret in text] == [], file


@pytest.mark.parametrize("file", ["audit.json", "audit.md", "audit.html"])
def test_an_audit_compares_with_the_report_that_it_replaces(partnero_sandbox: Sandbox, run: Run, file: str) -> None:
    partnero_sandbox.put_webhooks([live("One", "k1", url="http://one.example.com/")])
    assert "This is the first audit that is known." in run("audit", "--report", file).out
    partnero_sandbox.put_webhooks([live("Two", "k2", is_active=False)])
    done = run("audit", "--report", file)
    assert "UTC: 1 new, 0 gone, 1 still there." in done.out
    text = Path(file).read_text()
    assert {".json": '"still_there": 1', ".md": "1 new, 0 gone", ".html": "1 still there"}[Path(file).suffix] in text


def test_a_report_that_cannot_be_read_is_told_and_replaced(partnero_sandbox: Sandbox, run: Run, folder: Path) -> None:
    partnero_sandbox.put_webhooks([live("One", "k1")])
    (folder / "audit.json").write_text("{")
    (folder / "audit.md").write_bytes(b"\xff")
    done = run("audit", "--report", "audit.json", "--report", "audit.md")
    assert done.code == 0
    assert "The last report could not be read: it is damaged." in done.out
    assert "audit.md: is not a text in UTF-8." in done.out
    assert "This is the first audit" not in done.out
    assert "UTC: 0 new, 0 gone, 0 still there." in run("audit", "--report", "audit.json").out


def test_an_audit_without_reports_says_nothing_of_earlier_ones(partnero_sandbox: Sandbox, run: Run) -> None:
    partnero_sandbox.put_webhooks([live("One", "k1")])
    assert "audit that is known" not in run("audit").out + run("audit", "--report", "audit.xml").out
