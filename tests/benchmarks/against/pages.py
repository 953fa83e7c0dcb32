"""Where the comparison is written: the summary in the README, all of it on a page of its own."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from .tables import Subject, summary

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
PAGE = ROOT / "airflow_provider_partnero" / "docs" / "comparison.md"
_START, _END = "<!-- written by: python -m tests.benchmarks.against --write -->\n", "<!-- written so far -->"
_PACKAGES = ("apache-airflow", "apache-airflow-providers-http", "requests", "partnero", "httpx")


def circumstances() -> str:
    """When and with what it was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, in one run on a machine of {os.cpu_count()} cores, with Python "
        f"{platform.python_version()}, {packages}. Medians of the rounds, in which the peers take turns."
    )


def whole(subjects: Sequence[Subject]) -> str:
    """What the page tells."""
    return "\n\n".join([circumstances(), "## In short", str(summary(subjects)), *map(str, subjects)])


def short(subjects: Sequence[Subject]) -> str:
    """What the README tells."""
    return f"{summary(subjects)}\n\n{circumstances()}"


def write(subjects: Sequence[Subject]) -> None:
    """Write both."""
    for path, words in ((README, short(subjects)), (PAGE, whole(subjects))):
        path.write_text(rewritten(path.read_text(encoding="utf-8"), words), encoding="utf-8")


def rewritten(text: str, words: str) -> str:
    """A file with these words between its two marks."""
    before, _, after = _around(text)
    return f"{before}{_START}\n{words}\n\n{_END}{after}"


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the tables between a file's marks, heads included; numbers are left out."""
    cells = re.findall(r"^\| ?([^|]*?) \|", _around(text)[1], re.MULTILINE)
    return [without_numbers(cell) for cell in cells if cell != "---"]


def without_numbers(words: str) -> str:
    """Words that are the same, however much was measured."""
    return re.sub(r"\d[\d,.]*", "N", words)


def _around(text: str) -> tuple[str, str, str]:
    before, start, rest = text.partition(_START)
    written, end, after = rest.partition(_END)
    assert start, "no place for the comparison"
    assert end, "the place for the comparison has no end"
    return before, written, after
