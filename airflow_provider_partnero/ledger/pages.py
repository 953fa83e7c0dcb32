"""Pages of a connection's deliveries, the newest first: each costs about the same, however many deliveries there are.

A page begins where the one before it has ended (a keyset), so nothing is skipped or told twice when deliveries come in
meanwhile. How many entries one page looks at has a limit, too: what is rare is looked for portion by portion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.ledger.listing import DeliveryFilter, RecordedDelivery, read_deliveries
from airflow_provider_partnero.ledger.tables import DELIVERIES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.elements import ColumnElement

PAGE_SIZE = 50
MOST_COUNTED = 1_000
MOST_LOOKED_AT = 50_000  # entries; a tenth of a second or two
_TABLE = DELIVERIES.c
_END = "g"  # comes after every id, which is of hex digits
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})-([0-9a-f]{1,64}|g)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeliveryCursor:
    """Between two deliveries: what comes after it is older.

    :param recorded_at: of the delivery before it.
    :param delivery_id: of the same.
    """

    recorded_at: datetime
    delivery_id: str

    def __str__(self) -> str:
        moment = self.recorded_at.astimezone(UTC).replace(tzinfo=None)
        return f"{moment.isoformat(timespec='microseconds')}-{self.delivery_id}"

    @classmethod
    def from_text(cls, text: str) -> DeliveryCursor:
        """The cursor that a text stands for.

        :raises ValueError: it is none.
        """
        found = _CURSOR.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            return cls(datetime.fromisoformat(found[1]).replace(tzinfo=UTC), found[2])
        except ValueError:
            raise ValueError(f"before={short_repr(text)}: is not where a page of deliveries begins") from None

    def is_older(self) -> ColumnElement[bool]:
        """Whether an entry comes after it. The first half alone says where an index is to be entered."""
        same_time = and_(_TABLE.recorded_at == self.recorded_at, _TABLE.delivery_id < self.delivery_id)
        return and_(_TABLE.recorded_at <= self.recorded_at, or_(_TABLE.recorded_at < self.recorded_at, same_time))


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, the newest first.

    :param older: where the next page begins; None: there is nothing older.
    :param number: how many there are from the top of this page on, as far as they were counted.
    :param is_number_whole: whether there are no more than that.
    :param looked_back_to: the page is not full, since only what was recorded after this time was looked at; else None.
    """

    deliveries: tuple[RecordedDelivery, ...]
    older: DeliveryCursor | None
    number: int
    is_number_whole: bool
    looked_back_to: datetime | None


def read_page(
    session: Session, wanted: DeliveryFilter, before: DeliveryCursor | None = None, size: int = PAGE_SIZE
) -> DeliveryPage:
    """A page of deliveries.

    :param before: where it begins; None: with the newest.
    :param size: how many deliveries it has at most.
    """
    begins = [] if before is None else [before.is_older()]
    end = session.scalar(_end_of_look(wanted, begins))
    conditions = [*_conditions(wanted), *begins, *([] if end is None else [_TABLE.recorded_at > end])]
    found = read_deliveries(session, conditions, size + 1)
    if len(found) <= size:
        older = None if end is None else DeliveryCursor(end, _END)
        return DeliveryPage(tuple(found), older, len(found), end is None, looked_back_to=end)
    last = found[size - 1]
    number = _count(session, conditions)
    return DeliveryPage(
        deliveries=tuple(found[:size]),
        older=DeliveryCursor(last.recorded_at, last.delivery_id),
        number=number,
        is_number_whole=end is None and number < MOST_COUNTED,
        looked_back_to=None,
    )


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """Of the deliveries, so that the database goes through them in the order of their times.

    The index of connections and events would find those of a connection, all of them, to be sorted each time: it is
    of no use without an event. So it does not see the connection's name.
    """
    if wanted.conn_id is None or wanted.event is not None:
        return wanted.conditions()
    return [*replace(wanted, conn_id=None).conditions(), _TABLE.conn_id.concat("") == wanted.conn_id]


def _count(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    counted = select(_TABLE.delivery_id).where(*conditions).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def _end_of_look(wanted: DeliveryFilter, begins: Sequence[ColumnElement[bool]]) -> Any:
    """The time of the first entry that a page does not look at, by an index that has nothing else to pass over."""
    names_event = wanted.conn_id is not None and wanted.event is not None
    scope = [_TABLE.conn_id == wanted.conn_id, _TABLE.event == wanted.event] if names_event else []
    in_order = select(_TABLE.recorded_at).where(*scope, *begins).order_by(_TABLE.recorded_at.desc())
    return in_order.offset(MOST_LOOKED_AT).limit(1)
