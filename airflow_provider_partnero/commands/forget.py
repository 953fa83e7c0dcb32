"""``deliveries forget``: deletes what is known of deliveries."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_partnero.commands.delivery_filters import delivery_filter, is_narrowed
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.ledger_access import session_of_airflow
from airflow_provider_partnero.commands.writing import is_wanted, let_senders_in, telling_when_stopped
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_provider_partnero.commands.terminal import ProgressLine, Terminal
    from airflow_provider_partnero.ledger.forgetting import DataMatch, Key
    from airflow_provider_partnero.ledger.listing import DeliveryFilter

_READ_AT_ONCE = 500
_DELETED_AT_ONCE = 100  # deliveries in one transaction; meanwhile the receiver's senders wait
_BEYOND = (
    "Not reached: XComs and logs of the runs that took them (airflow db clean), and what those runs wrote elsewhere."
)


def run(options: Namespace, terminal: Terminal) -> int:
    """Show what would be deleted, ask, and delete."""
    from airflow_provider_partnero.ledger.forgetting import DataMatch

    match = DataMatch.parse(options.data_match) if options.data_match else None
    if match is None and not is_narrowed(options):
        raise ValueError("nothing is named: give ids, a filter such as --event, or --data-match")
    if match is not None and (options.ids or options.key or options.since or options.until or options.outcome):
        raise ValueError("--data-match goes with --event and --conn-id only: all that holds the value is to be found")
    found = Found()
    with terminal.progress("Looking") as line:
        with session_of_airflow() as session:
            wanted = delivery_filter(options, session, datetime.now(UTC))
        _look(wanted, match, found, line)
    terminal.show(found.words(match is not None))
    if not found.events:
        return CLEAN
    if not is_wanted(options, terminal, "Delete it? It cannot be undone.", "nothing was deleted"):
        return FOUND
    done = Done()
    with (
        terminal.progress("Deleting") as line,
        telling_when_stopped(lambda: f"{done.words()} Forget again: the rest is deleted."),
    ):
        _delete(found, done, line)
    terminal.show(f"{done.words()}\n{_BEYOND}")
    return CLEAN


@dataclass(slots=True)
class Found:
    """What is meant.

    :param events: the ids of the asset events of each delivery, as far as they are known.
    :param closed: how many entries could not be looked into.
    :param read_to: the id of the last asset event that was looked at.
    """

    events: dict[Key, set[int]] = field(default_factory=dict)
    closed: int = 0
    read_to: int = 0

    def words(self, is_match: bool) -> str:
        """What would be deleted, in sentences."""
        number = len(self.events)
        lines = [f"Deliveries to be forgotten: {number:,}." if number else "No delivery to be forgotten."]
        if is_match:
            lines.append("What [partnero] store has left out, or the connection's, cannot be found by its value.")
        if self.closed:
            lines.append(f"Entries of which nothing is kept, or nothing that can be read: {self.closed:,}.")
        return "\n".join(lines)


@dataclass(slots=True)
class Done:
    """How far the deleting has come."""

    entries: int = 0
    events: int = 0

    def words(self) -> str:
        """What was done."""
        return (
            f"Forgotten: {counted(self.entries, 'ledger entry').replace('entrys', 'entries')}, "
            f"{counted(self.events, 'asset event')}."
        )


def _look(wanted: DeliveryFilter, match: DataMatch | None, found: Found, line: ProgressLine) -> None:
    from airflow_provider_partnero.ledger.forgetting import newest_event, read_entries

    with session_of_airflow() as session:
        found.read_to = newest_event(session)  # a replay that comes later is seen when it is deleted
    after, seen, is_scattered = None, 0, False
    while True:
        with session_of_airflow() as session:
            page = read_entries(session, wanted.conditions(), match, after, _READ_AT_ONCE)
        found.events |= {key: set() if event_id is None else {event_id} for key, event_id in page.found}
        found.closed += page.closed
        is_scattered |= page.is_scattered
        seen += page.seen
        line.info("Looking: %s entries", f"{seen:,}")
        if page.last is None:
            break
        after = page.last
    if match is None and not is_scattered:
        return
    found.read_to, is_more = 0, True
    while is_more:
        with session_of_airflow() as session:
            is_more = _look_at_events(session, found, match, wanted)
        line.info("Looking: asset events up to %s", f"{found.read_to:,}")


def _look_at_events(
    session: Session, found: Found, match: DataMatch | None = None, wanted: DeliveryFilter | None = None
) -> bool:
    """Look at a portion of the asset events that come after the last one; whether there may be more.

    :param match: what those hold that are meant beside those of the deliveries that were found.
    :param wanted: which of them are.
    """
    from airflow_provider_partnero.ledger.forgetting import read_events

    page = read_events(session, found.events, match, found.read_to, _READ_AT_ONCE)
    for event_id, (conn_id, delivery_id), event in page.found:
        if (conn_id, delivery_id) in found.events or (wanted and _is_within(wanted, conn_id, event)):
            found.events.setdefault((conn_id, delivery_id), set()).add(event_id)
    found.read_to = page.last
    return page.is_more


def _is_within(wanted: DeliveryFilter, conn_id: str, event: str) -> bool:
    return wanted.conn_id in {None, conn_id} and wanted.event in {None, event}


def _delete(found: Found, done: Done, line: ProgressLine) -> None:
    """Empty each entry and all asset events of its delivery in one transaction: stopped half-way, none is half done."""
    from airflow_provider_partnero.ledger.forgetting import forget_entries, forget_events
    from airflow_provider_partnero.ledger.turn import take_turn

    by_connection: dict[str, list[str]] = defaultdict(list)
    for conn_id, delivery_id in sorted(found.events):
        by_connection[conn_id].append(delivery_id)
    for conn_id, ids in by_connection.items():
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            portion = ids[start : start + _DELETED_AT_ONCE]
            with session_of_airflow() as session:
                _look_at_replays(session, found)  # here nobody waits
            with session_of_airflow() as session:
                take_turn(session)  # no replay brings it back meanwhile
                _look_at_replays(session, found)
                events = set().union(*(found.events[conn_id, delivery_id] for delivery_id in portion))
                entries, named = forget_entries(session, conn_id, portion)
                number = forget_events(session, events | named)
            done.entries += entries
            done.events += number
            line.info("Deleting: %s of %s", f"{done.entries:,}", f"{len(found.events):,}")
            let_senders_in()


def _look_at_replays(session: Session, found: Found) -> None:
    """Find the asset events that were written since it was looked."""
    while _look_at_events(session, found):
        pass
