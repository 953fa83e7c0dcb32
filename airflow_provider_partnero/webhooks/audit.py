"""The audit: finds what is wrong with the webhooks of a programme. Pure, and linear in its input."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.hosts import host_matcher
from airflow_provider_partnero.webhooks.matching import PlanError, match
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.base import Programme, Rule
from airflow_provider_partnero.webhooks.silence import ExpectedEvent
from airflow_provider_partnero.webhooks.table import findings_table
from airflow_provider_partnero.webhooks.texts import program_label

__all__ = [
    "RULES",
    "AuditOptions",
    "AuditReport",
    "AuditedWebhook",
    "FailOn",
    "Finding",
    "PlanError",
    "Rule",
    "Severity",
    "audit",
]

FailOn = Literal["error", "warning", "never"]


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """The arguments of an audit besides the webhooks.

    :param ignore: ids of rules not to check.
    :param allowed_hosts: patterns of the hosts that may receive events; None: any host. ``*.example.com`` matches every
        host below ``example.com``, but not ``example.com`` itself.
    :param required_events: events that some active webhook must subscribe to.
    :param declared: the webhooks that must exist, and no others; None: not compared; empty: there must be none.
    :param program: what Partnero tells of the programme; None: it is not named, and its type is not looked at.
    :param expect_events: events that should come from time to time, and what is known of when they came.
    :raises ValueError: an argument is not allowed; the message names it, its value and what is allowed.
    :raises PlanError: two declared webhooks have the same name or key.
    """

    ignore: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] | None = None
    required_events: tuple[str, ...] = ()
    declared: tuple[WebhookSpec, ...] | None = None
    program: Program | None = None
    expect_events: tuple[ExpectedEvent, ...] = ()

    def __post_init__(self) -> None:
        ids = [rule.id for rule in RULES]
        for rule_id in _texts(self.ignore, argument="ignore"):
            if rule_id not in ids:
                raise ValueError(f"ignore: {unknown_name(rule_id, ids, what='rule')}")
        for event in _texts(self.required_events, argument="required_events"):
            if not event:
                raise ValueError("required_events: an event name is empty; it must be a text such as 'partner.created'")
        if self.allowed_hosts is not None:
            host_matcher(_texts(self.allowed_hosts, argument="allowed_hosts"))
        for spec in self.declared or ():
            if not isinstance(spec, WebhookSpec):
                raise ValueError(f"declared: {type(spec).__name__} given; must be a WebhookSpec (see specs_from)")

    @property
    def digests(self) -> dict[str, str]:
        """12 hex digits for each list that decides what is wrong, whatever its order.

        There is none of a declaration, which may hold secrets that a digest lets others try.
        """
        expected = [f"{one.event} {one.longest.total_seconds():.0f}" for one in self.expect_events]
        lists = {
            "allowed_hosts": self.allowed_hosts,
            "required_events": self.required_events or None,
            "expect_events": expected or None,
        }
        return {
            name: hashlib.sha256(json.dumps(sorted(set(texts))).encode()).hexdigest()[:12]
            for name, texts in lists.items()
            if texts is not None
        }

    def are_enough_for(self, rule: Rule) -> bool:
        """Whether the argument that the rule needs, if any, is given. An empty declaration counts as given."""
        given = {
            "allowed_hosts": self.allowed_hosts is not None,
            "required_events": bool(self.required_events),
            "declared": self.declared is not None,
            "program": self.program is not None,
            "expect_events": bool(self.expect_events),
        }
        return rule.needs is None or given[rule.needs]


@dataclass(frozen=True, slots=True)
class AuditedWebhook:
    """What a report has of a webhook: neither its URL nor its signing secret.

    :param host: the host that it delivers to, without what may be secret in it; empty if the URL has no valid host.
    :param service: the service at that host, as far as its address tells; empty if it does not.
    """

    key: str
    name: str
    is_active: bool
    events: tuple[str, ...]
    host: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    :param counts: ``{"webhooks", "active", "inactive", "findings", "errors", "warnings", "by_rule": {id: number}}``;
        ``by_rule`` only has rules with findings.
    :param findings: errors first, then by rule, name and key.
    :param webhooks: all webhooks, by name and key.
    :param rules: ids of the rules that were checked; ignored rules and rules without their argument are not.
    :param program: what Partnero tells of the programme; None: nothing.
    :param arguments: a digest of each list that decided what is wrong (:attr:`AuditOptions.digests`).
    """

    counts: dict[str, Any]
    findings: tuple[Finding, ...]
    webhooks: tuple[AuditedWebhook, ...]
    rules: tuple[str, ...]
    program: Program | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def worst(self) -> Severity | None:
        """The worst severity among the findings; None without findings."""
        return self.findings[0].severity if self.findings else None

    def fails(self, fail_on: FailOn) -> bool:
        """Whether there is a finding of this severity or worse.

        :param fail_on: ``"error"``, ``"warning"`` or ``"never"``.
        :raises ValueError: ``fail_on`` is anything else.
        """
        if fail_on not in get_args(FailOn):
            raise ValueError(f"fail_on={short_repr(fail_on)}: must be 'error', 'warning' or 'never'")
        if self.worst is None or fail_on == "never":
            return False
        return self.worst is Severity.ERROR or fail_on == "warning"

    def to_dict(self, max_findings: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"counts": {...}, "findings": [{"rule", "severity", "key", "name", "words"}],
        "findings_left_out": 0}``.

        :param max_findings: how many findings to list, from 0; None: all. The counts cover all findings.
        """
        kept = self.findings if max_findings is None else self.findings[: max(max_findings, 0)]
        return {
            "counts": {**self.counts, "by_rule": dict(self.counts["by_rule"])},
            "findings": [finding.to_dict() for finding in kept],
            "findings_left_out": len(self.findings) - len(kept),
        }

    def to_table(self, max_rows: int | None = None) -> str:
        """The programme if it is known, the counts in one line, and the findings by rule with what to do, for a log.

        :param max_rows: how many findings to list; None: all.
        """
        table = findings_table(self.counts, self.findings, max_rows)
        return f"Programme {program_label(self.program)}\n{table}" if self.program else table


def audit(
    webhooks: Iterable[Webhook],
    *,
    ignore: Iterable[str] = (),
    allowed_hosts: Iterable[str] | None = None,
    required_events: Iterable[str] = (),
    declared: Iterable[WebhookSpec] | None = None,
    program: Program | None = None,
    expect_events: Iterable[ExpectedEvent] = (),
) -> AuditReport:
    """Check every rule on all webhooks of a programme.

    The result does not depend on the order of the webhooks. The parameters are those of :class:`AuditOptions`.

    :raises ValueError: an argument is not allowed. No value of a webhook raises.
    :raises PlanError: two declared webhooks have the same name or key.
    """
    options = AuditOptions(
        ignore=_tuple(ignore, argument="ignore"),
        allowed_hosts=None if allowed_hosts is None else _tuple(allowed_hosts, argument="allowed_hosts"),
        required_events=_tuple(required_events, argument="required_events"),
        declared=None if declared is None else tuple(declared),
        program=program,
        expect_events=tuple(expect_events),
    )
    programme = _programme(webhooks, options)
    rules = [rule for rule in RULES if rule.id not in options.ignore and options.are_enough_for(rule)]
    findings = sorted((finding for rule in rules for finding in rule.findings(programme)), key=_finding_order)
    return AuditReport(
        counts=_counts(programme, findings),
        findings=tuple(findings),
        webhooks=tuple(_audited(webhook, programme.destination(webhook)) for webhook in programme.webhooks),
        rules=tuple(rule.id for rule in rules),
        program=program,
        arguments=options.digests,
    )


def _audited(webhook: Webhook, destination: Destination) -> AuditedWebhook:
    return AuditedWebhook(
        key=webhook.key,
        name=webhook.name,
        is_active=webhook.is_active,
        events=webhook.events,
        host=destination.shown_host,
        service=destination.service or "",
    )


def _programme(webhooks: Iterable[Webhook], options: AuditOptions) -> Programme:
    ordered = tuple(sorted(webhooks, key=_webhook_order))
    return Programme(
        webhooks=ordered,
        destinations={url: Destination.of(url) for url in {webhook.url for webhook in ordered}},
        is_allowed_host=None if options.allowed_hosts is None else host_matcher(options.allowed_hosts),
        required_events=options.required_events,
        matching=None if options.declared is None else match(options.declared, ordered),
        program=options.program,
        expect_events=options.expect_events,
    )


def _webhook_order(webhook: Webhook) -> tuple[object, ...]:
    return webhook.name, webhook.key, webhook.url, webhook.is_active, webhook.events, webhook.signature or ""


def _finding_order(finding: Finding) -> tuple[object, ...]:
    return finding.severity.place, finding.rule, finding.name or "", finding.key or "", finding.subject, finding.words


def _counts(programme: Programme, findings: list[Finding]) -> dict[str, Any]:
    active = sum(webhook.is_active for webhook in programme.webhooks)
    by_severity = Counter(finding.severity for finding in findings)
    by_rule = Counter(finding.rule for finding in findings)
    return {
        "webhooks": len(programme.webhooks),
        "active": active,
        "inactive": len(programme.webhooks) - active,
        "findings": len(findings),
        "errors": by_severity[Severity.ERROR],
        "warnings": by_severity[Severity.WARNING],
        "by_rule": dict(sorted(by_rule.items())),
    }


def _tuple(texts: Iterable[str], *, argument: str) -> tuple[str, ...]:
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise ValueError(f"{argument}={short_repr(texts)}: must be a list of texts")
    return tuple(texts)


def _texts(texts: Iterable[str], *, argument: str) -> Iterable[str]:
    for text in _tuple(texts, argument=argument):
        if not isinstance(text, str):
            raise ValueError(f"{argument}: {short_repr(text)} given; must be a text")
        yield text
