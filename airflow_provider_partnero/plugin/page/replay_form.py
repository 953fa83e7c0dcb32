"""Deliveries that are chosen on the page to be sent again: what the form says, and what is told afterwards.

What became of each goes into the address that the browser is sent to, so a reload only tells it again. The address
can be made by anybody: that something was sent is told only if the ledger says so, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.ledger.chosen import MOST_CHOSEN, ChosenDelivery
from airflow_provider_partnero.ledger.replay import Resending
from airflow_provider_partnero.plugin.page.delivery_list import SHORT_ID, DeliverySearch

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.listing import RecordedDelivery

LARGEST_REPLAY_FORM = 16_384  # bytes; fifty deliveries take a third of it
_CODES = {one.name.lower(): one for one in Resending}
_RESULT = re.compile(r"([0-9a-f]{1,64}\.\d{1,9})\.([a-z_]{1,20})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReplayForm:
    """What somebody has chosen.

    :param chosen: each once.
    :param is_held_sent: whether to send also what a DAG has already.
    :param search: the page on which it was chosen.
    """

    chosen: tuple[ChosenDelivery, ...]
    is_held_sent: bool
    search: DeliverySearch

    @classmethod
    def of(cls, body: bytes) -> ReplayForm:
        """What a form says.

        :raises ValueError: it is no form of the page's.
        """
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MOST_CHOSEN + 10)
        chosen = tuple(dict.fromkeys(map(ChosenDelivery.from_text, fields.get("delivery", ()))))
        if len(chosen) > MOST_CHOSEN:
            raise ValueError(f"{len(chosen)} deliveries are chosen: at most {MOST_CHOSEN} are sent again at once")
        first = {name: values[0] for name, values in fields.items()}
        return cls(chosen, "again" in fields, DeliverySearch.of(first))


def told(results: Mapping[ChosenDelivery, Resending]) -> str:
    """What became of each, for the address."""
    return "~".join(f"{one}.{result.name.lower()}" for one, result in results.items())


def untold(text: str) -> list[tuple[ChosenDelivery, Resending]]:
    """What :func:`told` has put into the address.

    :raises ValueError: it is anything else.
    """
    found = []
    for part in text.split("~", MOST_CHOSEN)[:MOST_CHOSEN] if text else []:
        match = _RESULT.fullmatch(part)
        if match is None or match[2] not in _CODES:
            raise ValueError(f"results={short_repr(text)}: is not what became of a replay")
        found.append((ChosenDelivery.from_text(match[1]), _CODES[match[2]]))
    return found


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """What became of one chosen delivery."""

    short_id: str
    event: str
    words: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of all that was chosen."""

    lines: tuple[ReplayLine, ...]

    @property
    def number_sent(self) -> int:
        """How many were sent again."""
        return sum(line.is_sent for line in self.lines)


def build_replay_report(
    results: Sequence[tuple[ChosenDelivery, Resending]], deliveries: Iterable[RecordedDelivery]
) -> ReplayReport:
    """What became of each, as far as the ledger agrees.

    :param deliveries: those that the results are about, as they are now.
    """
    now = {delivery.delivery_id: delivery for delivery in deliveries}
    return ReplayReport(tuple(_line(one, result, now.get(one.delivery_id)) for one, result in results))


def _line(one: ChosenDelivery, result: Resending, delivery: RecordedDelivery | None) -> ReplayLine:
    event = delivery.event if delivery else ""
    is_sent = result is Resending.SENT and delivery is not None and delivery.replays > one.replays
    words = "the ledger knows of no replay" if result is Resending.SENT else f"left as it is: {result}"
    return ReplayLine(one.delivery_id[:SHORT_ID], event, "sent again" if is_sent else words, is_sent)
