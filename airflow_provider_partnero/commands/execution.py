"""Runs a command. Whatever goes wrong by a user's mistake becomes a sentence and an exit code, not a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.commands.terminal import OutputError, Terminal

CLEAN = 0  # nothing to do
ERROR = 1
FOUND = 2  # changes or findings
STOPPED = 130  # by Ctrl-C, as shells say it
_UNREAD = 141  # nobody reads the output any more, as shells say it
_TERMINATED = 143  # by SIGTERM, as shells say it

_INSTALLABLE = {"requests": "requests", "tenacity": "tenacity", "yaml": "PyYAML", "jinja2": "Jinja2"}


class Terminated(KeyboardInterrupt):
    """SIGTERM came, as from a CI job that is cancelled: the command stops as it does after Ctrl-C."""


def execute(name: str, options: Namespace, *, prog: str) -> int:
    """Run a command; returns its exit code.

    :param prog: what the user typed before the command's name.
    """
    terminal = Terminal(prog)
    try:
        # Airflow's log, which may go to stdout, is no part of the result.
        with redirect_stdout(sys.stderr), _stopped_by_sigterm():
            code: int = import_module(f"airflow_provider_partnero.commands.{name}").run(options, terminal)
    except BrokenPipeError:
        _forget_output()
        return _UNREAD
    except OutputError as error:
        _forget_output()
        terminal.say(f"error: {error}")
        return ERROR
    except KeyboardInterrupt as stop:
        terminal.say(f"\nStopped. {str(stop) or 'Nothing was written at Partnero.'}")
        return _TERMINATED if isinstance(stop, Terminated) else STOPPED
    except (ValueError, PartneroError) as error:
        terminal.say(f"error: {error}")
        return ERROR
    except ModuleNotFoundError as error:
        package = _INSTALLABLE.get(error.name or "")
        if package is None:
            raise
        terminal.say(f"error: this needs {package}, which is not installed here: pip install {package}")
        return ERROR
    return code


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Turn the first SIGTERM into :class:`Terminated`; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():  # only that one may say what a signal does
        yield
        return

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _forget_output() -> None:
    """Let Python's own flush at the end find something that takes what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
