"""Prints the tables of ``docs/scale.md``: ``python -m tests.benchmarks.simulation``; ``--write`` writes them there."""

from __future__ import annotations

import logging
import sys

from .tables import TABLES


def main() -> None:
    """Print or write."""
    logging.disable(logging.WARNING)  # of each attempt that fails
    for table in TABLES:
        if "--write" in sys.argv[1:]:
            table.write()
        else:
            print(f"{table.name}\n{table}")


if __name__ == "__main__":
    main()
