"""Which webhooks a probe stands in for: those that deliver to the receiver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.urls import normal_url
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.hosts import internal_kind
from airflow_provider_partnero.webhooks.probe import Hop
from airflow_provider_partnero.webhooks.protection import is_receiver, receiver_url
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """One address, and the webhooks that deliver to it.

    :param webhooks: at least one; active ones first.
    """

    destination: Destination
    webhooks: tuple[Webhook, ...]

    def warnings(self) -> list[str]:
        """What the probe does not see, or what else is wrong; sentences."""
        found = []
        if not any(webhook.is_active for webhook in self.webhooks):
            found.append("The webhook is switched off: Partnero delivers nothing, whatever the probe finds.")
        if self.destination.scheme != "https":
            found.append("Deliveries are not encrypted: everybody on the way can read and change them.")
        kind = internal_kind(self.destination.host) if self.destination.host else None
        if kind:
            found.append(f"Partnero cannot reach the host from the internet: it is {kind}.")
        return found


def probe_target(
    webhooks: Iterable[Webhook], conn_id: str, base_url: str | None, configured: str | None
) -> ProbeTarget | Hop:
    """The address to probe, or the hop ``webhook`` with the reason why there is none.

    :param webhooks: all of the programme.
    :param base_url: the API server's URL, if the receiver of this address and no other is meant.
    :param configured: the API server's URL that decides if Partnero delivers to several receivers.
    """
    ours = [one for one in webhooks if is_receiver(one.url, conn_id) and Destination.of(one.url).problem is None]
    if not ours:
        problem = f"no webhook of the programme delivers to the receiver of connection {quoted(conn_id)}"
        return Hop("webhook", problem, "Run PartneroRegisterReceiverOperator.")
    considered = ours if base_url else [one for one in ours if one.is_active] or ours
    by_url = _by_url(considered)
    wanted = normal_url(receiver_url(base_url or configured or "", conn_id))
    if base_url and wanted not in by_url:
        there = listed(_shown(considered))
        problem = f"Partnero delivers to {there}, and not to {Destination.of(receiver_url(base_url, conn_id)).shown}"
        return Hop("webhook", problem, "Correct base_url, or run PartneroRegisterReceiverOperator with it.")
    if len(by_url) > 1 and wanted not in by_url:
        problem = f"Partnero delivers to {counted(len(by_url), 'receiver')}: {listed(_shown(considered))}"
        return Hop("webhook", problem, "Give base_url to say which to probe.")
    found = by_url.get(wanted) or next(iter(by_url.values()))
    found.sort(key=lambda webhook: not webhook.is_active)
    return ProbeTarget(Destination.of(found[0].url), tuple(found))


def _by_url(webhooks: Iterable[Webhook]) -> dict[str, list[Webhook]]:
    found: dict[str, list[Webhook]] = {}
    for webhook in webhooks:
        found.setdefault(normal_url(webhook.url), []).append(webhook)
    return found


def _shown(webhooks: Sequence[Webhook]) -> list[str]:
    return list(dict.fromkeys(Destination.of(webhook.url).shown for webhook in webhooks))
