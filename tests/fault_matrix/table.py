"""The matrix as tables of Markdown, and back: what faults and calls have in common stands in one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from .calls import CALLS, GROUPS, Call
from .cells import Cell, Place, Times
from .faults import FAMILIES, Fault

PAGE = Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "faults.md"

MEASURED_ON = (3, 11)  # the Python whose memory the page tells

_START, _END = "<!-- written by: python -m tests.fault_matrix -->\n", "<!-- written so far -->\n"
_TITLES: dict[Times, str] = {"always": "The fault stays", "once": "The fault comes once"}
_BREAK = "<br>"

Cells = Mapping[Place, Cell]


def tables(cells: Cells) -> str:
    """All tables, with their headings."""
    faults = {place.fault for place in cells}
    parts = [f"{len(faults)} faults and {len(CALLS)} calls make {len(cells):,} cells.", ""]
    for times, title in _TITLES.items():
        for group, calls in GROUPS.items():
            columns = _columns(group)
            parts += [f"### {title}: {group.lower()}", "", _line(columns), _line(["---"] * len(columns))]
            parts += [_line(row) for row in _rows(cells, times, calls, len(columns))]
            parts.append("")
    return "\n".join(parts)


def rewritten(page: str, cells: Cells) -> str:
    """The page with these tables."""
    before, _, rest = page.partition(_START)
    _, _, after = rest.partition(_END)
    return f"{before}{_START}\n{tables(cells)}\n{_END}{after}"


def parsed(page: str) -> dict[Place, Cell]:
    """The cells that the page's tables tell."""
    cells: dict[Place, Cell] = {}
    for times, title in _TITLES.items():
        for group in GROUPS:
            columns = _columns(group)
            _, _, section = page.partition(f"### {title}: {group.lower()}\n")
            for line in section.partition("\n#")[0].splitlines():
                values = [value.strip() for value in line.strip("|").split("|")]
                if len(values) == len(columns) and values[0] not in {columns[0], "---"}:
                    told = dict(zip(columns[2:], values[2:], strict=True))
                    cell = Cell(*(told.get(name, "") for name in ("outcome", "requests", "writes", "time", "memory")))
                    for fault in values[0].split(_BREAK):
                        cells |= {Place(times, fault, call): cell for call in values[1].split(_BREAK)}
    return cells


def differences(told: Cells, found: Cells) -> list[str]:
    """What the page tells otherwise than it is, a line for each cell."""
    return [
        f"{place.call!r} meets {place.fault!r} ({place.times}): the page says {_words(told.get(place))}, "
        f"it is {_words(found.get(place))}"
        for place in sorted(told.keys() | found.keys())
        if told.get(place) != found.get(place)
    ]


def _words(cell: Cell | None) -> str:
    if cell is None:
        return "nothing"
    fields = [
        cell.outcome,
        f"{cell.requests} requests",
        cell.writes and f"{cell.writes} writes",
        cell.time,
        cell.memory,
    ]
    return ", ".join(filter(None, fields))


def _columns(group: str) -> list[str]:
    columns = ["fault", "call", "outcome", "requests"]
    columns += ["writes"] * (group != "Reading")
    return [*columns, "time", "memory"]


def _rows(cells: Cells, times: Times, calls: tuple[Call, ...], width: int) -> Iterator[list[str]]:
    for family in FAMILIES.values():
        here = [fault for fault in family if Place(times, fault.name, calls[0].name) in cells]
        for column, alike in groupby(here, key=lambda fault: _column(cells, times, fault, calls)):
            names = _BREAK.join(fault.name for fault in alike)
            for cell in dict.fromkeys(column):
                same = _BREAK.join(call.name for call, other in zip(calls, column, strict=True) if other == cell)
                values = [cell.outcome, cell.requests, cell.writes, cell.time, cell.memory]
                if width < 2 + len(values):
                    values = [value for value in values if value]
                yield [names, same, *values]


def _column(cells: Cells, times: Times, fault: Fault, calls: tuple[Call, ...]) -> tuple[Cell, ...]:
    return tuple(cells[Place(times, fault.name, call.name)] for call in calls)


def _line(values: list[str]) -> str:
    return f"| {' | '.join(values)} |"
