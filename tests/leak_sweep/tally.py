"""The search of all places, and its result as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .allowances import ALLOWANCES, Allowance
from .forms import Search
from .markers import Kind, Marker
from .places import Place


@dataclass(frozen=True, order=True)
class Leak:
    """A mark where it must not be."""

    place: str
    where: str
    kind: Kind
    form: str

    def __str__(self) -> str:
        return f"{self.place}: {self.where}: {self.kind}, {self.form}"


@dataclass(frozen=True)
class Row:
    """What came of one place.

    :param allowed: how many pairs of piece and kind were found where they may be.
    :param missing: controls that are not there.
    """

    place: str
    pieces: int
    size: int
    leaks: tuple[Leak, ...]
    allowed: int
    controls: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Tally:
    """What came of all places.

    :param unneeded: allowances of which some kind was found nowhere.
    """

    rows: tuple[Row, ...]
    unneeded: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether no mark is where it must not be, every place was read, and every allowance is needed."""
        return not self.unneeded and not any(row.leaks or row.missing for row in self.rows)

    def text(self) -> str:
        """The table, and below it all that is wrong. No mark is in it."""
        lines = ["| place | pieces | bytes searched | found | allowed | controls seen |", "| --- |" + " ---: |" * 5]
        for row in self.rows:
            seen = f"{row.controls - len(row.missing)} of {row.controls}"
            cells = (row.place, row.pieces, f"{row.size:,}", len(row.leaks), row.allowed, seen)
            lines.append(f"| {' | '.join(map(str, cells))} |")
        lines += [f"found: {leak}" for row in self.rows for leak in row.leaks]
        lines += [f"not searched: {row.place}: no {word}" for row in self.rows for word in row.missing]
        lines += [f"not needed: {words}" for words in self.unneeded]
        return "\n".join(lines)


def tally(
    all_places: Iterable[Place], markers: Sequence[Marker], allowances: Sequence[Allowance] = ALLOWANCES
) -> Tally:
    """Search all places for all marks."""
    search = Search(markers)
    used: set[tuple[Allowance, Kind]] = set()
    rows = []
    for place in all_places:
        leaks, allowed = set(), set()
        for piece in place.pieces:
            for hit in search.hits(piece.content):
                granted = [one for one in allowances if one.covers(place.name, piece.where, hit.kind)]
                used |= {(one, hit.kind) for one in granted}
                if granted:
                    allowed.add((piece.where, hit.kind))
                else:
                    leaks.add(Leak(place.name, piece.where, hit.kind, hit.form))
        rows.append(_row(place, tuple(sorted(leaks)), len(allowed)))
    needed = [(one, kind) for one in allowances for kind in sorted(one.kinds)]
    unneeded = tuple(f"{one.place}, {one.where}: {kind}" for one, kind in needed if (one, kind) not in used)
    return Tally(tuple(rows), unneeded)


def _row(place: Place, leaks: tuple[Leak, ...], allowed: int) -> Row:
    missing = [word for word in place.controls if not any(word in piece.content for piece in place.pieces)]
    size = sum(len(piece.content) for piece in place.pieces)
    words = tuple(word.decode() for word in missing)
    return Row(place.name, len(place.pieces), size, leaks, allowed, len(place.controls), words)
