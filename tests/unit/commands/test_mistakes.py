"""What a user does wrong is said in a sentence, with exit code 1, before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_partnero.commands.definitions import COMMANDS
from airflow_provider_partnero.commands.parser import main
from airflow_provider_partnero.sandbox import Sandbox

from .conftest import Run, declare, entry

DEFECTS: dict[str, tuple[str, str]] = {
    "holds a template": ("webhooks.yaml", 'webhooks:\n  - name: "{{ var.value.name }}"\n'),
    "invalid YAML in line 2, column": ("webhooks.yaml", "webhooks:\n  - [}\n"),
    "invalid JSON in line 1, column": ("webhooks.json", "{"),
    "must be one of .json, .yaml, .yml": ("webhooks.txt", "webhooks: []"),
    "must hold a list of webhooks": ("webhooks.yaml", "hello"),
    "2 declared webhooks have the name": (
        "webhooks.json",
        '[{"name": "A", "url": "https://a.example", "events": ["partner.created"]},'
        ' {"name": "A", "url": "https://b.example", "events": ["partner.created"]}]',
    ),
}


@pytest.mark.parametrize("words", DEFECTS)
@pytest.mark.parametrize("command", ["plan", "apply", "audit"])
def test_a_wrong_declaration_is_named_with_what_is_wrong(
    run: Run, folder: Path, partnero_sandbox: Sandbox, command: str, words: str
) -> None:
    name, text = DEFECTS[words]
    (folder / name).write_text(text, encoding="utf-8")
    done = run(command, name)
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith(f"error: {name}")
    assert words in done.err
    assert partnero_sandbox.requests() == []


def _folder(path: Path) -> None:
    path.mkdir()


def _bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "there is no such file": lambda path: None,
    "cannot be read (Is a directory)": _folder,
    "is not a text in UTF-8": _bytes,
}


@pytest.mark.parametrize("words", UNREADABLE)
@pytest.mark.parametrize("command", ["plan", "apply", "audit"])
def test_a_file_that_cannot_be_read_is_named(run: Run, folder: Path, command: str, words: str) -> None:
    UNREADABLE[words](folder / "webhooks.yaml")
    done = run(command, "webhooks.yaml")
    assert [done.code, done.out, done.err] == [1, "", f"error: webhooks.yaml: {words}\n"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "webhooks.json", "--out", "plan.txt"], "--out plan.txt: must end in .json"),
        (["plan", "webhooks.json", "--out", "gone/plan.json"], "--out gone/plan.json: there is no folder gone"),
        (["plan", "webhooks.json", "--out", "webhooks.json"], "--out webhooks.json: is the declaration itself"),
        (["export", "--out", "webhooks.json"], "--out webhooks.json: must end in .yaml or .yml"),
        (["export", "--out", "folder.yaml"], "--out folder.yaml: is a folder"),
        (["audit", "--report", "report.doc"], "--report report.doc: must end in .json or .md or .sarif or .xml or"),
        (["audit", "--html", "report.md"], "--html report.md: must end in .html"),
        (["plan", "webhooks.json", "--json", "--markdown"], "--json and --markdown: give one of them"),
        (["audit", "--sarif", "--junit"], "--sarif and --junit: give one of them"),
        (
            ["audit", "webhooks.json", "--report", "./webhooks.json"],
            "./webhooks.json: is the declaration itself",
        ),
        (["audit", "--allowed-hosts", "*.example.com", "webhooks.json"], "--allowed-hosts: 'webhooks.json' is taken"),
        (["audit", "--required-events", "a.b,webhooks.json"], "--required-events: 'webhooks.json' is taken"),
        (["plan", "webhooks.json", "--prune", "true", "--keep", ""], "--keep: is empty; leave it out"),
        (["audit", "--allowed-hosts", " , "], "--allowed-hosts: is empty; leave it out"),
        (["audit", "--ignore", "PW01"], "ignore: unknown rule 'PW01' (did you mean "),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    run: Run, folder: Path, partnero_sandbox: Sandbox, arguments: list[str], words: str
) -> None:
    declare(folder, entry("A"))
    (folder / "folder.yaml").mkdir()
    done = run(*arguments)
    assert [done.code, done.out] == [1, ""]
    assert words in done.err
    assert partnero_sandbox.requests() == []


@pytest.mark.parametrize("command", ["plan", "audit"])
def test_a_saved_plan_is_no_declaration(run: Run, folder: Path, partnero_sandbox: Sandbox, command: str) -> None:
    declare(folder, entry("A"))
    assert run("plan", "webhooks.json", "--out", "plan.json").code == 2
    partnero_sandbox.clear_requests()
    done = run(command, "plan.json")
    assert [done.code, done.out] == [1, ""]
    assert done.err == "error: plan.json: is a saved plan and no declaration; only apply takes one\n"
    assert partnero_sandbox.requests() == []


@pytest.mark.parametrize("command", ["plan", "apply", "audit"])
def test_a_file_without_an_end_is_not_read_to_its_end(run: Run, command: str) -> None:
    done = run(command, "/dev/zero")
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith("error: /dev/zero: has more than 8,000,000 characters")


def test_a_folder_that_cannot_be_entered_is_named(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(folder, entry("A"))
    (folder / "sealed").mkdir(mode=0o600)
    stat, access = os.stat, os.access

    def as_another_user(path: object, **options: object) -> os.stat_result:
        if "sealed/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", as_another_user)
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "sealed" and access(path, mode))
    done = run("plan", "webhooks.json", "--out", "sealed/plan.json")
    assert [done.code, done.err] == [1, "error: --out sealed/plan.json: the folder sealed cannot be written to\n"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_named(run: Run, folder: Path) -> None:
    (folder / "sealed").mkdir(mode=0o500)
    done = run("export", "--out", "sealed/webhooks.yaml")
    assert "cannot be written to" in done.err
    assert done.code == 1


def test_an_existing_file_is_not_overwritten_by_an_export(run: Run, folder: Path, partnero_sandbox: Sandbox) -> None:
    (folder / "webhooks.yaml").write_text("mine", encoding="utf-8")
    done = run("export", "--out", "webhooks.yaml")
    assert done.code == 1
    assert done.err == "error: --out webhooks.yaml: is there already; give --force to overwrite it\n"
    assert (folder / "webhooks.yaml").read_text(encoding="utf-8") == "mine"
    assert partnero_sandbox.requests() == []
    assert run("export", "--out", "webhooks.yaml", "--force").code == 0
    assert (folder / "webhooks.yaml").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize("content", [b'{"name": "site"}', b'{"webhooks": []}', b"\xff\xfe"])
def test_a_file_that_is_no_saved_plan_is_not_overwritten_by_a_plan(
    run: Run, folder: Path, partnero_sandbox: Sandbox, content: bytes
) -> None:
    declare(folder, entry("A"))
    (folder / "package.json").write_bytes(content)
    done = run("plan", "webhooks.json", "--out", "package.json")
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith("error: --out package.json: is there already, and is no saved plan; name another file")
    assert (folder / "package.json").read_bytes() == content
    assert partnero_sandbox.requests() == []


@pytest.mark.parametrize("content", ["", '{"version": 0, "fingerprint": "", "steps": ""}'])
def test_an_empty_file_and_an_older_plan_are_overwritten_by_a_plan(run: Run, folder: Path, content: str) -> None:
    declare(folder, entry("A"))
    (folder / "plan.json").write_text(content, encoding="utf-8")
    assert run("plan", "webhooks.json", "--out", "plan.json").code == 2
    assert run("apply", "plan.json").code == 0


def test_a_refused_token_is_said_without_the_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", "tok-9Qx7-wrong")
    done = run("export")
    assert [done.code, done.out] == [1, ""]
    assert done.err.startswith("error: Partnero refuses the token (")
    assert "Set PARTNERO_TOKEN to this programme's API token" in done.err
    assert "9Qx7" not in done.err


def test_what_a_path_holds_does_not_change_the_terminal(run: Run) -> None:
    done = run("plan", "\x1b[2J\u202egnp.yaml")
    assert [done.code, done.err] == [1, "error: <U+001B>[2J<U+202E>gnp.yaml: there is no such file\n"]


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_does_not_fall_back_to_another_programme(
    run: Run, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", token)
    done = run("export")
    assert done.code == 1
    assert done.err.startswith("error: no API token: PARTNERO_TOKEN is empty.")


def test_a_token_that_is_none_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", "two words")
    done = run("export")
    assert done.code == 1
    assert done.err.startswith("error: PARTNERO_TOKEN holds a space")
    assert "two words" not in done.err


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("ftp://x", "error: --base-url='ftp://x': must be"),
        ("https://user:pass@host/v1", "error: --base-url has a query, a fragment or a login"),
    ],
)
def test_a_wrong_base_url_is_named_by_its_option(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], base_url: str, words: str
) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", "demo")
    assert main(["export", "--base-url", base_url]) == 1
    said = capsys.readouterr().err
    assert said.startswith(words)
    assert "pass" not in said


def test_a_base_url_that_is_not_partneros_api_is_said(
    partnero_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARTNERO_TOKEN", partnero_sandbox.token)
    assert main(["export", "--base-url", f"{partnero_sandbox.root_url}/elsewhere"]) == 1
    assert "This does not look like Partnero's API" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["plans"],
        ["plan"],
        ["plan", "a", "b"],
        ["plan", "a", "--max-deletes", "-1"],
        ["plan", "a", "--prune", "all"],
        *(
            ["plan", *arguments]
            for arguments in ([""], ["a", "--conn-id", ""], ["a", "--base-url", ""], ["a", "--out", " "])
        ),
        *(["audit", *arguments] for arguments in ([""], ["--html", ""], ["--report", ""])),
        ["apply", ""],
        ["export", "--out", ""],
        ["doctor", "--receiver-url", ""],
    ],
)
def test_a_command_that_is_not_understood_exits_with_1(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    captured = capsys.readouterr()
    assert [raised.value.code, captured.out] == [1, ""]
    assert "error: " in captured.err


def test_an_unknown_argument_is_told_with_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "a", "--prun", "owned"])
    said = capsys.readouterr().err
    assert said.startswith("usage: python -m airflow_provider_partnero plan [-h]")
    assert said.endswith("error: unrecognized arguments: --prun owned\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_shows_examples_that_are_understood(capsys: pytest.CaptureFixture[str], command: object) -> None:
    name = command.name  # type: ignore[attr-defined]
    with pytest.raises(SystemExit) as raised:
        main([name, "--help"])
    said = capsys.readouterr().out
    assert raised.value.code == 0
    assert f"\nexamples:\n  python -m airflow_provider_partnero {name}" in said
    assert "exit codes: 0 nothing to do, or clean; 2 changes or findings; 1 an error" in said
    assert ("PARTNERO_TOKEN" in said) is (name not in {"schema", "deliveries"})
