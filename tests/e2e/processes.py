"""Processes that the tests start: a session of their own each, and signals as a terminal would give them."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Any


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[Any] | int,
    errors: IO[Any] | int = subprocess.STDOUT,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start it as the leader of a session.

    Under nohup, or in the background of a shell, the tests ignore SIGHUP or SIGINT, and what they start would, too:
    a test that sends such a signal would wait for ever.

    :param output: where the process writes to.
    :param errors: where it writes its errors to; the same place by default.
    :param options: of ``subprocess.Popen``.
    """
    return subprocess.Popen(
        command,
        env=environment,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        preexec_fn=_restore_signals,  # noqa: PLW1509 - it takes no lock
        **options,
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _restore_signals() -> None:
    for ending in (signal.SIGHUP, signal.SIGINT):
        signal.signal(ending, signal.SIG_DFL)
