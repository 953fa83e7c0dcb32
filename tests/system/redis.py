"""A Redis of Debian's packages for the tests: started by them, thrown away after them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from airflow_provider_partnero.demo.sessions import end_session
from tests.e2e.processes import free_port, start_process
from tests.e2e.waiting import wait_for

HOW_TO_START = (
    "needs Redis and Airflow's Celery provider: apt-get install redis-server, then uv sync --group celery; "
    "the test starts a server of its own"
)


def binary() -> str | None:
    """Redis's program, if the Celery provider is there, too."""
    return shutil.which("redis-server") if find_spec("airflow.providers.celery") else None


@contextmanager
def running(program: str, folder: Path) -> Iterator[str]:
    """A server on a free port; its URL, as Celery takes it.

    :param folder: of its own; nothing is kept there.
    """
    folder.mkdir()
    port = free_port()
    # No configuration file: not what /etc/redis says, which is about the machine's own server.
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    with (folder / "log").open("wb") as log:
        process = start_process(command, os.environ, log)
        try:

            def is_up() -> bool:
                assert process.poll() is None, (folder / "log").read_text()
                return "PONG" in _ask(port)

            wait_for(is_up, "Redis")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            end_session(process)


def _ask(port: int) -> str:
    asked = ["redis-cli", "-p", str(port), "ping"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False).stdout
