"""The plot of a programme's audits over time: where each line, mark and word of the drawing goes.

It can be read without colour: lines differ by their dashes and marks, and each has its name and last value at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from airflow_provider_partnero.webhooks.texts import counted
from airflow_provider_partnero.webhooks.timeline import AuditPoint

WIDE, NARROW = 760, 366  # units of the drawing, each of about a pixel

_LEFT, _RIGHT, _TOP = 50.0, 134.0, 12.0
_FINDINGS_HIGH, _WEBHOOKS_HIGH, _GAP = 130.0, 60.0, 24.0
_DATES_HIGH = 26.0
_PER_MARK = 9.0  # units; closer marks would cover the line
_PER_DAY, _PER_HOUR = 60.0, 95.0  # units that a date takes, without and with its hour
_PER_LABEL = 16.0
_MOST_TICKS = 4
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_STEPS = (_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, *(days * _DAY for days in (1, 2, 3, 7, 14, 28, 56, 112, 224)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlotTick:
    """A line of the grid, and what stands at it.

    :param at: across for a date, down for a number.
    """

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One number over time.

    :param kind: class of the style: ``errors``, ``warnings``, ``webhooks``.
    :param path: of the line, as an SVG path has it.
    :param marks: where the audits are; the last one only, when they are close together.
    :param label: the last value with its name.
    :param label_down: where its label is.
    """

    kind: str
    path: str
    marks: tuple[tuple[float, float], ...]
    label: str
    label_down: float


@dataclass(frozen=True, slots=True)
class PlotPanel:
    """A scale with its lines.

    :param top: where its highest number is.
    :param bottom: where 0 is.
    :param ticks: numbers, from 0 up.
    """

    top: float
    bottom: float
    ticks: tuple[PlotTick, ...]
    lines: tuple[PlotLine, ...]


@dataclass(frozen=True, slots=True)
class LinePlot:
    """The whole drawing.

    :param left: where the oldest audit is.
    :param right: where the latest audit is, and the labels begin.
    :param panels: the findings, and below them the webhooks.
    :param dates: in UTC.
    :param words: what it shows, for those who do not see it.
    """

    width: int
    height: float
    left: float
    right: float
    panels: tuple[PlotPanel, ...]
    dates: tuple[PlotTick, ...]
    words: str


def build_plot(points: Sequence[AuditPoint], width: int) -> LinePlot:
    """The drawing of some audits.

    :param points: the oldest first; at least one.
    :param width: such as :data:`WIDE`; the height follows.
    """
    left, right = _LEFT, width - _RIGHT
    across = _across(points, left, right)
    middle = _TOP + _FINDINGS_HIGH
    bottom = middle + _GAP + _WEBHOOKS_HIGH
    findings = {"errors": [one.errors for one in points], "warnings": [one.warnings for one in points]}
    webhooks = {"webhooks": [one.webhooks for one in points]}
    return LinePlot(
        width=width,
        height=bottom + _DATES_HIGH,
        left=left,
        right=right,
        panels=(_panel(findings, across, _TOP, middle), _panel(webhooks, across, middle + _GAP, bottom)),
        dates=tuple(_dates(points[0].at, points[-1].at, left, right)),
        words=_words(points),
    )


def _across(points: Sequence[AuditPoint], left: float, right: float) -> list[float]:
    start, span = points[0].at, points[-1].at - points[0].at
    if not span:
        return [(left + right) / 2] * len(points)
    return [left + (right - left) * ((one.at - start) / span) for one in points]


def _panel(numbers: dict[str, list[int]], across: Sequence[float], top: float, bottom: float) -> PlotPanel:
    step = _step(max(max(values) for values in numbers.values()))
    highest = max(step, *(-(-max(values) // step) * step for values in numbers.values()))

    def down(value: float) -> float:
        return bottom - (bottom - top) * (value / highest)

    labels = _apart([down(values[-1]) for values in numbers.values()], top, bottom)
    return PlotPanel(
        top=top,
        bottom=bottom,
        ticks=tuple(PlotTick(down(value), _short(value, 10_000)) for value in range(0, highest + 1, step)),
        lines=tuple(
            _line(kind, values, [(x, down(value)) for x, value in zip(across, values, strict=True)], label)
            for (kind, values), label in zip(numbers.items(), labels, strict=True)
        ),
    )


def _line(kind: str, values: Sequence[int], places: Sequence[tuple[float, float]], label_down: float) -> PlotLine:
    has_room = all(later[0] - earlier[0] >= _PER_MARK for earlier, later in pairwise(places))
    return PlotLine(
        kind=kind,
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places),
        marks=tuple(places) if has_room else (places[-1],),
        label=f"{_short(values[-1], 100_000)} {kind.removesuffix('s') if values[-1] == 1 else kind}",
        label_down=label_down,
    )


def _short(number: int, most: int) -> str:
    """The number; from ``most`` on in thousands or millions, so that there is room for it."""
    if number < most:
        return f"{number:,}"
    return f"{number // 1_000}k" if number < 1_000_000 else f"{number // 1_000_000}M"


def _step(highest: int) -> int:
    """From one number of a scale to the next: 1, 2 or 5 with noughts, so that few are enough."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if highest <= step * factor * _MOST_TICKS:
                return step * factor
        step *= 10


def _apart(downs: Sequence[float], top: float, bottom: float) -> list[float]:
    """Where labels go, so that none covers another one; the higher value's stays above."""
    if len(downs) < 2 or abs(downs[0] - downs[1]) >= _PER_LABEL:
        return list(downs)
    half = _PER_LABEL / 2
    middle = min(max(sum(downs) / 2, top + half), bottom - half)
    is_first_above = downs[0] <= downs[1]
    return [middle - half, middle + half] if is_first_above else [middle + half, middle - half]


def _dates(start: datetime, end: datetime, left: float, right: float) -> Iterator[PlotTick]:
    span = end - start
    step = next((step for step in _STEPS if span <= step * _most_dates(step, left, right)), _STEPS[-1])
    first = _EPOCH - (_EPOCH - start) // step * step  # the first multiple of the step that is not before the start
    moments = [
        moment for number in range(_most_dates(step, left, right) + 1) if (moment := first + number * step) <= end
    ] or [start]
    form = "%d %b" if step >= _DAY and moments[0] != start else "%d %b %H:%M"
    for moment in moments:
        share = (moment - start) / span if span else 0.5
        yield PlotTick(left + (right - left) * share, f"{moment:{form}}".lstrip("0"))


def _most_dates(step: timedelta, left: float, right: float) -> int:
    return max(1, int((right - left) / (_PER_DAY if step >= _DAY else _PER_HOUR)))


def _words(points: Sequence[AuditPoint]) -> str:
    first, last = points[0], points[-1]
    if len(points) == 1:
        return (
            f"One audit, of {last.at:%d %B %Y, %H:%M} UTC: {counted(last.errors, 'error')}, "
            f"{counted(last.warnings, 'warning')}, {counted(last.webhooks, 'webhook')}."
        )
    most_errors, most_warnings = max(one.errors for one in points), max(one.warnings for one in points)
    return (
        f"{len(points):,} audits from {first.at:%d %B %Y} to {last.at:%d %B %Y}. "
        f"Errors: first {first.errors:,}, now {last.errors:,}, at most {most_errors:,}. "
        f"Warnings: first {first.warnings:,}, now {last.warnings:,}, at most {most_warnings:,}. "
        f"Webhooks: first {first.webhooks:,}, now {last.webhooks:,}."
    )
