"""A process that runs commands of ``airflow``, one after the other, and imports Airflow only once.

It reads one order a line from its input and writes one answer a line to its output, both in JSON. What Airflow prints
goes to the log file.
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
from datetime import datetime
from queue import SimpleQueue
from typing import Any, NoReturn

from airflow_provider_partnero.demo.sessions import kill_session


def main(log_path: str) -> NoReturn:
    """Carry out the orders from the input until it ends.

    Each is ``{"command": [argument], "environment": {name: value}, "dag_id", "at": iso}``. All but the command may be
    left out; the last two are for a DAG of audits that is to run as if it were that moment.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    while True:
        line = lines.get()
        started = time.monotonic()
        failure = _carry_out(json.loads(line))
        answers.write(json.dumps({"failure": failure, "seconds": time.monotonic() - started}) + "\n")


def _listen(lines: SimpleQueue[str]) -> NoReturn:
    """Put the lines of the input into a queue, and kill this session when the input ends.

    The input ends when the demo does, even if it is killed. Tasks would go on waiting for its sandbox.
    """
    for line in sys.stdin:
        lines.put(line)
    kill_session(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def _carry_out(order: dict[str, Any]) -> str | None:
    """Why the order failed, in one line, or None. Afterwards the environment is what it was."""
    before = dict(os.environ)
    os.environ.update(order.get("environment", {}))
    try:
        return _run_at(order) if "at" in order else _run(order["command"])
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_at(order: dict[str, Any]) -> str | None:
    from airflow_provider_partnero.demo.backdating import backdate, clock_at

    moment = datetime.fromisoformat(order["at"])
    with clock_at(moment):
        failure = _run(order["command"])
    if failure:
        return failure
    backdate(order["dag_id"], moment)
    return None


def _run(command: list[str]) -> str | None:
    """Why the command failed, in one line, or None."""
    from airflow.__main__ import main as airflow

    sys.argv = ["airflow", *command]
    try:
        airflow()  # type: ignore[no-untyped-call]
    except SystemExit as ended:
        return str(ended.code) if ended.code else None
    except Exception as error:  # noqa: BLE001 - a DAG or Airflow may raise anything, and the demo reports it
        with suppress(OSError):  # a full disk has no space for the log; then the error itself says so
            traceback.print_exc()
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


if __name__ == "__main__":
    main(sys.argv[1])
