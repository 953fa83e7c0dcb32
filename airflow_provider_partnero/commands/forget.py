"""``deliveries forget``: deletes what is known of deliveries."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.delivery_filters import delivery_filter, is_narrowed
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.commands.ledger_access import session_of_airflow
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import ProgressLine, Terminal
    from airflow_provider_partnero.ledger.forgetting import DataMatch, Key
    from airflow_provider_partnero.ledger.listing import DeliveryFilter

_AT_ONCE = 500
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
    if not (found.keys or found.events):
        return CLEAN
    answer = True if options.yes else terminal.ask("Delete it? It cannot be undone.")
    if answer is None:
        raise ValueError("nothing was deleted: there is no terminal to ask on. Give --yes")
    if not answer:
        terminal.say("Nothing was deleted.")
        return FOUND
    done = Done()
    with terminal.progress("Deleting") as line:
        try:
            _delete(found, done, line)
        except KeyboardInterrupt as stop:
            raise type(stop)(f"{done.words()} Forget again: the rest is deleted.") from None
    terminal.show(f"{done.words()}\n{_BEYOND}")
    return CLEAN


@dataclass(slots=True)
class Found:
    """What is meant.

    :param keys: of entries, which are connection and delivery id.
    :param events: ids of asset events that were found beside those that the entries name.
    :param closed: how many entries could not be looked into.
    :param is_scattered: whether there may be asset events that no entry names.
    """

    keys: set[Key] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    closed: int = 0
    is_scattered: bool = False

    def words(self, is_match: bool) -> str:
        """What would be deleted, in sentences."""
        number = len(self.keys)
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
    from airflow_provider_partnero.ledger.forgetting import read_entries, read_events

    after, seen = None, 0
    while True:
        with session_of_airflow() as session:
            page = read_entries(session, wanted.conditions(), match, after, _AT_ONCE)
        found.keys |= set(page.keys)
        found.closed += page.closed
        found.is_scattered |= page.is_scattered
        seen += page.seen
        line.info("Looking: %s entries", f"{seen:,}")
        if page.last is None:
            break
        after = page.last
    if match is None and not found.is_scattered:
        return
    last: int | None = 0
    while last is not None:
        with session_of_airflow() as session:
            events = read_events(session, found.keys, match, last, _AT_ONCE)
        for event_id, (conn_id, delivery_id), event in events.found:
            if (conn_id, delivery_id) not in found.keys and not _is_within(wanted, conn_id, event):
                continue
            found.events.add(event_id)
            found.keys.add((conn_id, delivery_id))
        last = events.last
        line.info("Looking: asset events up to %s", f"{last or 0:,}")


def _is_within(wanted: DeliveryFilter, conn_id: str, event: str) -> bool:
    return wanted.conn_id in {None, conn_id} and wanted.event in {None, event}


def _delete(found: Found, done: Done, line: ProgressLine) -> None:
    from airflow_provider_partnero.ledger.forgetting import forget_entries, forget_events
    from airflow_provider_partnero.ledger.turn import take_turn

    by_connection: dict[str, list[str]] = defaultdict(list)
    for conn_id, delivery_id in sorted(found.keys):
        by_connection[conn_id].append(delivery_id)
    for conn_id, ids in by_connection.items():
        for portion in _portions(ids):
            with session_of_airflow() as session:
                take_turn(session)  # no replay brings it back meanwhile
                entries, events = forget_entries(session, conn_id, portion)
                number = forget_events(session, events)
            found.events -= set(events)
            done.entries += entries
            done.events += number
            line.info("Deleting: %s of %s", f"{done.entries:,}", f"{len(found.keys):,}")
    for events in _portions(sorted(found.events)):
        with session_of_airflow() as session:
            number = forget_events(session, events)
        done.events += number


def _portions(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while portion := list(islice(rest, _AT_ONCE)):
        yield portion
