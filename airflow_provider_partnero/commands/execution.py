"""Runs a command. Whatever goes wrong by a user's mistake becomes a sentence and an exit code, not a traceback."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from contextlib import redirect_stdout
from importlib import import_module

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.commands.terminal import OutputError, Terminal

CLEAN = 0  # nothing to do
ERROR = 1
FOUND = 2  # changes or findings
STOPPED = 130  # by Ctrl-C, as shells say it
_UNREAD = 141  # nobody reads the output any more, as shells say it

_INSTALLABLE = {"requests": "requests", "tenacity": "tenacity", "yaml": "PyYAML", "jinja2": "Jinja2"}


def execute(name: str, options: Namespace, *, prog: str) -> int:
    """Run a command; returns its exit code.

    :param prog: what the user typed before the command's name.
    """
    terminal = Terminal(prog)
    try:
        with redirect_stdout(sys.stderr):  # Airflow's log, which may go to stdout, is no part of the result
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
        return STOPPED
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


def _forget_output() -> None:
    """Let Python's own flush at the end find something that takes what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
