"""The events that an audit expects from time to time: how they are given, and when each last came."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import airflow_version, can_read_asset_events, latest_asset_events
from airflow_provider_partnero.api.arguments import checked_events
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.assets import check_event, partnero_audit_asset, partnero_event_asset
from airflow_provider_partnero.operators.arguments import is_final

if TYPE_CHECKING:
    from airflow_provider_partnero.operators.quiet_hours import QuietHours
    from airflow_provider_partnero.webhooks.silence import ExpectedEvent

AWAITED_FIELD = "awaited_since"
"""Field of an audit's asset event: since when it has expected each event that has never come."""

_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=90)
_MOST = 50  # events; each is a request to Airflow's API server
_MOST_LATE = 25  # asset events read if the newest is of an old delivery, such as one that was sent again
_MOST_AUDITS = 5


def as_expected(value: Mapping[str, Any] | str, *, argument: str) -> dict[str, timedelta]:
    """How long each event may stay away, from a mapping or from its text, which a template renders it to.

    :param value: each event's ``timedelta``, or its number of seconds.
    :raises ValueError: ``value`` is anything else, or a duration is not from a minute to 90 days.
    """
    expected = _parsed(value) if isinstance(value, str) else value
    if not isinstance(expected, Mapping):
        raise ValueError(
            f"{argument}={short_repr(value)}: must be a mapping of events to durations, such as "
            "{'transaction.created': timedelta(hours=24)}"
        )
    if len(expected) > _MOST:
        raise ValueError(f"{argument}: {len(expected):,} events given; must be at most {_MOST}")
    events = checked_events(list(expected), argument=argument) if expected else ()
    for event in events:
        check_event(event)
        if not is_final(event):
            raise ValueError(f"{argument}: {short_repr(event)} must be an event, not a template")
    return {event: _as_duration(expected[event], event, argument) for event in events}


def is_settled(value: object) -> bool:
    """Whether the argument is what the task will get: no duration is a template. Airflow leaves a mapping's keys."""
    if isinstance(value, Mapping):
        return all(isinstance(one, timedelta) or is_final(one) for one in value.values())
    return is_final(value)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip() or "None")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _as_duration(value: object, event: str, argument: str) -> timedelta:
    allowed = f"{argument}: {event} is {short_repr(value)}; must be a timedelta or a number of seconds, from {{}}"
    words = allowed.format("a minute to 90 days")
    if isinstance(value, timedelta):
        duration = value
    else:
        try:
            duration = timedelta(seconds=float(value) if not isinstance(value, bool) else -1)  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            raise ValueError(words) from None
    if not _SHORTEST <= duration <= _LONGEST:
        raise ValueError(words)
    return duration


def look_up(
    expected: Mapping[str, timedelta], quiet: QuietHours, partnero_conn_id: str, now: datetime
) -> tuple[list[ExpectedEvent], list[str]]:
    """The expected events with what Airflow knows of them, and sentences on what it does not know.

    The time of an event is that at Partnero, so that a delivery that is sent again later is no sign of life.

    :param now: with a time zone.
    :raises Exception: whatever Airflow raises when its API server does not answer.
    """
    from airflow_provider_partnero.webhooks.silence import ExpectedEvent

    if not expected:
        return [], []
    if not can_read_asset_events():
        return [], [
            f"PW016 is not checked: tasks of Airflow {airflow_version()} cannot read an asset's latest events, as "
            "they can from 3.2 on."
        ]
    last = {event: _last(event, partnero_conn_id, now - longest, now) for event, longest in expected.items()}
    never = [event for event, moment in last.items() if moment is None]
    awaited = _awaited_since(never, partnero_conn_id) if never else {}
    found = []
    for event, longest in expected.items():
        since = last[event] or awaited.get(event)
        is_overdue = since is not None and quiet.is_silence_too_long(since, now, longest)
        found.append(
            ExpectedEvent(event, longest, partnero_conn_id, now, last[event], awaited.get(event), is_overdue=is_overdue)
        )
    notes = [f"No {event} has ever come; PW016 expects it from now on." for event in never if event not in awaited]
    return found, notes


def awaited(expected: Iterable[ExpectedEvent]) -> dict[str, str]:
    """What the next audit needs to know: since when each event that has never come is expected, as ISO 8601."""
    return {
        one.event: (one.awaited_since or one.now).astimezone(UTC).isoformat(timespec="seconds")
        for one in expected
        if one.last is None
    }


def _last(event: str, partnero_conn_id: str, fresh: datetime, now: datetime) -> datetime | None:
    """When the event last happened; None if no delivery of it is known.

    :param fresh: since when it is no silence; if the newest asset event is older, a few before it are read as well.
    """
    asset = partnero_event_asset(event, partnero_conn_id)
    for most in (1, _MOST_LATE):
        recorded = latest_asset_events(asset, most)
        moments = [moment for one in recorded if (moment := _happened(one, event, now))]
        if len(recorded) < most or max(moments, default=fresh) > fresh:
            break
    return max(moments, default=None)


def _happened(recorded: Any, event: str, now: datetime) -> datetime | None:
    """When the delivery of an asset event happened at Partnero; None if the receiver did not record the event."""
    from airflow_provider_partnero.webhooks.delivery import PartneroDelivery

    try:
        delivery = PartneroDelivery.from_extra(recorded.extra or {})
    except ValueError:
        return None
    if delivery.event != event:
        return None
    recorded_at: datetime = recorded.timestamp
    return min(delivery.moment() or recorded_at, recorded_at, now)  # a clock may be wrong


def _awaited_since(events: Iterable[str], partnero_conn_id: str) -> dict[str, datetime]:
    """The first audit that is known to have expected each of the events; without those that none has."""
    found: dict[str, datetime] = {}
    for recorded in latest_asset_events(partnero_audit_asset(partnero_conn_id), _MOST_AUDITS):
        told: Any = (recorded.extra or {}).get(AWAITED_FIELD)
        if not isinstance(told, Mapping):
            continue
        for event in events:
            moment = _moment(told[event]) if event in told else None
            if moment and moment < found.get(event, datetime.max.replace(tzinfo=UTC)):
                found[event] = moment
    return found


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
