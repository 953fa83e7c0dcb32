"""A sandbox in a process of its own, so that a benchmark's figures are not those of the server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_partnero.sandbox import SandboxControl

from ..e2e.processes import free_port

TOKEN = "demo"


@contextmanager
def own_sandbox() -> Iterator[SandboxControl]:
    """A running one; its token is :data:`TOKEN`."""
    port = free_port()
    command = [sys.executable, "-m", "airflow_provider_partnero.sandbox", "--port", str(port), "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, "the sandbox has ended"
        try:
            with SandboxControl(f"http://127.0.0.1:{port}") as control:
                yield control
        finally:
            process.terminate()
