"""The view Deliveries: what came, what became of it, and what may be done about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from airflow_provider_partnero.ledger.chosen import ChosenDelivery
from airflow_provider_partnero.ledger.listing import FAILED
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.pages import DeliveryCursor

if TYPE_CHECKING:
    from airflow_provider_partnero.ledger.listing import RecordedDelivery, RunOfDelivery
    from airflow_provider_partnero.ledger.pages import DeliveryPage

OutcomeKind = Literal["good", "warning", "error", "unknown"]

OUTCOMES: Mapping[str, tuple[OutcomeKind, str]] = {
    FAILED: ("error", "a run failed"),
    Outcome.UNROUTED: ("warning", "no DAG listens"),
    Outcome.PAUSED: ("warning", "its DAGs are paused"),
    Outcome.ACCEPTED: ("good", "handed to DAGs"),
    Outcome.FORGOTTEN: ("unknown", "forgotten on demand"),
}
"""What became of a delivery, in words and a colour; those to look at first."""

SHORT_ID = 12  # digits, as the command prints
_MOST_RUNS = 4


@dataclass(frozen=True, slots=True)
class DeliverySearch:
    """Which deliveries are asked for.

    :param event: empty: any.
    :param outcome: one of :data:`OUTCOMES`; empty: any.
    :param before: where the page begins; None: with the newest.
    """

    event: str = ""
    outcome: str = ""
    before: DeliveryCursor | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> DeliverySearch:
        """What a query says.

        :raises ValueError: it does not say where a page begins.
        """
        outcome = query.get("outcome", "")
        before = query.get("before", "")
        return cls(
            event=query.get("event", "")[:200],
            outcome=outcome if outcome in OUTCOMES else "",
            before=DeliveryCursor.from_text(before) if before else None,
        )

    def link(self, before: DeliveryCursor | None = None) -> dict[str, str]:
        """The query for the same deliveries from a place on."""
        return {"event": self.event, "outcome": self.outcome, "before": str(before) if before else ""}


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One delivery.

    :param kind: the colour of what became of it.
    :param words: what became of it.
    :param runs: the first runs that took it, of DAGs that whoever looks may read.
    :param more_runs: how many further runs took it.
    :param no_run: why there is no run; empty if there is one.
    :param chosen: what stands for it in the form; empty if it cannot be sent again.
    """

    delivery_id: str
    event: str
    webhook_key: str
    recorded_at: datetime
    created_at: datetime | None
    kind: OutcomeKind
    words: str
    runs: tuple[RunOfDelivery, ...]
    more_runs: int
    no_run: str
    replays: int
    is_kept: bool
    chosen: str

    @property
    def short_id(self) -> str:
        """The beginning of its id."""
        return self.delivery_id[:SHORT_ID]


@dataclass(frozen=True, slots=True)
class DeliveryList:
    """A page of the view.

    :param events: that have come, for the choice; in the order of their names.
    :param has_newer: whether this page begins below newer ones.
    """

    search: DeliverySearch
    events: tuple[str, ...]
    lines: tuple[DeliveryLine, ...]
    number: int
    is_number_whole: bool
    older: DeliveryCursor | None
    looked_back_to: datetime | None

    @property
    def has_newer(self) -> bool:
        """Whether it begins below newer ones."""
        return self.search.before is not None


def build_delivery_list(
    page: DeliveryPage, search: DeliverySearch, events: Iterable[str], readable_dags: Collection[str]
) -> DeliveryList:
    """What the view says.

    :param events: that have come.
    :param readable_dags: ids of the DAGs whose runs whoever looks may see.
    """
    return DeliveryList(
        search=search,
        events=tuple(sorted({*events, search.event} - {""})),
        lines=tuple(_line(delivery, readable_dags) for delivery in page.deliveries),
        number=page.number,
        is_number_whole=page.is_number_whole,
        older=page.older,
        looked_back_to=page.looked_back_to,
    )


def dags_of(deliveries: Sequence[RecordedDelivery]) -> set[str]:
    """The ids of the DAGs whose runs took some deliveries."""
    return {run.dag_id for delivery in deliveries for run in delivery.runs}


def _line(delivery: RecordedDelivery, readable_dags: Collection[str]) -> DeliveryLine:
    kind, words = OUTCOMES.get(delivery.outcome, ("unknown", delivery.outcome))
    runs = [run for run in delivery.runs if run.dag_id in readable_dags]
    may_be_sent = delivery.is_kept and delivery.event and delivery.recorded_outcome != Outcome.FORGOTTEN
    return DeliveryLine(
        delivery_id=delivery.delivery_id,
        event=delivery.event,
        webhook_key=delivery.webhook_key,
        recorded_at=delivery.recorded_at,
        created_at=delivery.created_at,
        kind=kind,
        words=words,
        runs=tuple(runs[:_MOST_RUNS]),
        more_runs=len(delivery.runs) - len(runs[:_MOST_RUNS]),
        no_run="" if delivery.runs else _no_run(delivery),
        replays=delivery.replays,
        is_kept=delivery.is_kept,
        chosen=str(ChosenDelivery(delivery.delivery_id, delivery.replays)) if may_be_sent else "",
    )


def _no_run(delivery: RecordedDelivery) -> str:
    if delivery.asset_event_id is None:
        return "none"
    return "none yet" if delivery.has_event else "not known any more"
