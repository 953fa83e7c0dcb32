"""What commands that write have in common: they ask before, and when they are stopped they say how far they came."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal

_LETS_IN_FOR = 0.05  # seconds


def is_wanted(options: Namespace, terminal: Terminal, question: str, nothing: str, remedy: str = "Give --yes") -> bool:
    """Whether the user agrees to what was shown; if not, that is said.

    :param nothing: what is said then, such as "nothing was sent".
    :param remedy: what to do where there is nobody to ask.
    :raises ValueError: there is nobody to ask.
    """
    answer = True if options.yes else terminal.ask(question)
    if answer is None:
        raise ValueError(f"{nothing}: there is no terminal to ask on. {remedy}")
    if not answer:
        terminal.say(f"{nothing.capitalize()}.")
    return answer


@contextmanager
def telling_when_stopped(words: Callable[[], str]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM say what was done until then, and what to do about the rest."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise type(stop)(words()) from None


def let_senders_in() -> None:
    """Pause between two transactions that hold up the receiver's senders.

    PostgreSQL lets in who has waited longest. SQLite lets in who happens to ask, and they ask ever more rarely.
    """
    time.sleep(_LETS_IN_FOR)
