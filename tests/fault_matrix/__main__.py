"""Write the tables of ``docs/faults.md``, or compare them with what happens."""

from __future__ import annotations

import argparse
import sys

from .cells import regenerate
from .table import MEASURED_ON, PAGE, differences, parsed, rewritten


def main() -> int:
    """Return 1 if the page was to be compared and tells anything else."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault_matrix", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and name each cell that differs")
    arguments = parser.parse_args()
    if sys.version_info[:2] != MEASURED_ON:
        parser.error(f"the page tells the memory of Python {'.'.join(map(str, MEASURED_ON))}: run it with that one")
    page, cells = PAGE.read_text(encoding="utf-8"), regenerate()
    if not arguments.check:
        PAGE.write_text(rewritten(page, cells), encoding="utf-8")
        return 0
    wrong = differences(parsed(page), cells)
    print("\n".join(wrong) or "The page is true.")
    return 1 if wrong or rewritten(page, cells) != page else 0


if __name__ == "__main__":
    sys.exit(main())
