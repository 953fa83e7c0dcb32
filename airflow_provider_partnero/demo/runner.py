"""The demo's Airflow: one process that migrates a database and runs DAGs as real tasks, told by lines on its input.

``airflow db migrate`` and ``airflow dags test`` as Airflow's own command line runs them, without importing Airflow anew
for each. Whatever Airflow prints goes to the log file; an answer in JSON per command goes to the output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from queue import SimpleQueue
from typing import NoReturn


def main(log_path: str) -> NoReturn:
    """Read one command line of ``airflow`` per input line (as a JSON list) until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    while True:
        line = lines.get()
        started = time.monotonic()
        words = _run(json.loads(line))
        answers.write(json.dumps({"failure": words, "seconds": time.monotonic() - started}) + "\n")


def _listen(lines: SimpleQueue[str]) -> NoReturn:
    """Whoever talks to us is gone when the input ends, killed perhaps; a task that waits for its sandbox never ends."""
    for line in sys.stdin:
        lines.put(line)
    kill_session(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def kill_session(leader: int) -> None:
    """SIGKILL to every process of a session but its leader; a group would not do: Airflow gives each task its own."""
    import psutil  # type: ignore[import-untyped]  # Airflow's own dependency

    for _ in range(3):  # a process that is not dead yet may start another
        for pid in psutil.pids():
            with suppress(ProcessLookupError, PermissionError):
                if pid != leader and os.getsid(pid) == leader:
                    os.kill(pid, signal.SIGKILL)


def _run(command: list[str]) -> str | None:
    """Why the command failed, in one line, or None."""
    from airflow.__main__ import main as airflow

    sys.argv = ["airflow", *command]
    try:
        airflow()  # type: ignore[no-untyped-call]
    except SystemExit as ended:
        return str(ended.code) if ended.code else None
    except Exception as error:  # noqa: BLE001 - whatever a DAG or Airflow itself may raise; the demo goes on to tell it
        with suppress(OSError):  # no space is left for the log, as the words below say then
            traceback.print_exc()
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


if __name__ == "__main__":
    main(sys.argv[1])
