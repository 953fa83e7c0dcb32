"""Commands run in this process, as ``python -m airflow_provider_partnero`` runs them, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.commands.parser import main
from airflow_provider_partnero.sandbox import Sandbox

Entry = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a user sees of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def entry(name: str, **others: Any) -> Entry:
    """A declared webhook."""
    return {"name": name, "url": f"https://hooks.example.com/{name}", "events": ["partner.created"]} | others


def live(name: str, key: str, **others: Any) -> Entry:
    """A webhook at Partnero."""
    return entry(name) | {"key": key, "is_active": True, "signature": f"sgn-4Xw9-never-seen-{key}"} | others


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(
    partnero_sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command with the sandbox's token; only ``schema`` gets no base URL."""
    monkeypatch.setenv("PARTNERO_TOKEN", partnero_sandbox.token)

    def run(*arguments: str) -> Done:
        base_url = [] if arguments[0] == "schema" else ["--base-url", partnero_sandbox.base_url]
        capsys.readouterr()
        code = main([*arguments, *base_url])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def declare(folder: Path, *entries: Entry, name: str = "webhooks.json") -> None:
    """Write a declaration file."""
    (folder / name).write_text(json.dumps({"webhooks": entries}), encoding="utf-8")


def writes(sandbox: Sandbox) -> list[str]:
    """The requests that change something."""
    return [f"{one.method} {one.path}" for one in sandbox.requests() if one.method != "GET"]


@pytest.fixture(autouse=True)
def _process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command says of its process that it is no task; here the tests after it share the process."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
