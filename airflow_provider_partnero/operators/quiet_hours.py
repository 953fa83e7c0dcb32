"""Quiet hours: minutes, written as cron expressions, in which nothing is expected to happen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from airflow_provider_partnero.api.quoting import short_repr

LOOK_BACK = timedelta(days=366)  # a longer silence is too long, however much of it is quiet

_MOST = 20  # expressions
_LONGEST = 200  # characters of one
_QUARTER = timedelta(minutes=15)  # every time zone's offset is a multiple of it
_MINUTE = timedelta(minutes=1)
_WHOLE_QUARTER = (1 << 15) - 1
_MONTHS = frozenset("jan feb mar apr may jun jul aug sep oct nov dec".split())  # noqa: SIM905 - easier to read
_WEEKDAYS = frozenset("sun mon tue wed thu fri sat".split())  # noqa: SIM905
_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Cron:
    """A cron expression of five fields. An empty set stands for ``*``.

    :param minutes: a bit for each minute of an hour.
    """

    minutes: int
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def quiet_minutes(self, local: datetime) -> int:
        """A bit for each of the 15 minutes from a local time on that the expression matches."""
        if (self.hours and local.hour not in self.hours) or not self._has_day(local):
            return 0
        return (self.minutes >> local.minute) & _WHOLE_QUARTER

    def _has_day(self, local: datetime) -> bool:
        if self.months and local.month not in self.months:
            return False
        in_days, in_weekdays = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        if self.days and self.weekdays:
            return in_days or in_weekdays  # as cron has it
        return (not self.days or in_days) and (not self.weekdays or in_weekdays)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The minutes that any of some cron expressions matches in a time zone."""

    crons: tuple[_Cron, ...]
    zone: tzinfo = UTC

    def is_silence_too_long(self, since: datetime, until: datetime, longest: timedelta) -> bool:
        """Whether at least ``longest`` of the time between two moments is not quiet.

        A year is looked at; what is longer is too long. It takes some 0.2 s at most.
        """
        if not self.crons:
            return until - since >= longest
        floor = max(since, until - LOOK_BACK)
        end = until.astimezone(UTC)
        start = end.replace(minute=end.minute // 15 * 15, second=0, microsecond=0)
        loud = timedelta()
        while end > floor:
            loud += self._loud_time(start, max(start, floor), end)
            if loud >= longest:
                return True
            start, end = start - _QUARTER, start
        return since < floor

    def _loud_time(self, quarter: datetime, start: datetime, end: datetime) -> timedelta:
        """How much of a part of a quarter of an hour is not quiet."""
        local = quarter.astimezone(self.zone)
        quiet = 0
        for cron in self.crons:
            quiet |= cron.quiet_minutes(local)
        if quiet in {0, _WHOLE_QUARTER}:
            return timedelta() if quiet else end - start
        minutes = [quarter + number * _MINUTE for number in range(15) if not quiet >> number & 1]
        parts = (min(end, minute + _MINUTE) - max(start, minute) for minute in minutes)
        return sum((part for part in parts if part > timedelta()), timedelta())


def as_quiet_hours(value: Iterable[str] | str, *, argument: str) -> tuple[_Cron, ...]:
    """The expressions of a list, of a list as text, or the one that a text is; none of an empty one.

    :raises ValueError: one is not a cron expression of five fields, is quiet for one minute of an hour only, or all of
        them together leave no minute of a year.
    """
    crons = tuple(_as_cron(text, argument) for text in _texts(value, argument))
    start, end = _LEAP_YEAR
    if crons and not QuietHours(crons).is_silence_too_long(start, end, _MINUTE):
        raise ValueError(f"{argument}={short_repr(value)}: must leave some time in which an event is expected")
    return crons


def _texts(value: Iterable[str] | str, argument: str) -> list[str]:
    parsed: object = value
    if isinstance(value, str):  # a comma belongs to the expression
        text = value.strip()
        try:
            parsed = ast.literal_eval(text) if text.startswith("[") else [text] * bool(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            parsed = None
    if isinstance(parsed, str | bytes | Mapping) or not isinstance(parsed, Iterable):
        raise ValueError(f"{argument}={short_repr(value)}: must be a list of cron expressions such as ['* 0-6 * * *']")
    texts = list(parsed)
    if len(texts) > _MOST:
        raise ValueError(f"{argument}: {len(texts):,} cron expressions given; must be at most {_MOST}")
    return texts


def _as_cron(text: object, argument: str) -> _Cron:
    fields = _expanded(text)
    if fields is None:
        raise ValueError(
            f"{argument}: {short_repr(text)} is not a cron expression of five fields (minute, hour, day, month, "
            "weekday) that matches each minute that is quiet, such as '* 0-6 * * *' or '* * * * sat,sun'"
        )
    minutes, hours, days, months, weekdays = fields
    if len(minutes) == 1:
        minute, _, others = str(text).strip().partition(" ")
        raise ValueError(
            f"{argument}: {short_repr(text)} is quiet for the one minute {minute} of an hour; for whole hours write "
            f"'* {others.strip()}'"
        )
    return _Cron(
        minutes=sum(1 << minute for minute in minutes or range(60)),
        hours=hours,
        days=days,
        months=months,
        weekdays=weekdays,
    )


def _expanded(text: object) -> list[frozenset[int]] | None:
    """The numbers of the five fields; empty for ``*``. None if the text is not such an expression."""
    from croniter import croniter  # type: ignore[import-untyped]

    if not isinstance(text, str) or len(text) > _LONGEST or len(text.split()) != 5:
        return None
    if not set(re.findall(r"[^\W\d_]+", text.lower())) <= _MONTHS | _WEEKDAYS:  # croniter knows "L", "H" and "R", too
        return None
    try:
        fields, nth_weekdays = croniter.expand(text)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if nth_weekdays:
        return None
    return [frozenset() if "*" in field else frozenset(map(int, field)) for field in fields]
