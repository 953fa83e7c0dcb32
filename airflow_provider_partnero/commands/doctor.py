"""``doctor``: is the token accepted, the clock right, the receiver ready, and what does this Airflow lack?"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.commands.connection import CommandConnection, connected, has_airflow
from airflow_provider_partnero.commands.diagnosis import Diagnosis, within
from airflow_provider_partnero.commands.execution import CLEAN, FOUND
from airflow_provider_partnero.webhooks.texts import counted, program_label

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.commands.terminal import Terminal

_CALL_SECONDS = 10.0
_LIST_SECONDS = 30.0
_CONNECTION_SECONDS = 60.0  # until Airflow is imported, and has read the connection
_CLOCK_SECONDS = 30.0  # that the clocks may differ


def run(options: Namespace, terminal: Terminal) -> int:
    """Print a line for each thing that was looked at, as soon as it was."""
    has_failed = False
    for diagnosis in _diagnoses(options):
        terminal.show(str(diagnosis))
        has_failed |= diagnosis.verdict == "fail"
    return FOUND if has_failed else CLEAN


def _diagnoses(options: Namespace) -> Iterator[Diagnosis]:
    with ExitStack() as stack:
        connecting = connected(options, deadline=_CALL_SECONDS, attempts=1)
        try:
            # Where Airflow keeps its connections may not answer either.
            connection = within(_CONNECTION_SECONDS, lambda: stack.enter_context(connecting))
        except (ValueError, TimeoutError) as error:
            yield Diagnosis("fail", "token", str(error))
            connection = None
        webhooks: list[Webhook] | None = None
        for found in _partnero(connection) if connection else ():
            if isinstance(found, Diagnosis):
                yield found
            else:
                webhooks = found
        yield from _airflow(options, webhooks)


def _partnero(connection: CommandConnection) -> Iterator[Diagnosis | list[Webhook]]:
    """What can be told of Partnero; if the list can be read, the webhooks as well."""
    try:
        connection.client.ping()
    except PartneroError as error:
        yield Diagnosis("fail", "token", connection.advice_on(error))
        return
    yield Diagnosis("ok", "token", f"Partnero at {connection.client.base_url} accepts it")
    program = connection.find_program()
    told = program_label(program) if program else "Partnero does not tell which one it is"
    yield Diagnosis("ok", "programme", told)
    yield clock(connection.client.clock_lead())
    try:
        webhooks = within(_LIST_SECONDS, lambda: list(connection.iter_webhooks(consistent=False)))
    except (PartneroError, TimeoutError) as error:
        yield Diagnosis("fail", "webhooks", f"the list cannot be read: {error}")
        return
    yield _webhooks(webhooks)
    yield webhooks


def clock(lead: float | None) -> Diagnosis:
    """What to say if Partnero's clock is so many seconds ahead of ours; None: it does not tell."""
    if lead is None:
        return Diagnosis("ok", "clock", "Partnero does not tell the time")
    if abs(lead) <= _CLOCK_SECONDS:
        return Diagnosis("ok", "clock", "agrees with Partnero's")
    words = f"is {abs(lead):,.0f} s {'behind' if lead > 0 else 'ahead of'} Partnero's"
    return Diagnosis("warn", "clock", words, "set this machine's clock by NTP: the age of deliveries is judged by it")


def _webhooks(webhooks: Sequence[Webhook]) -> Diagnosis:
    odd = [webhook for webhook in webhooks if webhook.oddities]
    inactive = sum(not webhook.is_active for webhook in webhooks)
    words = f"{counted(len(webhooks), 'webhook')}, {inactive:,} inactive"
    if odd:
        remedy = "audit says which; save them again at Partnero"
        return Diagnosis("warn", "webhooks", f"{words}, {len(odd):,} with fields that cannot be read", remedy)
    return Diagnosis("ok", "webhooks", words)


def _airflow(options: Namespace, webhooks: list[Webhook] | None) -> Iterator[Diagnosis]:
    if not has_airflow():
        words = "is not installed here, so the receiver and what Airflow lacks were not looked at"
        return iter([Diagnosis("warn", "airflow", words, "run this where the API server runs")])
    from airflow_provider_partnero.commands.airflow_checks import diagnose_receiver, diagnose_version

    return chain([diagnose_version()], diagnose_receiver(options.conn_id, options.receiver_url, webhooks))
