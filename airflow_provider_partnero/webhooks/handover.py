"""What the audit of one programme hands on to its fleet's report: plain JSON of a bounded size, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.quoting import short_repr, shortened
from airflow_provider_partnero.api.urls import normal_url
from airflow_provider_partnero.webhooks.audit import AuditReport
from airflow_provider_partnero.webhooks.destinations import Destination, shown_url
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.seals import FleetSeal
from airflow_provider_partnero.webhooks.texts import program_label, visible_start

MOST_WEBHOOKS = 1_000
MOST_FINDINGS = 20
_LONGEST_NAME = 60
_LONGEST_URL = 80
_LONGEST_WORDS = 400


class _Client(Protocol):
    base_url: str

    def seal(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class SealedWebhook:
    """What is compared of a webhook.

    :param name: shortened, for people.
    :param key: shortened, for people.
    :param shown_url: without secrets, shortened, for people.
    :param url: digest of the normal form of its URL; empty if nothing is delivered there.
    :param secret: digest of its signing secret; empty if it has none.
    """

    name: str
    key: str
    shown_url: str
    url: str
    secret: str

    @classmethod
    def of(cls, webhook: Webhook, seal: FleetSeal) -> SealedWebhook:
        """The webhook as a stranger may see it."""
        delivers = webhook.is_active and not Destination.of(webhook.url).problem
        return cls(
            name=_short(webhook.name),
            key=_short(webhook.key),
            shown_url=shortened(shown_url(webhook.url), _LONGEST_URL),
            url=seal.digest("url", normal_url(webhook.url)) if delivers else "",
            secret=seal.digest("secret", webhook.signature) if webhook.signature else "",
        )


@dataclass(frozen=True, slots=True)
class Handover:
    """What became of the audit of one programme.

    :param conn_id: its connection.
    :param error: why it could not be audited; None if it was.
    :param program: its name and type; empty if they are not known.
    :param counts: those of :class:`AuditReport`; empty if it could not be audited.
    :param findings: the first 20 of them, the worst first.
    :param webhooks: the first 1,000 of them, by name.
    :param seal_id: of the key of all digests; empty without digests.
    :param identities: digests of what tells the programme from others. One in common: it is the same programme.
    """

    conn_id: str
    error: str | None = None
    program: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    webhooks: tuple[SealedWebhook, ...] = ()
    seal_id: str = ""
    identities: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, conn_id: str, report: AuditReport, webhooks: Iterable[Webhook], seal: FleetSeal, client: _Client
    ) -> Handover:
        """What an audit hands on.

        :param webhooks: those that were audited, with their secrets.
        :param client: the programme's; its address and token tell which programme it is.
        """
        known = [client.seal("programme")]
        if report.program and report.program.public_id:
            known.append(report.program.public_id)
        compared = sorted(webhooks, key=lambda webhook: (webhook.name, webhook.key, webhook.url))[:MOST_WEBHOOKS]
        return cls(
            conn_id=conn_id,
            program=program_label(report.program) if report.program else "",
            counts=report.counts,
            findings=report.findings[:MOST_FINDINGS],
            webhooks=tuple(SealedWebhook.of(webhook, seal) for webhook in compared),
            seal_id=seal.id,
            identities=tuple(seal.digest("programme", f"{normal_url(client.base_url)}\n{name}") for name in known),
        )

    @property
    def webhooks_left_out(self) -> int:
        """How many webhooks are not compared with other programmes'."""
        return max(0, int(self.counts.get("webhooks", 0)) - len(self.webhooks))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: at most 20 findings and 1,000 webhooks, each text shortened."""
        return {
            "conn_id": self.conn_id,
            "error": self.error and visible_start(self.error, _LONGEST_WORDS),
            "program": self.program,
            "counts": dict(self.counts),
            "findings": [
                [
                    finding.rule,
                    str(finding.severity),
                    None if finding.key is None else _short(finding.key),
                    None if finding.name is None else _short(finding.name),
                    visible_start(finding.words, _LONGEST_WORDS),
                ]
                for finding in self.findings[:MOST_FINDINGS]
            ],
            "webhooks": [
                [webhook.name, webhook.key, webhook.shown_url, webhook.url, webhook.secret]
                for webhook in self.webhooks[:MOST_WEBHOOKS]
            ],
            "seal_id": self.seal_id,
            "identities": list(self.identities),
        }

    @classmethod
    def from_dict(cls, plain: object) -> Handover:
        """What :meth:`to_dict` wrote.

        :raises ValueError: it is anything else.
        """
        try:
            if not isinstance(plain, Mapping) or not isinstance(plain["conn_id"], str):
                raise TypeError
            return cls(
                conn_id=plain["conn_id"],
                error=plain["error"],
                program=plain["program"],
                counts=plain["counts"],
                findings=tuple(
                    Finding(rule, Severity(severity), key, name, words)
                    for rule, severity, key, name, words in plain["findings"]
                ),
                webhooks=tuple(SealedWebhook(*fields) for fields in plain["webhooks"]),
                seal_id=plain["seal_id"],
                identities=tuple(plain["identities"]),
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{short_repr(plain)} is not what an audit with fleet=[...] hands on") from None


def _short(text: str) -> str:
    return visible_start(text, _LONGEST_NAME)
