"""Whether the receiver takes a connection's deliveries, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_partnero.plugin.page.health import Sentence
from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.texts import quoted

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot
    from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings
    from airflow_provider_partnero.webhooks.audit import AuditedWebhook


def receiver_state(
    settings: ReceiverSettings | ValueError, conn_id: str, snapshot: ProgrammeSnapshot | None
) -> Sentence:
    """The receiver in one sentence.

    :param settings: of the receiver in this API server, or what is wrong with them.
    :param snapshot: None: it is not known which webhooks there are.
    """
    if isinstance(settings, ValueError):
        return Sentence("error", f"Takes nothing, since Airflow's configuration is wrong: {settings}")
    webhooks = _delivering(snapshot)
    names = " and ".join(quoted(webhook.name) for webhook in webhooks[:2])
    if not settings.enabled:
        if not webhooks:
            return Sentence("unknown", "Off: [partnero] receiver_enabled is not set, and no webhook delivers to it.")
        return Sentence("warning", f"Off in this API server, but {names} delivers to a receiver of this connection.")
    if conn_id not in settings.connections:
        return Sentence("warning", "On, but [partnero] receiver_connections does not name this connection.")
    if snapshot is None:
        return Sentence("unknown", "On; which webhook delivers to it is not known now.")
    if not webhooks:
        return Sentence("warning", "On, but no webhook of this programme delivers to it.")
    if not any(webhook.is_active for webhook in webhooks):
        return Sentence("error", f"On, but {names} is switched off at Partnero.")
    if any(finding.severity is Severity.ERROR for webhook in webhooks for finding in snapshot.findings_of(webhook)):
        return Sentence("warning", f"On: {names} delivers to it, and has errors.")
    return Sentence("good", f"On: {names} delivers to it.")


def _delivering(snapshot: ProgrammeSnapshot | None) -> list[AuditedWebhook]:
    if snapshot is None:
        return []
    return [webhook for webhook in snapshot.report.webhooks if snapshot.owners.get(webhook.key) == "receiver"]
