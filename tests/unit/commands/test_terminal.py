"""Commands in a process of their own: pipes, terminals, Ctrl-C and SIGTERM."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import declare, entry, live

PROGRAM = [sys.executable, "-m", "airflow_provider_partnero"]
PATIENCE = 120


def _environment(sandbox: Sandbox, **others: str) -> dict[str, str]:
    unwanted = {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"PARTNERO_TOKEN": sandbox.token, "TERM": "xterm-256color"} | others


def _command(sandbox: Sandbox, *arguments: str) -> list[str]:
    return [*PROGRAM, *arguments, "--base-url", sandbox.base_url]


def test_a_reader_that_goes_away_ends_the_command_quietly(partnero_sandbox: Sandbox, folder: Path) -> None:
    partnero_sandbox.seed(3)
    with subprocess.Popen(
        _command(partnero_sandbox, "export"),
        env=_environment(partnero_sandbox),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [(">/dev/full", 1, "error: the output cannot be written (No space left on device)\n"), (">&-", 0, "")],
)
def test_an_output_that_takes_nothing_is_said_without_a_traceback(
    partnero_sandbox: Sandbox, folder: Path, where: str, code: int, said: str
) -> None:
    partnero_sandbox.seed(3)
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(_command(partnero_sandbox, 'export'))} {where}"],
        env=_environment(partnero_sandbox),
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        timeout=PATIENCE,
        check=False,
    )
    assert [done.returncode, done.stderr] == [code, said]


def _restore_signal() -> None:
    """Under nohup, or in the background of a shell, what the tests start would ignore it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def _stopped_in_a_write(sandbox: Sandbox, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        _command(sandbox, *arguments),
        env=_environment(sandbox),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=_restore_signal,  # noqa: PLW1509 - it takes no lock
    ) as process:
        yield process


ENDINGS = pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@ENDINGS
def test_who_stops_a_command_is_told_what_is_written(
    partnero_sandbox: Sandbox, folder: Path, ending: signal.Signals, code: int
) -> None:
    partnero_sandbox.put_webhooks([live("Change", "keyChange")])
    declare(folder, entry("New"), entry("Change", events=["reward.paid"]))
    partnero_sandbox.fault(method="PUT", delay=PATIENCE)
    with _stopped_in_a_write(partnero_sandbox, folder, "apply", "webhooks.json", "--yes") as process:
        _wait_for(partnero_sandbox, "PUT")
        process.send_signal(ending)
        _, said = process.communicate(timeout=PATIENCE)
    partnero_sandbox.clear_faults()
    assert process.returncode == code
    assert "Stopped half-way ()" not in said
    assert "Stopped. 1 write is done; one that was under way may have happened, too." in said
    assert "Traceback" not in said


@ENDINGS
def test_who_stops_a_command_that_reads_is_told_that_nothing_is_written(
    partnero_sandbox: Sandbox, folder: Path, ending: signal.Signals, code: int
) -> None:
    partnero_sandbox.fault(method="GET", delay=PATIENCE, times=9)
    with _stopped_in_a_write(partnero_sandbox, folder, "audit") as process:
        _wait_for(partnero_sandbox, "GET")
        process.send_signal(ending)
        out, said = process.communicate(timeout=PATIENCE)
    partnero_sandbox.clear_faults()
    assert [process.returncode, out, said] == [code, "", "\nStopped. Nothing was written at Partnero.\n"]


def _wait_for(sandbox: Sandbox, method: str) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE * 20):
        if any(request.method == method for request in sandbox.requests()):
            return
        pause.wait(0.05)
    pytest.fail(f"no {method} arrived")


def _on_a_terminal(sandbox: Sandbox, folder: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """What a command prints to stdout, a pipe, and to stderr, a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        _command(sandbox, *arguments),
        env=_environment(sandbox, **environment),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        cwd=folder,
    ) as process:
        os.close(theirs)
        seen = _all_of(ours)
        assert process.stdout
        out = process.stdout.read()
    return out, seen


def _all_of(ours: int) -> str:
    """What is printed to the other end of a terminal, until that is closed."""
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # what Linux says when the other end is closed
        pass
    os.close(ours)
    return seen.decode()


def test_a_terminal_has_its_cursor_back_after_sigterm(partnero_sandbox: Sandbox, folder: Path) -> None:
    partnero_sandbox.fault(method="GET", delay=PATIENCE, times=9)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        _command(partnero_sandbox, "export"),
        env=_environment(partnero_sandbox),
        stderr=theirs,
        cwd=folder,
        preexec_fn=_restore_signal,  # noqa: PLW1509 - it takes no lock
    ) as process:
        os.close(theirs)
        _wait_for(partnero_sandbox, "GET")
        process.terminate()
        seen = _all_of(ours)
    partnero_sandbox.clear_faults()
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1
    assert seen.endswith("Stopped. Nothing was written at Partnero.\r\n")


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_progress_is_shown_on_a_terminal_and_never_where_the_result_goes(
    partnero_sandbox: Sandbox, folder: Path
) -> None:
    partnero_sandbox.set_latency(0.3)
    out, seen = _on_a_terminal(partnero_sandbox, folder, "export")
    assert out.startswith("# yaml-language-server")
    assert "\x1b" not in out
    assert "Reading the webhooks" in seen
    assert COLOUR.search(seen)


def test_no_color_is_respected(partnero_sandbox: Sandbox, folder: Path) -> None:
    partnero_sandbox.set_latency(0.3)
    _, seen = _on_a_terminal(partnero_sandbox, folder, "export", NO_COLOR="1")
    assert "Reading the webhooks" in seen
    assert re.findall(r"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|9[0-7])m", seen) == []


def test_names_that_the_output_cannot_take_are_written_as_escapes(partnero_sandbox: Sandbox, folder: Path) -> None:
    partnero_sandbox.put_webhooks([live("Über", "keyU")])
    declare(folder)
    done = subprocess.run(
        _command(partnero_sandbox, "plan", "webhooks.json"),
        env=_environment(partnero_sandbox, PYTHONIOENCODING="ascii", PYTHONUTF8="0"),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=PATIENCE,
        check=False,
    )
    assert [done.returncode, done.stderr] == [0, ""]
    assert "\\xdcber" in done.stdout


def _audit_of(code: str, sandbox: Sandbox, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a program prints that runs the command in its arguments: an audit as JSON."""
    return subprocess.run(
        [sys.executable, "-c", code, "audit", "--json", "--base-url", sandbox.base_url],
        env=_environment(sandbox),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=PATIENCE,
        check=False,
    )


def test_what_others_print_or_log_to_stdout_is_no_part_of_the_result(partnero_sandbox: Sandbox, folder: Path) -> None:
    code = """
import logging, sys
from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.commands.parser import main
read = PartneroClient.iter_webhooks
def noisy(self, **options):
    print("printed")
    logging.StreamHandler(sys.stdout).emit(logging.makeLogRecord({"msg": "logged"}))
    return read(self, **options)
PartneroClient.iter_webhooks = noisy
sys.exit(main(sys.argv[1:]))
"""
    done = _audit_of(code, partnero_sandbox, folder)
    assert json.loads(done.stdout)["counts"]["webhooks"] == 0
    assert done.stderr == "printed\nlogged\n"


def test_a_log_that_held_stdout_before_the_command_started_is_no_part_of_the_result(
    partnero_sandbox: Sandbox, folder: Path
) -> None:
    code = """
import sys
from airflow_provider_partnero.api.client import PartneroClient
from airflow_provider_partnero.commands.airflow_cli import _function_of
from airflow_provider_partnero.commands.parser import new_parser
airflows_log, read = sys.stdout, PartneroClient.iter_webhooks
def noisy(self, **options):
    print("logged", file=airflows_log)
    return read(self, **options)
PartneroClient.iter_webhooks = noisy
_function_of("audit", "audit")(new_parser().parse_args(sys.argv[1:]))
"""
    done = _audit_of(code, partnero_sandbox, folder)
    assert [done.returncode, done.stderr] == [0, "logged\n"]
    assert json.loads(done.stdout)["counts"]["webhooks"] == 0
