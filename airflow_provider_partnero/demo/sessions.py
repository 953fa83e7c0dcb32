"""How a process ends together with all that it started: by its session.

A process group would not do, because Airflow gives each task a group of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any


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


def kill_session(leader: int) -> None:
    """Kill every process of a session except its leader.

    :param leader: process id of the leader, which is the session's id, too.
    """
    import psutil  # type: ignore[import-untyped]  # a dependency of Airflow

    for _ in range(3):  # before it dies, a process may start another one
        for pid in psutil.pids():
            with suppress(ProcessLookupError, PermissionError):
                if pid != leader and os.getsid(pid) == leader:
                    os.kill(pid, signal.SIGKILL)
