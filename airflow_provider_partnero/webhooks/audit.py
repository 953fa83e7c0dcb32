"""The audit: all webhooks of a programme in, what is wrong with them out. Pure, and linear in what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from airflow_provider_partnero.api.arguments import unknown_name
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.hosts import host_matcher
from airflow_provider_partnero.webhooks.matching import PlanError, match
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.base import Programme, Rule
from airflow_provider_partnero.webhooks.table import findings_table

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

_SEVERITIES = list(Severity)  # the worst first


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What an audit is told besides the webhooks.

    :param ignore: ids of rules not to check.
    :param allowed_hosts: patterns of the hosts that may receive events: ``*.example.com`` is every host below
        ``example.com``, not ``example.com`` itself; None: any host.
    :param required_events: events that some active webhook must subscribe to.
    :param declared: the webhooks that there must be; None: not compared; an empty tuple: there must be none.
    :raises ValueError: an argument is not allowed; the message names it, its value and what is.
    :raises PlanError: two declared webhooks have one name, or one key.
    """

    ignore: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] | None = None
    required_events: tuple[str, ...] = ()
    declared: tuple[WebhookSpec, ...] | None = None

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

    def are_enough_for(self, rule: Rule) -> bool:
        """Whether the argument that the rule needs, if any, is given; an empty declaration is one."""
        given = {
            "allowed_hosts": self.allowed_hosts is not None,
            "required_events": bool(self.required_events),
            "declared": self.declared is not None,
        }
        return rule.needs is None or given[rule.needs]


@dataclass(frozen=True, slots=True)
class AuditedWebhook:
    """What a report keeps of a webhook: neither its URL nor its signing secret."""

    key: str
    name: str
    is_active: bool
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    :param counts: ``{"webhooks", "active", "inactive", "findings", "errors", "warnings", "by_rule": {id: number}}``;
        ``by_rule`` has the rules with findings.
    :param findings: errors first, then by rule, name and key.
    :param webhooks: all webhooks, by name and key.
    :param rules: ids of the rules that were checked: those not ignored whose argument was given.
    """

    counts: dict[str, Any]
    findings: tuple[Finding, ...]
    webhooks: tuple[AuditedWebhook, ...]
    rules: tuple[str, ...]

    @property
    def worst(self) -> Severity | None:
        """The worst severity among the findings; None without any."""
        return self.findings[0].severity if self.findings else None

    def fails(self, fail_on: FailOn) -> bool:
        """Whether there is a finding of this severity or worse.

        :param fail_on: ``"error"``, ``"warning"`` or ``"never"``.
        :raises ValueError: anything else.
        """
        if fail_on not in get_args(FailOn):
            raise ValueError(f"fail_on={fail_on!r}: must be 'error', 'warning' or 'never'")
        if self.worst is None or fail_on == "never":
            return False
        return self.worst is Severity.ERROR or fail_on == "warning"

    def to_dict(self, max_findings: int | None = None) -> dict[str, Any]:
        """Plain JSON: ``{"counts": {...}, "findings": [{"rule", "severity", "key", "name", "words"}],
        "findings_left_out": 0}``.

        :param max_findings: how many findings to list, from 0; None: all. The counts are always whole.
        """
        kept = self.findings if max_findings is None else self.findings[: max(max_findings, 0)]
        return {
            "counts": {**self.counts, "by_rule": dict(self.counts["by_rule"])},
            "findings": [finding.to_dict() for finding in kept],
            "findings_left_out": len(self.findings) - len(kept),
        }

    def to_table(self, max_rows: int | None = None) -> str:
        """The counts in a line and the findings as aligned columns, fit for any log.

        :param max_rows: how many findings to list; None: all.
        """
        return findings_table(self.counts, self.findings, max_rows)


def audit(
    webhooks: Iterable[Webhook],
    *,
    ignore: Iterable[str] = (),
    allowed_hosts: Iterable[str] | None = None,
    required_events: Iterable[str] = (),
    declared: Iterable[WebhookSpec] | None = None,
) -> AuditReport:
    """Check every rule on all webhooks of a programme.

    The result depends on what the webhooks are, not on their order. The parameters are those of :class:`AuditOptions`.

    :raises ValueError: an argument is not allowed. Nothing that a webhook may hold raises.
    :raises PlanError: two declared webhooks have one name, or one key.
    """
    options = AuditOptions(
        ignore=_tuple(ignore, argument="ignore"),
        allowed_hosts=None if allowed_hosts is None else _tuple(allowed_hosts, argument="allowed_hosts"),
        required_events=_tuple(required_events, argument="required_events"),
        declared=None if declared is None else tuple(declared),
    )
    programme = _programme(webhooks, options)
    rules = [rule for rule in RULES if rule.id not in options.ignore and options.are_enough_for(rule)]
    findings = sorted((finding for rule in rules for finding in rule.findings(programme)), key=_place)
    return AuditReport(
        counts=_counts(programme, findings),
        findings=tuple(findings),
        webhooks=tuple(
            AuditedWebhook(webhook.key, webhook.name, webhook.is_active, webhook.events)
            for webhook in programme.webhooks
        ),
        rules=tuple(rule.id for rule in rules),
    )


def _programme(webhooks: Iterable[Webhook], options: AuditOptions) -> Programme:
    in_order = tuple(sorted(webhooks, key=_identity))
    return Programme(
        webhooks=in_order,
        destinations={url: Destination.of(url) for url in {webhook.url for webhook in in_order}},
        is_allowed_host=None if options.allowed_hosts is None else host_matcher(options.allowed_hosts),
        required_events=options.required_events,
        matching=None if options.declared is None else match(options.declared, in_order),
    )


def _identity(webhook: Webhook) -> tuple[object, ...]:
    return webhook.name, webhook.key, webhook.url, webhook.is_active, webhook.events, webhook.signature or ""


def _place(finding: Finding) -> tuple[object, ...]:
    severity = _SEVERITIES.index(finding.severity)
    return severity, finding.rule, finding.name or "", finding.key or "", finding.subject, finding.words


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
        raise ValueError(f"{argument}={texts!r}: must be a list of texts")
    return tuple(texts)


def _texts(texts: Iterable[str], *, argument: str) -> Iterable[str]:
    for text in _tuple(texts, argument=argument):
        if not isinstance(text, str):
            raise ValueError(f"{argument}: {text!r} given; must be a text")
        yield text
