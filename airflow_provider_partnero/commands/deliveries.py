"""``deliveries``: what was delivered to the receiver, and what became of it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.commands.delivery_filters import checked_prefix, delivery_filter
from airflow_provider_partnero.commands.execution import CLEAN
from airflow_provider_partnero.commands.ledger_access import ledger_opened, session_of_airflow
from airflow_provider_partnero.webhooks.table import aligned
from airflow_provider_partnero.webhooks.texts import visible, visible_json, visible_start

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal
    from airflow_provider_partnero.ledger.listing import RecordedDelivery

SHORT_ID = 12  # digits
_HEADER = ("RECORDED AT (UTC)", "EVENT", "CONNECTION", "OUTCOME", "REPLAYS", "ID")


def run(options: Namespace, terminal: Terminal) -> int:
    """List, show, replay or forget."""
    with ledger_opened():
        if options.action == "list":
            return _list(options, terminal)
        if options.action == "show":
            return _show(options, terminal)
        if options.action == "replay":
            from airflow_provider_partnero.commands.resend import run as resend

            return resend(options, terminal)
        from airflow_provider_partnero.commands.forget import run as forget

        return forget(options, terminal)


def _list(options: Namespace, terminal: Terminal) -> int:
    from airflow_provider_partnero.ledger.listing import find_deliveries

    with session_of_airflow() as session:
        wanted = delivery_filter(options, session, datetime.now(UTC))
        found, total = find_deliveries(session, wanted, options.limit)
    more = total - len(found)
    if options.json:
        plain = {"deliveries": [_as_plain(delivery) for delivery in found], "more": more}
        terminal.show(json.dumps(plain, indent=2))
        return CLEAN
    lines = list(aligned([_HEADER, *map(_row, found)])) if found else []
    if more:
        lines += ["", f"... and {more:,} more; --limit lists more of them."]
    terminal.show("\n".join(lines) or "No delivery.")
    return CLEAN


def _row(delivery: RecordedDelivery) -> tuple[str, ...]:
    return (
        said(delivery.recorded_at),
        visible_start(delivery.event or "-", 40),
        visible_start(delivery.conn_id, 40),
        delivery.outcome,
        str(delivery.replays),
        delivery.delivery_id[:SHORT_ID],
    )


def said(time: datetime) -> str:
    """A time in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _as_plain(delivery: RecordedDelivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "connection": delivery.conn_id,
        "event": delivery.event or None,
        "webhook_key": delivery.webhook_key or None,
        "recorded_at": delivery.recorded_at.isoformat(),
        "created_at": delivery.created_at.isoformat() if delivery.created_at else None,
        "outcome": delivery.outcome,
        "replays": delivery.replays,
        "can_be_replayed": delivery.is_kept,
        "asset_event_id": delivery.asset_event_id,
        "runs": [{"dag_id": one.dag_id, "run_id": one.run_id, "state": one.state} for one in delivery.runs],
    }


def _show(options: Namespace, terminal: Terminal) -> int:
    from airflow_provider_partnero.ledger.listing import DeliveryFilter, find_deliveries, resolve_ids

    with session_of_airflow() as session:
        ids = resolve_ids(session, [checked_prefix(options.id)], options.conn_id)
        found, total = find_deliveries(session, DeliveryFilter(ids=ids, conn_id=options.conn_id), 1)
        if total > 1:
            raise ValueError(f"{options.id}: this body was delivered to several connections; name one with --conn-id")
        [delivery] = found
        extra, obstacle = _kept(session, delivery) if options.data else (None, "")
    if options.json:
        data = {"kept": extra} if options.data else {}
        terminal.show(json.dumps(_as_plain(delivery) | data, indent=2))
    else:
        terminal.show("\n".join(_lines(delivery)))
        if extra is not None:
            terminal.show(visible_json(extra))
        elif options.data and not obstacle:
            terminal.say("Nothing of it is kept.")
    if obstacle:
        raise ValueError(f"what is kept of it cannot be shown: {obstacle}")
    return CLEAN


def _kept(session: Any, delivery: RecordedDelivery) -> tuple[dict[str, Any] | None, str]:
    """What is kept of a delivery; or why that cannot be read."""
    from airflow_provider_partnero.ledger.replay import find_candidates
    from airflow_provider_partnero.ledger.tables import DELIVERIES

    is_it = [DELIVERIES.c.conn_id == delivery.conn_id, DELIVERIES.c.delivery_id == delivery.delivery_id]
    [candidate] = find_candidates(session, is_it, 1)
    return candidate.extra, candidate.obstacle


def _lines(delivery: RecordedDelivery) -> Iterator[str]:
    named = {
        "delivery": delivery.delivery_id,
        "event": delivery.event or "-",
        "connection": delivery.conn_id,
        "webhook": delivery.webhook_key or "-",
        "recorded": f"{said(delivery.recorded_at)} UTC",
        "happened": f"{said(delivery.created_at)} UTC" if delivery.created_at else "-",
        "outcome": delivery.outcome,
        "replays": str(delivery.replays),
        "kept": "yes" if delivery.is_kept else "no, it cannot be sent again",
    }
    for name, value in named.items():
        yield f"{name:<10}  {visible(value)}"
    yield from (f"{'run':<10}  {run.state:<8}  {visible(run.dag_id)}  {visible(run.run_id)}" for run in delivery.runs)
    if not delivery.runs:
        yield f"{'run':<10}  {_no_run(delivery)}"


def _no_run(delivery: RecordedDelivery) -> str:
    if delivery.asset_event_id is None:
        return "none: it is no asset event"
    if not delivery.has_event:
        return "not known: its asset event was deleted from Airflow's database"
    return "none has taken it yet"
