"""The tables of ``docs/scale.md``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

from ...unit.reference_tables import Table
from . import paper, scenarios
from .measured import compared
from .target import TARGET

PAGE = "scale.md"


def _paper() -> Iterator[tuple[str, ...]]:
    return (estimate.cells() for estimate in paper.estimates(TARGET))


def _compared() -> Iterator[tuple[str, ...]]:
    return starmap(_line, compared())


def _line(what: str, simulated: float, measured: float) -> tuple[str, ...]:
    return what, f"{simulated:,.1f}", f"{measured:,.1f}", f"{simulated / measured:.2f}"


TABLES = (
    Table(
        PAGE,
        "paper",
        ("resource", "how much", "at the target", "bound", "holds", "what to change when it is reached"),
        _paper,
    ),
    Table(
        PAGE,
        "waiting",
        (
            "what happens",
            "requests a minute",
            "in the busiest second",
            "the same, in the last two minutes",
            "age of answers in s: p50, p99, most",
            "threads, most",
            "polls that wait for one, most",
            "processor",
            "memory",
        ),
        scenarios.waiting_rows,
    ),
    Table(
        PAGE,
        "receiving",
        (
            "what happens",
            "deliveries",
            "recorded",
            "given up by Partnero",
            "acknowledged and lost",
            "in one queue, most",
            "seconds to a 2xx: p50, p99",
            "answers",
            "rows of the ledger",
        ),
        scenarios.receiving_rows,
    ),
    Table(PAGE, "compared", ("what", "simulated", "measured", "ratio"), _compared),
)
