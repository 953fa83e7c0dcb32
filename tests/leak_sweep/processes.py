"""What any user of the machine can see of processes, and what their own can: arguments and environments."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_PAUSE = 0.25  # seconds


class Watched:
    """Looks at every process that has a mark in its environment, again and again, until the ``with`` block ends.

    :param mark: what its environment holds if it is one of ours.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.arguments: set[bytes] = set()
        self.environments: dict[bytes, bytes] = {}  # the program of each, by its environment

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(_PAUSE):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    self._look_at(process)

    def _look_at(self, process: Path) -> None:
        environment = (process / "environ").read_bytes()
        if self._mark not in environment:
            return
        arguments = (process / "cmdline").read_bytes()
        self.arguments.add(arguments)
        self.environments.setdefault(environment, arguments)
