"""The rule about events that do not come."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.misspellings import meant_event
from airflow_provider_partnero.webhooks.protection import is_receiver
from airflow_provider_partnero.webhooks.rules.base import Observation, Programme, rule
from airflow_provider_partnero.webhooks.silence import ExpectedEvent, duration_words
from airflow_provider_partnero.webhooks.texts import quoted


@rule(
    "PW016",
    Severity.ERROR,
    title="Expected event that does not come",
    remedy="Look whether it happens at Partnero, then follow its way: webhook, proxy, receiver, DAG "
    "(PartneroProbeReceiverOperator names where it ends).",
    needs="expect_events",
)
def silent(programme: Programme) -> Iterator[Observation]:
    """An event of ``expect_events`` that has not come for longer than is expected, or that cannot come."""
    for expected in programme.expect_events:
        reason = _reason(expected, programme)
        if expected.is_overdue or (reason and expected.last is None):
            yield Observation(f"{_silence(expected)}{reason}", subject=expected.event)


def _silence(expected: ExpectedEvent) -> str:
    event = quoted(expected.event)
    if expected.last is None:
        since = expected.awaited_since
        return f"No {event} has ever come{f', and it is expected since {since:%Y-%m-%d %H:%M} UTC' if since else ''}."
    return (
        f"No {event} has come for {duration_words(expected.now - expected.last)}: the last is of "
        f"{expected.last:%Y-%m-%d %H:%M} UTC, and {duration_words(expected.longest)} without one are the most "
        "that is expected."
    )


def _reason(expected: ExpectedEvent, programme: Programme) -> str:
    """Why the event cannot come, as a sentence with a space before it; empty if it can."""
    subscribed = [one for one in programme.webhooks if one.is_active and expected.event in one.events]
    if not subscribed:
        meant = meant_event(expected.event)
        hint = f' (is "{meant}" meant?)' if meant else ""
        return f" The reason: no active webhook subscribes to it{hint}."
    if not any(is_receiver(one.url, expected.conn_id) for one in subscribed):
        return (
            " The reason is probably that no active webhook that subscribes to it delivers to the receiver of "
            f"connection {quoted(expected.conn_id)}."
        )
    return ""
