"""An expected event, and for how long it has not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_partnero.webhooks.texts import counted, listed

_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """An event that should come from time to time, as an audit knows it.

    :param event: such as ``transaction.created``.
    :param longest: how long it may stay away; quiet hours do not count.
    :param conn_id: the connection whose receiver gets it.
    :param now: the moment of the audit; with a time zone.
    :param last: when it last happened, as far as Airflow has it; None: it has never come.
    :param awaited_since: the first audit that expected an event that has never come; None: that is this one.
    :param is_overdue: whether it has stayed away for ``longest``, or has never come for as long as it was expected.
    """

    event: str
    longest: timedelta
    conn_id: str
    now: datetime
    last: datetime | None = None
    awaited_since: datetime | None = None
    is_overdue: bool = False


def duration_words(duration: timedelta) -> str:
    """``26 hours``, ``3 days and 2 hours``, ``90 minutes``: in at most two units, rounded down; at least a minute."""
    left = max(duration, timedelta(minutes=1))
    parts: list[str] = []
    for noun, unit in _UNITS:
        if not parts and noun != "minute" and left < 2 * unit:
            continue
        number, left = divmod(left, unit)
        parts.append(counted(number, noun) if number else "")
    return listed([part for part in parts[:2] if part])
