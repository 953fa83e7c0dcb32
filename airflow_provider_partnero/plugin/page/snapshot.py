"""What a programme looks like now: its webhooks as the page shows them, without a secret, and what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.plugin.bounded_client import bounded_client
from airflow_provider_partnero.webhooks.audit import AuditedWebhook, AuditReport, Finding, audit
from airflow_provider_partnero.webhooks.ownership import declared_keys
from airflow_provider_partnero.webhooks.protection import is_receiver

if TYPE_CHECKING:
    from airflow_provider_partnero.api.models import Webhook
    from airflow_provider_partnero.api.programs import Program
    from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection

Owner = Literal["receiver", "ours", ""]

READ_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ProgrammeSnapshot:
    """A programme at one moment.

    :param report: an audit of it with the rules that need no argument.
    :param owners: by webhook key, who made it: this provider's receiver, or its reconcile; others are left out.
    :param read_at: when it was read, in UTC.
    """

    conn_id: str
    report: AuditReport
    owners: Mapping[str, Owner]
    read_at: datetime
    _findings: Mapping[tuple[str | None, str | None], tuple[Finding, ...]] = field(repr=False)

    def findings_of(self, webhook: AuditedWebhook) -> tuple[Finding, ...]:
        """What is wrong with one webhook, the worst first."""
        return self._findings.get((webhook.key, webhook.name), ())


def snapshot_of(
    webhooks: Iterable[Webhook], program: Program | None, conn_id: str, read_at: datetime
) -> ProgrammeSnapshot:
    """The programme as the page shows it."""
    live = tuple(webhooks)
    report = audit(live, program=program)
    by_webhook: defaultdict[tuple[str | None, str | None], list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_webhook[finding.key, finding.name].append(finding)
    owners = {webhook.key: owner for webhook in live if (owner := _owner(webhook, conn_id))}
    findings = {identity: tuple(found) for identity, found in by_webhook.items()}
    return ProgrammeSnapshot(conn_id, report, owners, read_at, findings)


def _owner(webhook: Webhook, conn_id: str) -> Owner:
    if is_receiver(webhook.url, conn_id):
        return "receiver"
    return "ours" if webhook.key in declared_keys(conn_id, webhook.name) else ""


def read_live(connection: SigningConnection, seconds: float = READ_SECONDS) -> tuple[list[Webhook], Program | None]:
    """All webhooks of a programme, and what Partnero tells of the programme, which may be nothing.

    :param seconds: how long it may take; then it is broken off.
    :raises PartneroError: there was no usable answer in time.
    :raises ValueError: the connection has no token.
    """
    with bounded_client(connection, seconds) as client:
        webhooks = list(client.iter_webhooks())
        try:
            return webhooks, client.get_program()
        except PartneroError:
            return webhooks, None
