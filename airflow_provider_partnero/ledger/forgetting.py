"""What is known of deliveries is deleted on demand: from the ledger, and from Airflow's asset events.

An entry of the ledger is left with its digest and its connection, so that the same body is not taken for a new one. An
asset event is left with the digest, the event and a mark, and never deleted: a scheduler that is about to give it to a
run would fail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow.models.asset import AssetEvent, AssetModel
from sqlalchemy import and_, func, or_, select, update

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.ledger.entries import recorded_after
from airflow_provider_partnero.ledger.keeping import UnreadableError, unpack
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

FORGOTTEN_MARK = "forgotten"  # in the extra of an asset event
_SCHEME = "partnero://"
_IDENTIFIERS = ("id", "key", "uuid")
_TABLE = DELIVERIES.c

Key = tuple[str, str]  # connection, delivery id


@dataclass(frozen=True, slots=True)
class DataMatch:
    """What a delivery must hold to be meant.

    :param path: names, from the top of the ``extra``, or from its ``data``. A list on the way stands for its items.
    :param value: the text of the value. An object is compared by its ``id``, ``key`` and ``uuid``.
    """

    path: tuple[str, ...]
    value: str

    @classmethod
    def parse(cls, text: str) -> DataMatch:
        """``data.partner.key=VALUE``.

        :raises ValueError: it is nothing of the kind; the message leaves the value out.
        """
        path, equals, value = text.partition("=")
        names = tuple(path.strip().split("."))
        if not equals or not value or not all(names):
            raise ValueError(f"--data-match {short_repr(path)}: must be PATH=VALUE, such as data.partner.key=p_1")
        return cls(names, value)

    def is_in(self, extra: Mapping[str, Any]) -> bool:
        """Whether the extra of an asset event holds it."""
        starts = [extra] if self.path[0] in extra else []
        starts += [extra["data"]] if isinstance(extra.get("data"), dict | list) else []
        return any(self._equals(found) for start in starts for found in _values(start, self.path))

    def _equals(self, found: Any) -> bool:
        if isinstance(found, dict):
            return any(str(found[name]) == self.value for name in _IDENTIFIERS if name in found)
        return str(found) == self.value


def _values(start: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(start, list):
        for item in start:
            yield from _values(item, path)
    elif not path:
        yield start
    elif isinstance(start, dict) and path[0] in start:
        yield from _values(start[path[0]], path[1:])


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A portion of the entries.

    :param found: those that are meant, each with the asset event that it names.
    :param last: where the next portion starts; None: there is none.
    :param seen: how many entries were looked at.
    :param closed: how many hold nothing to look in, or nothing that can be read.
    :param is_scattered: whether one may have other asset events than the one that its entry names.
    """

    found: tuple[tuple[Key, int | None], ...]
    last: tuple[Any, str] | None
    seen: int
    closed: int
    is_scattered: bool


def read_entries(
    session: Session,
    conditions: Iterable[ColumnElement[bool]],
    match: DataMatch | None,
    after: tuple[Any, str] | None,
    at_once: int,
) -> EntryPage:
    """A portion of the entries that meet some conditions, the oldest first.

    :param match: what those that are meant must hold; None: all are meant.
    :param after: where the portion before has ended.
    """
    columns = [_TABLE.conn_id, _TABLE.delivery_id, _TABLE.recorded_at, _TABLE.replays, _TABLE.outcome]
    columns.append(_TABLE.asset_event_id)
    if match is not None:
        columns.append(_TABLE.kept)
    query = select(*columns).where(_is_known(), *conditions)
    if after is not None:
        query = query.where(recorded_after(*after))
    rows = session.execute(query.order_by(_TABLE.recorded_at, _TABLE.delivery_id).limit(at_once)).all()
    found = [(row, True if match is None else _holds(row.kept, match)) for row in rows]
    meant = [row for row, holds in found if holds]
    return EntryPage(
        found=tuple(((row.conn_id, row.delivery_id), row.asset_event_id) for row in meant),
        last=(rows[-1].recorded_at, rows[-1].delivery_id) if len(rows) == at_once else None,
        seen=len(rows),
        closed=sum(holds is None for _, holds in found),
        is_scattered=any(row.replays or row.outcome is None for row in meant),
    )


def _is_known() -> ColumnElement[bool]:
    return or_(_TABLE.outcome.is_(None), _TABLE.outcome != str(Outcome.FORGOTTEN))


def _holds(kept: bytes | None, match: DataMatch) -> bool | None:
    """Whether what is kept holds it; None: that cannot be seen."""
    if not kept:
        return None
    try:
        return match.is_in(unpack(bytes(kept)))
    except UnreadableError:
        return None


@dataclass(frozen=True, slots=True)
class EventPage:
    """A portion of the asset events of deliveries.

    :param found: the ids of those that are meant, whose they are, and of which event.
    :param last: where the next portion starts.
    :param is_more: whether there may be any in the next portion.
    """

    found: tuple[tuple[int, Key, str], ...]
    last: int
    is_more: bool


def newest_event(session: Session) -> int:
    """The id of the latest asset event."""
    return session.scalar(select(func.max(AssetEvent.id))) or 0


def read_events(
    session: Session, keys: Collection[Key], match: DataMatch | None, after: int, at_once: int
) -> EventPage:
    """A portion of the asset events that are of some deliveries, or hold what is looked for.

    :param after: the id with which the portion before has ended.
    """
    is_ours = AssetModel.uri.startswith(_SCHEME, autoescape=True)
    rows = session.execute(
        select(AssetEvent.id, AssetEvent.extra, AssetModel.uri)
        .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        .where(is_ours, AssetEvent.id > after)
        .order_by(AssetEvent.id)
        .limit(at_once)
    ).all()
    found = []
    for event_id, extra, uri in rows:
        key = _key_of(uri, extra)
        if key is not None and (key in keys or (match is not None and match.is_in(extra))):
            found.append((event_id, key, str(extra.get("event"))))
    return EventPage(tuple(found), rows[-1].id if rows else after, is_more=len(rows) == at_once)


def _key_of(uri: str, extra: Any) -> Key | None:
    """Whose an asset event is; None: no delivery's, or of one that is forgotten."""
    if not isinstance(extra, dict) or extra.get(FORGOTTEN_MARK) or not isinstance(extra.get("delivery_id"), str):
        return None
    return unquote(uri.removeprefix(_SCHEME).partition("/")[0]), extra["delivery_id"]


def forget_entries(session: Session, conn_id: str, delivery_ids: Collection[str]) -> tuple[int, set[int]]:
    """Delete what the ledger knows of deliveries, but their digests; in this server's turn.

    :returns: how many entries there were, and the ids of the asset events that they name.
    """
    are_meant = and_(_TABLE.conn_id == conn_id, _TABLE.delivery_id.in_(delivery_ids), _is_known())
    event_ids = session.scalars(select(_TABLE.asset_event_id).where(are_meant, _TABLE.asset_event_id.is_not(None)))
    named = {int(event_id) for event_id in event_ids}
    emptied = dict.fromkeys(("event", "webhook_key", "created_at", "asset_event_id", "kept", "replays"))
    done: Any = session.execute(update(DELIVERIES).where(are_meant).values(outcome=str(Outcome.FORGOTTEN), **emptied))
    return int(done.rowcount), named


def forget_events(session: Session, event_ids: Collection[int]) -> int:
    """Delete what asset events hold, but the digest and the event; how many there were that held more."""
    events = session.scalars(select(AssetEvent).where(AssetEvent.id.in_(event_ids))).all()
    known = [event for event in events if not (event.extra or {}).get(FORGOTTEN_MARK)]
    for event in known:
        left = {name: event.extra[name] for name in ("delivery_id", "event") if name in (event.extra or {})}
        event.extra = left | {FORGOTTEN_MARK: True}
    return len(known)
