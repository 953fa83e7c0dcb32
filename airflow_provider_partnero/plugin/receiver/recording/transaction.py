"""One transaction that records deliveries: an entry in the ledger for each, and an asset event if a DAG listens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.ledger import entries as ledger
from airflow_provider_partnero.ledger.asset_events import NewEvent
from airflow_provider_partnero.ledger.emission import Emission, Subject
from airflow_provider_partnero.ledger.entries import NewEntry, storable_time
from airflow_provider_partnero.ledger.keeping import pack
from airflow_provider_partnero.ledger.outcomes import Outcome
from airflow_provider_partnero.ledger.turn import utc_now
from airflow_provider_partnero.plugin.receiver.answers import ACCEPTED, DUPLICATE, UNROUTED, Answer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.plugin.receiver.recording.job import Job


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """A job, with what takes time done: nobody waits for it in the transaction.

    :param extra: of the asset event.
    :param kept: the same, packed for the ledger.
    :param happened: when it happened at Partnero, if that is known.
    """

    job: Job
    extra: dict[str, Any]
    kept: bytes
    happened: datetime | None

    @classmethod
    def of(cls, job: Job) -> PreparedJob:
        """A job, prepared."""
        extra = job.delivery.to_extra(job.store)
        return cls(job, extra, pack(extra), job.delivery.moment())

    @property
    def key(self) -> tuple[str, str]:
        """What names its entry in the ledger: connection and delivery id."""
        return self.job.conn_id, self.job.delivery.delivery_id

    @property
    def subject(self) -> Subject:
        """Its connection and event."""
        return self.job.conn_id, self.job.delivery.event


class Transaction:
    """Begins by waiting for its turn among all API servers; see :func:`~.turn.take_turn`.

    :param wall_clock: the time in UTC, for a database without a clock of its own.
    """

    def __init__(self, session: Session, wall_clock: Callable[[], datetime] = utc_now) -> None:
        self._session = session
        self._emission = Emission(session, wall_clock)

    def record(self, prepared: Sequence[PreparedJob]) -> list[Answer]:
        """Record what is new; an answer for each job."""
        known = ledger.find_entries(self._session, {one.job.delivery.delivery_id for one in prepared})
        self._emission.look_up({one.subject for one in prepared if one.key not in known})
        new: dict[Subject, list[tuple[PreparedJob, datetime]]] = defaultdict(list)
        answers = []
        for one in prepared:
            if one.key in known:
                answers.append(DUPLICATE)
                continue
            known.add(one.key)
            new[one.subject].append((one, self._emission.tick()))
            is_heard = self._emission.outcome(*one.subject) is Outcome.ACCEPTED
            answers.append(ACCEPTED if is_heard else UNROUTED)
        ids = self._emission.emit_all({subject: _events(group) for subject, group in new.items()})
        entries = [
            entry
            for (subject, group), of_group in zip(new.items(), ids, strict=True)
            for entry in _entries(group, self._emission.outcome(*subject), of_group)
        ]
        ledger.add_entries(self._session, entries)
        self._emission.end()
        return answers

    def latest(self) -> dict[str, datetime]:
        """The time of the last event of each asset, by its URI."""
        return self._emission.latest()


def _events(group: Sequence[tuple[PreparedJob, datetime]]) -> list[NewEvent]:
    return [NewEvent(one.extra, at, one.happened or at) for one, at in group]


def _entries(
    group: Sequence[tuple[PreparedJob, datetime]], outcome: Outcome, ids: Sequence[int | None]
) -> Iterator[NewEntry]:
    for (one, at), event_id in zip(group, ids, strict=True):
        conn_id, event = one.subject
        yield NewEntry(
            delivery_id=one.job.delivery.delivery_id,
            conn_id=conn_id,
            recorded_at=at,
            event=event,
            webhook_key=one.job.delivery.webhook_key,
            created_at=storable_time(one.happened),
            outcome=outcome,
            asset_event_id=event_id,
            kept=one.kept,
        )
