"""Which deliveries a command is about: what its arguments say."""

from __future__ import annotations

import re
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.quoting import short_repr

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.ledger.listing import DeliveryFilter

_AGO = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PREFIX = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_NAMES = ("event", "conn_id", "key", "since", "until", "outcome")


def delivery_filter(options: Namespace, session: Session, now: datetime) -> DeliveryFilter:
    """What the arguments mean.

    :param now: what ``24h`` is counted from.
    :raises ValueError: an argument is not allowed, or no delivery has such an id.
    """
    from airflow_provider_partnero.ledger.listing import DeliveryFilter, resolve_ids

    prefixes = [checked_prefix(text) for text in getattr(options, "ids", ())]
    return DeliveryFilter(
        ids=resolve_ids(session, prefixes, options.conn_id),
        event=options.event,
        conn_id=options.conn_id,
        webhook_key=options.key,
        outcomes=(options.outcome,) if options.outcome else (),
        since=moment(options.since, "--since", now),
        until=moment(options.until, "--until", now),
    )


def is_narrowed(options: Namespace) -> bool:
    """Whether the arguments name any deliveries, or say which."""
    return bool(options.ids) or any(getattr(options, name) is not None for name in _NAMES)


def checked_prefix(text: str) -> str:
    """The beginning of a delivery's id.

    :raises ValueError: it is none.
    """
    prefix = text.strip().lower()
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"ID {short_repr(text)}: must be 8 to 64 digits (0-9, a-f) that a delivery's id begins with")
    return prefix


def moment(text: str | None, flag: str, now: datetime) -> datetime | None:
    """A time in UTC: so long ago, or in ISO 8601.

    :raises ValueError: it is neither.
    """
    if text is None:
        return None
    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        time = datetime.fromisoformat(text.strip())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{flag} {short_repr(text)}: must be so long ago (90m, 24h, 7d), or a time such as 2026-05-07T10:30 (UTC)"
        ) from None
