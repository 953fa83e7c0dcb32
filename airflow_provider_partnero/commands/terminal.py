"""Where a command writes: results to stdout, everything else to stderr, and progress only where somebody watches."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TextIO


class OutputError(Exception):
    """A result cannot be written to where it should go."""


@dataclass(slots=True)
class ProgressLine:
    """A line that says what is going on; for a reconciliation, its log.

    :param status: rich's line with a spinner; None: nobody watches.
    """

    status: Any = None

    def info(self, event: Any, *args: Any) -> None:
        """Show a message if it is a line; the command itself prints what is longer."""
        words = str(event) % args if args else str(event)
        if self.status is not None and "\n" not in words:
            self.status.update(_without_markup(words))

    def error(self, event: Any, *args: Any) -> None:
        """Print a message."""
        _write(sys.stderr, str(event) % args if args else str(event))


@dataclass(frozen=True, slots=True)
class Terminal:
    """The standard streams of a command.

    :param prog: what the user typed before the command's name.
    :param out: where results go.
    """

    prog: str
    out: TextIO | None = field(default_factory=lambda: sys.stdout, repr=False)
    _quiet: ProgressLine = field(default_factory=ProgressLine, repr=False)

    def show(self, text: str) -> None:
        """Print what was asked for."""
        _write(self.out, text)

    def say(self, text: str) -> None:
        """Print what a person should know, and a program that reads the output should not.

        Control characters are written out: a path or a server's answer may hold those that change the terminal.
        """
        from airflow_provider_partnero.webhooks.texts import visible

        _write(sys.stderr, "\n".join(map(visible, text.split("\n"))))

    def ask(self, question: str) -> bool | None:
        """Whether the user answers yes; None if there is nobody to ask."""
        if not sys.stdin or not sys.stdin.isatty():
            return None
        sys.stderr.write(f"{question} Only 'yes' is taken for a yes: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() == "yes"

    @contextmanager
    def progress(self, words: str) -> Iterator[ProgressLine]:
        """Say what is going on while it lasts, if stderr is a terminal and rich is installed."""
        if not (sys.stderr.isatty() and find_spec("rich")):
            yield self._quiet
            return
        from rich.console import Console

        with Console(stderr=True).status(words) as status:
            yield ProgressLine(status)


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """Give ``sys.stdout`` a way out of its own, and let what writes to the old one end up in stderr.

    Where Airflow has started before the command, its log holds the old one.
    """
    old, other = sys.stdout, sys.stderr
    try:
        number, elsewhere = old.fileno(), other.fileno()
    except (AttributeError, io.UnsupportedOperation):  # one is closed, or no file of this process
        yield
        return
    old.flush()
    with os.fdopen(os.dup(number), "w", encoding=old.encoding, errors=old.errors) as results:
        os.dup2(elsewhere, number)
        sys.stdout = results
        try:
            yield
        finally:
            old.flush()
            os.dup2(results.fileno(), number)
            sys.stdout = old


def _write(stream: TextIO | None, text: str) -> None:
    """Write a text and end its line; letters that the stream cannot take are written as escapes.

    :param stream: None: it was closed before Python started.
    :raises OutputError: it cannot be written, such as to a full disk.
    """
    if stream is None:
        return
    text = text if text.endswith("\n") else f"{text}\n"
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the output cannot be written ({error.strerror})") from None


def _without_markup(text: str) -> str:
    from rich.markup import escape

    return escape(text)
