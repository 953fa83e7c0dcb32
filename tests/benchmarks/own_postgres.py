"""A PostgreSQL of a benchmark's own, and a folder for everything else; both go with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ..e2e.postgres import HOW_TO_START, Postgres, binaries, migrated


@contextmanager
def postgres_and_folder(
    start: Callable[[Path, Path], AbstractContextManager[Postgres]] = migrated,
) -> Iterator[tuple[Postgres, Path]]:
    """A running server, and a folder.

    :param start: starts the server from the folder of PostgreSQL's programs; may use the folder.
    """
    bin_folder = binaries()
    if bin_folder is None:
        raise SystemExit(HOW_TO_START)
    with (
        tempfile.TemporaryDirectory(prefix="partnero-bench-", ignore_cleanup_errors=True) as name,
        start(bin_folder, Path(name)) as server,
    ):
        yield server, Path(name)
