"""The plot of a programme's audits over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.plugin.page.line_plot import NARROW, WIDE, LinePlot, build_plot
from airflow_provider_partnero.webhooks.timeline import AuditPoint

START = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def _week(errors: list[int], warnings: list[int]) -> LinePlot:
    pairs = enumerate(zip(errors, warnings, strict=True))
    return build_plot([AuditPoint(START + day * DAY, one, two, 40) for day, (one, two) in pairs], WIDE)


_POINTS = st.lists(
    st.builds(
        AuditPoint,
        st.datetimes(datetime(1950, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC)),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
    ),
    min_size=1,
    max_size=12,
).map(lambda points: sorted(points, key=lambda point: point.at))


@given(_POINTS, st.sampled_from([WIDE, NARROW]))
def test_everything_is_inside_the_drawing_and_no_label_covers_another(points: list[AuditPoint], width: int) -> None:
    plot = build_plot(points, width)
    assert plot.width == width
    for panel in plot.panels:
        assert 0 < panel.top < panel.bottom < plot.height
        assert 2 <= len(panel.ticks) <= 5
        downs = [line.label_down for line in panel.lines]
        places = [place for line in panel.lines for place in line.marks]
        assert all(panel.top <= down <= panel.bottom for down in [*downs, *(y for _, y in places)])
        assert all(plot.left - 0.01 <= x <= plot.right + 0.01 for x, _ in places)
        assert max(len(tick.text) for tick in panel.ticks) <= 5
        assert max(len(line.label) for line in panel.lines) <= len("99,999 webhooks")
        assert len(downs) == 1 or abs(downs[0] - downs[1]) >= 15.9
    assert 1 <= len(plot.dates) <= 10
    assert all(plot.left <= date.at <= plot.right for date in plot.dates)


@given(_POINTS)
def test_the_higher_value_is_higher_up(points: list[AuditPoint]) -> None:
    findings, _ = build_plot(points, WIDE).panels
    errors, warnings = findings.lines
    difference = points[-1].errors - points[-1].warnings
    assert (errors.marks[-1][1] <= warnings.marks[-1][1]) is (difference >= 0) or abs(difference) < 2
    assert not difference or (errors.label_down < warnings.label_down) is (difference > 0)


def test_each_line_ends_in_its_name_and_its_last_value() -> None:
    labels = [line.label for panel in _week([5, 2, 1], [0, 1, 3]).panels for line in panel.lines]
    assert labels == ["1 error", "3 warnings", "40 webhooks"]


def test_large_numbers_are_told_in_thousands_and_millions() -> None:
    findings, webhooks = build_plot([AuditPoint(START, 123_456, 10_000_000, 99_999)], WIDE).panels
    assert [line.label for line in (*findings.lines, *webhooks.lines)] == [
        "123k errors",
        "10M warnings",
        "99,999 webhooks",
    ]
    assert [tick.text for tick in findings.ticks] == ["0", "5M", "10M"]
    assert [tick.text for tick in webhooks.ticks] == ["0", "50k", "100k"]


def test_scales_begin_with_nought_and_go_in_round_steps() -> None:
    findings, webhooks = _week([0, 17], [3, 4]).panels
    assert [tick.text for tick in findings.ticks] == ["0", "5", "10", "15", "20"]
    assert [tick.text for tick in webhooks.ticks] == ["0", "10", "20", "30", "40"]


def test_a_programme_without_a_finding_lies_on_the_ground() -> None:
    findings, _ = _week([0, 0], [0, 0]).panels
    assert [tick.text for tick in findings.ticks] == ["0", "1"]
    assert {y for line in findings.lines for _, y in line.marks} == {findings.bottom}


def test_days_stand_below_a_week() -> None:
    points = [AuditPoint(START + day * DAY, 1, 1, 1) for day in range(8)]
    wide, narrow = (build_plot(points, width) for width in (WIDE, NARROW))
    assert [date.text for date in wide.dates] == [f"{day} Nov" for day in range(21, 28)]
    assert [date.text for date in narrow.dates] == ["21 Nov", "24 Nov", "27 Nov"]


def test_a_single_audit_is_a_mark_with_its_time() -> None:
    plot = _week([2], [1])
    assert [date.text for date in plot.dates] == ["20 Nov 06:00"]
    assert plot.words == "One audit, of 20 November 2026, 06:00 UTC: 2 errors, 1 warning, 40 webhooks."


@pytest.mark.parametrize(("number", "marks"), [(30, 30), (400, 1)])
def test_marks_that_would_cover_the_line_are_left_out_but_for_the_last(number: int, marks: int) -> None:
    points = [AuditPoint(START + hour * timedelta(hours=1), 1, 1, 1) for hour in range(number)]
    assert {len(line.marks) for panel in build_plot(points, WIDE).panels for line in panel.lines} == {marks}


def test_the_plot_is_told_in_words_too() -> None:
    assert _week([5, 9, 1], [0, 1, 3]).words == (
        "3 audits from 20 November 2026 to 22 November 2026. Errors: first 5, now 1, at most 9. "
        "Warnings: first 0, now 3, at most 3. Webhooks: first 40, now 40."
    )
