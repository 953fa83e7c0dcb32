"""``deliveries replay``: sends deliveries again."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.delivery_filters import delivery_filter, is_narrowed
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.ledger_access import session_of_airflow
from airflow_provider_partnero.commands.writing import is_wanted, let_senders_in, telling_when_stopped
from airflow_provider_partnero.webhooks.texts import visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import ProgressLine, Terminal
    from airflow_provider_partnero.ledger.replay import Candidate

_AT_ONCE = 50  # deliveries in one transaction; meanwhile the receiver's senders wait


def run(options: Namespace, terminal: Terminal) -> int:
    """Show what would be sent, ask, and send."""
    if not is_narrowed(options):
        raise ValueError("nothing is named: give ids, or a filter such as --outcome failed or --since 24h")
    if options.again and not options.ids:
        raise ValueError("--again: only for deliveries that are named by their ids")
    conditions = _conditions(options, datetime.now(UTC))
    lines, number = _preview(conditions, accepted="accepted" if options.again else "failed")
    if not number:
        terminal.show("Nothing to send again.")
        return CLEAN
    terminal.show("\n".join(lines))
    if not is_wanted(options, terminal, "Send them again?", "nothing was sent"):
        return FOUND
    progress = SendingProgress(number)
    with (
        terminal.progress("Sending") as line,
        telling_when_stopped(lambda: f"{progress.words()} Replay again: nothing is sent twice."),
    ):
        _send_all(conditions, progress, line)
    terminal.show(progress.words())
    return CLEAN if progress.is_all_sent else FOUND


@dataclass(slots=True)
class SendingProgress:
    """How far the sending has come.

    :param number: how many deliveries there are.
    :param results: how many were sent, and how many were not, by the reason.
    """

    number: int
    results: Counter[str] = field(default_factory=Counter)

    @property
    def is_all_sent(self) -> bool:
        """Whether nothing is left that should have been sent."""
        return not {*self.results} - {"sent", "told"}

    def words(self) -> str:
        """What was done, in sentences."""
        sent, told = self.results["sent"], self.results["told"]
        lines = [f"Sent again: {sent:,} of {self.number:,}."]
        if told:
            lines.append(f"No need to, since a DAG that was unpaused has them now: {told:,}.")
        lines += [
            f"Left as they are, {reason}: {number:,}."
            for reason, number in self.results.items()
            if reason not in {"sent", "told"}
        ]
        return "\n".join(lines)


def _conditions(options: Namespace, now: datetime) -> list[Any]:
    """Of deliveries that may be sent again, and were there when the command was called.

    The clock that recorded them may be ahead of this one, so the ledger says which they are.

    :raises ValueError: one that is named needs ``--again``, or is forgotten.
    """
    from sqlalchemy import func, select

    from airflow_provider_partnero.ledger.listing import find_deliveries, is_sendable
    from airflow_provider_partnero.ledger.outcomes import Outcome
    from airflow_provider_partnero.ledger.tables import DELIVERIES

    with session_of_airflow() as session:
        wanted = delivery_filter(options, session, now)
        named = find_deliveries(session, wanted, len(options.ids) * 100)[0] if options.ids else []
        latest = session.scalar(select(func.max(DELIVERIES.c.recorded_at)))
    for delivery in named:
        if delivery.outcome == Outcome.ACCEPTED and not options.again:
            raise ValueError(f"{delivery.delivery_id[:12]}: a DAG has it; --again sends it all the same")
    conditions = [*wanted.conditions(), DELIVERIES.c.recorded_at <= latest]
    return conditions if options.again else [*conditions, is_sendable()]


def _preview(conditions: list[Any], *, accepted: str) -> tuple[list[str], int]:
    """What would be sent, a line for each event, and how many deliveries that are.

    :param accepted: what those are called that the ledger has as accepted.
    """
    from airflow_provider_partnero.assets import event_asset_uri
    from airflow_provider_partnero.ledger.asset_events import find_route
    from airflow_provider_partnero.ledger.listing import count_deliveries

    with session_of_airflow() as session:
        tallies = count_deliveries(session, conditions)
        lines = []
        for one in tallies:
            route = find_route(session, event_asset_uri(one.event, one.conn_id)) if one.event else None
            is_heard = route is not None and bool(route.listeners)
            name = accepted if one.outcome == "accepted" else one.outcome
            line = f"{one.number:,} {name}: {visible_start(one.event or '-', 60)} ({visible_start(one.conn_id, 60)})"
            lines.append(line if is_heard else f"{line}, which no DAG listens to that is not paused")
    return lines, sum(one.number for one in tallies)


def _send_all(conditions: list[Any], progress: SendingProgress, line: ProgressLine) -> None:
    from airflow_provider_partnero.ledger.resumption import resume_waiting
    from airflow_provider_partnero.ledger.turn import utc_now

    before = _number_of(conditions)
    for _ in resume_waiting(lambda _: None, utc_now, _AT_ONCE, is_unrouted_sent=False):
        line.info("Starting the DAGs that were unpaused")
        let_senders_in()
    progress.results["told"] += max(before - _number_of(conditions), 0)
    for portion in _portions(conditions):
        _send(portion, progress)
        line.info("%s of %s", f"{sum(progress.results.values()):,}", f"{progress.number:,}")
        let_senders_in()


def _number_of(conditions: list[Any]) -> int:
    from airflow_provider_partnero.ledger.listing import count_deliveries

    with session_of_airflow() as session:
        return sum(one.number for one in count_deliveries(session, conditions))


def _portions(conditions: list[Any]) -> Iterator[list[Candidate]]:
    from airflow_provider_partnero.ledger.entries import recorded_after
    from airflow_provider_partnero.ledger.replay import find_candidates

    last: Candidate | None = None
    while True:
        with session_of_airflow() as session:
            later = [] if last is None else [recorded_after(last.recorded_at, last.delivery_id)]
            portion = find_candidates(session, [*conditions, *later], _AT_ONCE)
        if not portion:
            return
        yield portion
        last = portion[-1]


def _send(portion: list[Candidate], progress: SendingProgress) -> None:
    from airflow_provider_partnero.ledger.emission import Emission
    from airflow_provider_partnero.ledger.replay import send_again

    with session_of_airflow() as session:
        emission = Emission(session)
        results = send_again(emission, portion)
        emission.end()
    progress.results.update(Counter(str(result) for result in results.values()))
