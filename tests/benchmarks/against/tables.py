"""What a subject gives: tables, a word on who is better, and rows for the summary."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from statistics import median, median_low
from typing import Any, Literal, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Column = Literal["ours", "airflow", "requests", "partnero", "httpx"]

COLUMNS: dict[Column, str] = {
    "ours": "this provider",
    "airflow": "Airflow's own",
    "requests": "`requests`",
    "partnero": "PyPI `partnero`",
    "httpx": "`httpx`, asyncio",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table in Markdown.

    :param head: names of the columns.
    :param rows: the cells of each row.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of the summary.

    :param what: what was measured, in a few words.
    :param cells: what each of the columns says; a missing one has no way to do it.
    """

    what: str
    cells: Mapping[Column, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was measured of one subject.

    :param title: its heading.
    :param how: how it was measured.
    :param tables: what came out, each with the line above it.
    :param others: where the others are better.
    :param findings: its rows of the summary.
    """

    title: str
    how: str
    tables: tuple[tuple[str, Table], ...]
    others: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        parts = [f"## {self.title}", self.how]
        for words, table in self.tables:
            parts += [*filter(None, [words]), str(table)]
        return "\n\n".join([*parts, f"Where the others are better: {self.others}"])


def summary(subjects: Sequence[Subject]) -> Table:
    """The findings of all subjects as one table."""
    rows = [
        (finding.what, *(finding.cells.get(column, "-") for column in COLUMNS))
        for subject in subjects
        for finding in subject.findings
    ]
    return Table(("what", *COLUMNS.values()), tuple(rows))


def in_turns(peers: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, T]:
    """Measure every peer once a round, one after the other; what is typical of each."""
    runs: dict[K, list[T]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, measure in peers.items():
            runs[name].append(measure())
    return {name: typical(of_one) for name, of_one in runs.items()}


def side_by_side(peers: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, T]:
    """The same for peers that mostly wait: in each round all of them at once."""
    with ThreadPoolExecutor(len(peers)) as pool:
        turns = [list(pool.map(lambda measure: measure(), peers.values())) for _ in range(rounds)]
    return {name: typical(runs) for name, runs in zip(peers, zip(*turns, strict=True), strict=True)}


def typical(runs: Sequence[T]) -> T:
    """One run that has the median of each number, and all the words that came."""
    values = {field.name: [getattr(run, field.name) for run in runs] for field in fields(runs[0])}  # type: ignore[arg-type]
    return type(runs[0])(**{name: _middle(of_field) for name, of_field in values.items()})


def _middle(values: Sequence[Any]) -> Any:
    if isinstance(values[0], str):
        return " or ".join(dict.fromkeys(values))
    return median(values) if isinstance(values[0], float) else median_low(values)


def ratio(value: float, ours: float) -> str:
    """How many times ours a figure is."""
    return f"{value / ours:.2f}" if ours else "-"


def seconds(value: float) -> str:
    """Seconds in a cell."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def less(values: Mapping[str, float], ours: str, word: str) -> str:
    """Who has less than ours, as a sentence."""
    names = [name for name, value in values.items() if value < values[ours]]
    return f"{word}: {'; '.join(names)}." if names else f"{word}: nobody."
