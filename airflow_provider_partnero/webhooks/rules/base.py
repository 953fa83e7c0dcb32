"""What a rule is, and what it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.destinations import Destination
from airflow_provider_partnero.webhooks.findings import Finding, Severity
from airflow_provider_partnero.webhooks.matching import Matching
from airflow_provider_partnero.webhooks.silence import ExpectedEvent
from airflow_provider_partnero.webhooks.texts import quoted


@dataclass(frozen=True, slots=True)
class Programme:
    """What an audit looks at.

    :param webhooks: all webhooks, sorted.
    :param destinations: the parsed URL for each URL of a webhook.
    :param is_allowed_host: whether events may go to a host in normal form; None: to any host.
    :param required_events: events that some active webhook must subscribe to.
    :param matching: declared and live webhooks side by side; None: nothing is declared.
    :param program: what Partnero tells of the programme; None: nothing.
    :param expect_events: events that should come from time to time.
    """

    webhooks: tuple[Webhook, ...]
    destinations: dict[str, Destination]
    is_allowed_host: Callable[[str], bool] | None = None
    required_events: tuple[str, ...] = ()
    matching: Matching | None = None
    program: Program | None = None
    expect_events: tuple[ExpectedEvent, ...] = ()

    def destination(self, webhook: Webhook) -> Destination:
        """The webhook's URL, parsed."""
        return self.destinations[webhook.url]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a check has seen; the rule turns it into a :class:`Finding`.

    :param words: what is wrong and what to do.
    :param webhook: the webhook it is about; None: it is not about one webhook.
    :param name: the name to show without a webhook.
    :param subject: what distinguishes it from the rule's other observations about the same webhook.
    """

    words: str
    webhook: Webhook | None = None
    name: str | None = None
    subject: str = ""


Check = Callable[[Programme], Iterator[Observation]]
Argument = Literal["allowed_hosts", "required_events", "declared", "program", "expect_events"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing an audit looks for.

    :param id: stable id, such as ``"PW001"``.
    :param severity: severity of its findings.
    :param title: what it finds, in a few words.
    :param remedy: what to do about it, in a sentence.
    :param check: yields what it sees in a programme; linear in the number of webhooks and events.
    :param needs: the audit's argument without which there is nothing to check.
    :param reads: the webhook's fields that a finding is about. If one of them could not be read, there is no finding.
    """

    id: str
    severity: Severity
    title: str
    remedy: str
    check: Check
    needs: Argument | None = None
    reads: frozenset[str] = frozenset()

    def findings(self, programme: Programme) -> Iterator[Finding]:
        """What the rule finds in a programme."""
        for seen in self.check(programme):
            if seen.webhook and self.reads & seen.webhook.unreadable:
                continue
            yield Finding(
                rule=self.id,
                severity=self.severity,
                key=seen.webhook.key if seen.webhook else None,
                name=seen.webhook.name if seen.webhook else seen.name,
                words=seen.words,
                subject=seen.subject,
            )


def rule(
    id: str, severity: Severity, *, title: str, remedy: str, needs: Argument | None = None, reads: Iterable[str] = ()
) -> Callable[[Check], Rule]:
    """Turn a check into a :class:`Rule`."""
    return lambda check: Rule(id, severity, title, remedy, check, needs, frozenset(reads))


def label(webhook: Webhook) -> str:
    """A webhook's name and key, for a sentence about another webhook."""
    return f"{quoted(webhook.name, 40)} ({quoted(webhook.key, 40)[1:-1]})"
