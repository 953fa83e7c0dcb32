"""Starts the sandbox with a command of the documentation."""

from __future__ import annotations

import shlex
import subprocess
import sys


def words_at_start(command: str) -> str:
    """What the sandbox says once it runs, at any free port; then it is ended."""
    words = [sys.executable, *shlex.split(command)[1:]]
    words[words.index("8765")] = "0"
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said and (heard := process.stdout.readline()):
            said += heard
        process.terminate()
    return said
