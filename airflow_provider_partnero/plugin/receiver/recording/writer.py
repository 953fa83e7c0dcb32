"""Writes deliveries to Airflow's database, and looks after what it has written."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from airflow.utils.session import create_session
from sqlalchemy import select, text

from airflow_provider_partnero.ledger import entries, tables
from airflow_provider_partnero.ledger.asset_events import Route, find_routes, has_run, queue_runs
from airflow_provider_partnero.ledger.resumption import resume_waiting
from airflow_provider_partnero.ledger.turn import take_turn, utc_now
from airflow_provider_partnero.plugin.receiver.recording.transaction import PreparedJob, Transaction

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.plugin.receiver.answers import Answer
    from airflow_provider_partnero.plugin.receiver.recording.job import Job

log = logging.getLogger(__name__)

_FORGET_EVERY = 3_600.0  # seconds
_RESUME_EVERY = 5.0  # seconds
_RESUME_AFTER_FAILURE = 60.0  # seconds
_RESUME_FOR = 0.5  # seconds of one upkeep; meanwhile senders wait
_CHECK_RUNS_AFTER = 10.0  # seconds; the scheduler's transactions are shorter
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_TIME_OUTS = text(  # of this transaction, in milliseconds; a server that hangs in its turn does not hold up the others
    "SELECT set_config('statement_timeout', '1500', true),"
    " set_config('idle_in_transaction_session_timeout', '5000', true)"
)


class DeliveryWriter:
    """The :class:`~airflow_provider_partnero.plugin.receiver.recording.batch_queue.Writer` of the receiver.

    :param clock: seconds; never goes back.
    :param wall_clock: the time in UTC, for a database without a clock of its own.
    :param forgotten_at_once: how many old entries of the ledger one :meth:`forget_old` deletes.
    :param keep_days: how long a delivery can be sent again; what is kept of it is deleted then.
    :param resumed_at_once: how many waiting deliveries one transaction lets go; 200 at most.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = utc_now,
        forgotten_at_once: int = 1_000,
        keep_days: int = 91,
        resumed_at_once: int = 50,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._forgotten_at_once = forgotten_at_once
        self._keeps = timedelta(days=keep_days)
        self._resumed_at_once = resumed_at_once
        self._has_tables = False
        self._forgets_from = -math.inf
        self._emptied_to = _LONG_AGO
        self._resumes_from = -math.inf
        self._unchecked: dict[str, tuple[datetime, float]] = {}

    def write(self, jobs: Sequence[Job]) -> list[Answer]:
        """Record in one transaction what is new; an answer for each job.

        :raises Exception: nothing was recorded.
        """
        if not jobs:
            return []
        prepared = [PreparedJob.of(job) for job in jobs]
        try:
            with create_session() as session:
                self._prepare(session)
                transaction = Transaction(session, self._wall_clock)
                answers = transaction.record(prepared)
        except Exception:
            self._has_tables = False  # somebody may have dropped them: check again next time
            raise
        self._note(transaction.latest())
        return answers

    def check(self) -> str:
        """``"ok"`` if a delivery could be recorded now, as far as reading shows; else what is wrong."""
        try:
            with create_session() as session:
                self._prepare(session)
                session.execute(select(tables.DELIVERIES.c.outcome, tables.DELIVERIES.c.kept).limit(1))
                session.execute(select(tables.WAITING.c.since).limit(1))
                clock = session.execute(select(tables.CLOCK.c.last).where(tables.CLOCK.c.id == 1)).first()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            self._has_tables = False
            return f"{type(error).__name__}: {str(getattr(error, 'orig', error)).partition(chr(10))[0]}"
        return "ok" if clock else f"{tables.CLOCK.name} is empty"

    def do_upkeep(self) -> None:
        """What is not urgent; never raises. See :meth:`check_runs`, :meth:`resume` and :meth:`forget_old`."""
        self.check_runs()
        self.resume()
        self.forget_old()

    def check_runs(self) -> None:
        """Queue the runs again that events of some seconds ago have lost; see :func:`~.asset_events.has_run`."""
        now = self._clock()
        due = {uri: at for uri, (at, noted) in self._unchecked.items() if now - noted >= _CHECK_RUNS_AFTER}
        routes: dict[str, Route] | None = None
        for uri, at in due.items():
            del self._unchecked[uri]
            try:
                with create_session() as session:
                    routes = find_routes(session, due) if routes is None else routes
                    if uri in routes:
                        _queue_lost_runs(session, routes[uri], at)
            except Exception as error:  # noqa: BLE001 - the next delivery starts the run
                log.warning("Whether %s has started its runs cannot be seen: %s", uri, type(error).__name__)

    def resume(self) -> None:
        """Let deliveries reach DAGs that are unpaused or scheduled now, for half a second every few; see resumption."""
        started = self._clock()
        if started < self._resumes_from:
            return
        self._resumes_from = started + _RESUME_EVERY
        try:
            for latest in resume_waiting(self._prepare, self._wall_clock, self._resumed_at_once):
                self._note(latest)
                if self._clock() - started >= _RESUME_FOR:
                    self._resumes_from = started  # there may be more: go on after the senders
                    return
        except Exception as error:  # noqa: BLE001 - it is tried again
            self._has_tables = False
            self._resumes_from = self._clock() + _RESUME_AFTER_FAILURE
            log.warning("What waits for a DAG cannot be sent now: %s", type(error).__name__)

    def forget_old(self) -> None:
        """Delete once an hour, in portions, what the ledger need not remember any more."""
        if not self._has_tables or self._clock() < self._forgets_from:
            return
        is_more = False
        now = self._wall_clock()
        try:
            with create_session() as session:
                self._prepare(session)
                take_turn(session, self._wall_clock)  # a replay or forget may want the same rows in another order
                is_more = entries.delete_old(session, now, max(entries.KEPT_FOR, self._keeps), self._forgotten_at_once)
            with create_session() as session:
                self._prepare(session)
                take_turn(session, self._wall_clock)
                until = now - self._keeps
                emptied_to = entries.empty_old(session, self._emptied_to, until, self._forgotten_at_once)
            self._emptied_to = emptied_to
            is_more = is_more or emptied_to < until
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            log.warning("Old entries of %s cannot be deleted: %s", tables.DELIVERIES.name, type(error).__name__)
        if not is_more:
            self._forgets_from = self._clock() + _FORGET_EVERY

    def _note(self, latest: dict[str, datetime]) -> None:
        self._unchecked |= {uri: (at, self._clock()) for uri, at in latest.items()}

    def _prepare(self, session: Session) -> None:
        if not self._has_tables:
            tables.create_tables(cast("Engine", session.get_bind()))
            self._has_tables = True
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_TIME_OUTS)


def _queue_lost_runs(session: Session, route: Route, at: datetime) -> None:
    lost = [dag_id for dag_id in route.listeners.plain if not has_run(session, route.asset, dag_id, at)]
    queue_runs(session, route.asset, lost, at)
