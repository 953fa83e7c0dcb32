"""How a process ends together with all that it started: by its session.

A process group would not do, because Airflow gives each task a group of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import Any

_PAUSE = 0.02  # seconds


def end_session(process: subprocess.Popen[Any], patience: float = 10) -> None:
    """End a session leader and all processes of its session.

    :param patience: seconds that the leader's group gets to end after SIGTERM; then everything is killed.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    kill_session(process.pid)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def kill_session(leader: int, patience: float = 60) -> None:
    """Kill every process of a session except its leader, and wait until they have ended.

    :param leader: process id of the leader, which is the session's id, too.
    :param patience: seconds to wait; on a busy machine even a killed process takes its time.
    """
    deadline = time.monotonic() + patience
    while (members := _members(leader)) and time.monotonic() < deadline:
        for pid in members:  # before it dies, a process may start another one
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _members(leader: int) -> list[int]:
    """The running processes of a session except its leader."""
    import psutil  # type: ignore[import-untyped]  # a dependency of Airflow

    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if pid != leader and os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found
