"""Quiet hours: which minutes count as silence, in every time zone and across its changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.operators.quiet_hours import LOOK_BACK, QuietHours, as_quiet_hours

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def quiet(*crons: str, zone: tzinfo = UTC) -> QuietHours:
    return QuietHours(as_quiet_hours(list(crons), argument="quiet_hours"), zone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_quiet_hours_all_time_counts_to_the_second() -> None:
    until = at("2026-11-26 12:00")
    assert quiet().is_silence_too_long(until - DAY, until, DAY)
    assert not quiet().is_silence_too_long(until - DAY + timedelta(seconds=1), until, DAY)


@pytest.mark.parametrize(
    ("crons", "since", "until", "longest"),
    [
        (["* 0-6 * * *"], "2026-11-25 23:00", "2026-11-26 08:00", 2 * HOUR),
        (["* * * * 6,0"], "2026-11-27 12:00", "2026-11-30 12:00", DAY),
        (["* * * * sat,sun"], "2026-11-27 12:00", "2026-11-30 12:00", DAY),
        (["* * 25 12 *"], "2026-12-24 23:30", "2026-12-26 00:30", HOUR),
        (["30-59 12 * * *", "0-9 13 * * *"], "2026-11-26 12:20", "2026-11-26 13:20", 20 * MINUTE),
        (["* * 13 * fri"], "2026-11-12 23:00", "2026-11-14 01:00", 2 * HOUR),
        (["* * 1 * mon"], "2026-11-29 12:00", "2026-12-02 12:00", DAY),  # as in cron: that day or that weekday
    ],
    ids=str,
)
def test_quiet_minutes_do_not_count(crons: list[str], since: str, until: str, longest: timedelta) -> None:
    hours = quiet(*crons)
    assert hours.is_silence_too_long(at(since), at(until), longest)
    assert not hours.is_silence_too_long(at(since) + timedelta(seconds=1), at(until), longest)
    assert not hours.is_silence_too_long(at(since), at(until) - timedelta(seconds=1), longest)


def test_quiet_hours_are_those_of_the_time_zone_also_when_the_clock_is_changed() -> None:
    nights = quiet("* 0-6 * * *", zone=BERLIN)
    for evening, loud_hours in (("2026-03-28", 2), ("2026-10-24", 2), ("2026-07-01", 2)):  # 23 h, 25 h and 24 h long
        since = datetime.fromisoformat(f"{evening} 23:00").replace(tzinfo=BERLIN)
        until = (since.replace(tzinfo=None) + 9 * HOUR).replace(tzinfo=BERLIN)  # eight o'clock on the wall
        assert nights.is_silence_too_long(since, until, loud_hours * HOUR)
        assert not nights.is_silence_too_long(since, until, loud_hours * HOUR + MINUTE)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_time_zones_that_are_not_whole_hours_apart_are_read_to_the_minute(zone: str) -> None:
    since = datetime(2026, 4, 4, 23, tzinfo=ZoneInfo(zone))
    until = datetime(2026, 4, 5, 8, tzinfo=ZoneInfo(zone))
    assert quiet("* 0-6 * * *", zone=since.tzinfo or UTC).is_silence_too_long(since, until, 2 * HOUR)
    assert not quiet("* 0-6 * * *", zone=since.tzinfo or UTC).is_silence_too_long(since, until, 2 * HOUR + MINUTE)


def test_a_silence_of_more_than_a_year_is_too_long_however_much_of_it_is_quiet() -> None:
    nearly_always = quiet("* * * 2-12 *", "* * 2-31 1 *")
    until = at("2026-11-26 12:00")
    assert nearly_always.is_silence_too_long(until - LOOK_BACK - MINUTE, until, 90 * DAY)
    assert not nearly_always.is_silence_too_long(until - LOOK_BACK, until, 90 * DAY)


MINUTES = st.integers(0, 700_000)
FIELDS: list[st.SearchStrategy[str]] = [
    st.sampled_from(["*", "0-29", "*/2", "5,10-12"]),
    st.sampled_from(["*", "0-6", "*/3", "22-6", "1,13"]),
    st.sampled_from(["*", "1", "28-31", "*/2"]),
    st.sampled_from(["*", "3", "feb,mar", "10-3"]),
    st.sampled_from(["*", "7", "sat,sun", "1-5", "0"]),
]


@given(st.tuples(*FIELDS).map(" ".join).filter(lambda text: text != "* * * * *"), st.lists(MINUTES, min_size=20))
def test_exactly_the_minutes_that_croniter_matches_are_quiet(expression: str, minutes: list[int]) -> None:
    hours = quiet(expression)
    for number in minutes:
        minute = at("2026-01-01") + number * MINUTE
        is_quiet = not hours.is_silence_too_long(minute, minute + MINUTE, MINUTE)
        assert is_quiet == croniter.match(expression, minute), minute


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["x"], ["quiet_hours", "'x'", "five fields"]),
        (["@daily"], ["'@daily'"]),
        (["* * * * * *"], ["five fields"]),
        (["60 * * * *"], ["'60 * * * *'"]),
        (["* * L * *"], ["'* * L * *'"]),
        (["* * * * 5#2"], ["'* * * * 5#2'"]),
        (["R * * * *"], ["'R * * * *'"]),
        ([""], ["''"]),
        ([7], ["7"]),
        ([None], ["None"]),
        (["* 1 * * *" + " " * 200], ["five fields"]),
        (["* 1 * * *"] * 21, ["21", "at most 20"]),
        (["0 0-6 * * *"], ["one minute 0", "'* 0-6 * * *'"]),
        (["* * * * *"], ["must leave some time"]),
        (["* 0-11 * * *", "* 12-23 * * *"], ["must leave some time"]),
        ({"a": 1}, ["list of cron expressions"]),
        (5, ["list of cron expressions"]),
        ("['* 1 * * *'", ["list of cron expressions"]),
        ("None", ["'None'", "five fields"]),
    ],
    ids=str,
)
def test_what_is_no_quiet_time_is_refused_with_what_is_allowed(value: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        as_quiet_hours(value, argument="quiet_hours")
    assert [word for word in words if word not in str(refused.value)] == []
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "value", ["* * * * 6,0", ["* * * * 6,0"], "['* * * * 6,0']", ("* * * * sun,sat",), " * * * * 6,7 "], ids=str
)
def test_a_text_is_one_expression_or_the_list_that_a_template_renders(value: Any) -> None:
    assert as_quiet_hours(value, argument="x") == as_quiet_hours(["* * * * 0,6"], argument="x")


@pytest.mark.parametrize("value", [[], "", "[]", ()])
def test_no_expression_is_no_quiet_time(value: Any) -> None:
    assert as_quiet_hours(value, argument="x") == ()
