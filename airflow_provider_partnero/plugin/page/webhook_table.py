"""The view Webhooks: some of a programme's webhooks, found, sorted and a page at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.webhooks.findings import Severity
from airflow_provider_partnero.webhooks.rules import RULES_BY_ID
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot
    from airflow_provider_partnero.webhooks.audit import AuditedWebhook
    from airflow_provider_partnero.webhooks.findings import Finding

PAGE_SIZE = 50
_LONGEST_SEARCH = 200  # characters
_MOST_EVENTS = 4  # named in a row
_PAGE = re.compile(r"[1-9][0-9]{0,5}")

STATES = ("all", "active", "inactive", "findings")
SORTS = ("findings", "name", "host", "events", "state")


@dataclass(frozen=True, slots=True)
class WebhookSearch:
    """Which webhooks to show; whatever is not allowed counts as not given.

    :param text: what name, key, host, service or an event must hold.
    :param state: one of :data:`STATES`.
    :param sort: one of :data:`SORTS`.
    :param is_reversed: whether the order is the other way round.
    :param page: from 1.
    :param key: of the one webhook to show; empty for all.
    """

    text: str = ""
    state: str = "all"
    sort: str = "findings"
    is_reversed: bool = False
    page: int = 1
    key: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> WebhookSearch:
        """What a query string asks for."""
        sort = query.get("sort", "")
        page = query.get("page", "")
        return cls(
            text=query.get("q", "")[:_LONGEST_SEARCH].strip(),
            state=query["state"] if query.get("state") in STATES else "all",
            sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "findings",
            is_reversed=sort.startswith("-"),
            page=int(page) if _PAGE.fullmatch(page) else 1,
            key=query.get("key", "")[:_LONGEST_SEARCH],
        )

    def link(self, **changed: Any) -> dict[str, str | int]:
        """The query string of the same search but for what is changed."""
        order = f"{'-' if self.is_reversed else ''}{self.sort}"
        given: dict[str, str | int] = {"q": self.text, "state": self.state, "sort": order, "page": self.page}
        given |= changed
        usual: dict[str, str | int] = {"q": "", "state": "all", "sort": "findings", "page": 1}
        return {name: value for name, value in given.items() if value != usual[name]}

    def sorted_by(self, column: str) -> str:
        """What ``sort`` a click on a column's heading asks for."""
        return f"-{column}" if self.sort == column and not self.is_reversed else column


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """One webhook of the table.

    :param destination: the host that it delivers to, and the service there.
    :param events: the first few, in the order of their names.
    :param more_events: how many others there are.
    :param owner: who made it, in words.
    """

    key: str
    name: str
    is_active: bool
    destination: str
    events: tuple[str, ...]
    more_events: tuple[str, ...]
    owner: str
    findings: tuple[Finding, ...]

    @property
    def remedies(self) -> tuple[tuple[Finding, str], ...]:
        """Each finding, and what to do about it."""
        return tuple((finding, RULES_BY_ID[finding.rule].remedy) for finding in self.findings)

    @property
    def tally(self) -> str:
        """How many findings there are: ``2 errors``, or ``3 findings`` if they are not all alike."""
        kinds = {str(finding.severity) for finding in self.findings}
        return counted(len(self.findings), kinds.pop() if len(kinds) == 1 else "finding")

    @property
    def worst(self) -> str:
        """The worst severity among its findings; empty without any."""
        return str(self.findings[0].severity) if self.findings else ""


@dataclass(frozen=True, slots=True)
class WebhookTable:
    """What the view shows.

    :param total: webhooks of the programme.
    :param found: those that the search finds.
    :param first: place of the first line among those, from 1; 0 without any.
    :param pages: how many pages those take.
    """

    search: WebhookSearch
    lines: tuple[WebhookLine, ...]
    total: int
    found: int
    first: int
    pages: int


def build_webhook_table(
    snapshot: ProgrammeSnapshot, search: WebhookSearch, undeclared: frozenset[str] | None
) -> WebhookTable:
    """The lines of one page.

    :param undeclared: keys of webhooks that the last audit found undeclared; None: it compared with no declaration.
    """
    found = [webhook for webhook in snapshot.report.webhooks if _is_sought(webhook, snapshot, search)]
    order = _ORDERS[search.sort]
    found.sort(key=lambda webhook: order(webhook, snapshot), reverse=search.is_reversed)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(search.page, pages)
    start = (page - 1) * PAGE_SIZE
    lines = tuple(_line(webhook, snapshot, undeclared) for webhook in found[start : start + PAGE_SIZE])
    first = start + 1 if found else 0
    return WebhookTable(search, lines, len(snapshot.report.webhooks), len(found), first, pages)


def _is_sought(webhook: AuditedWebhook, snapshot: ProgrammeSnapshot, search: WebhookSearch) -> bool:
    if search.key and webhook.key != search.key:
        return False
    match search.state:
        case "active" | "inactive" if webhook.is_active != (search.state == "active"):
            return False
        case "findings" if not snapshot.findings_of(webhook):
            return False
    if not search.text:
        return True
    sought = search.text.casefold()
    texts = (webhook.name, webhook.key, webhook.host, webhook.service, *webhook.events)
    return any(sought in text.casefold() for text in texts)


def _by_findings(webhook: AuditedWebhook, snapshot: ProgrammeSnapshot) -> tuple[int, int]:
    found = snapshot.findings_of(webhook)
    return found[0].severity.place if found else len(Severity), -len(found)


_ORDERS: Mapping[str, Callable[[AuditedWebhook, ProgrammeSnapshot], Any]] = {
    "findings": _by_findings,
    "name": lambda webhook, _: webhook.name.casefold(),
    "host": lambda webhook, _: (webhook.host, webhook.service),
    "events": lambda webhook, _: -len(webhook.events),
    "state": lambda webhook, _: not webhook.is_active,
}


def _line(webhook: AuditedWebhook, snapshot: ProgrammeSnapshot, undeclared: frozenset[str] | None) -> WebhookLine:
    events = tuple(sorted(set(webhook.events)))
    return WebhookLine(
        key=webhook.key,
        name=webhook.name,
        is_active=webhook.is_active,
        destination=" · ".join(part for part in (webhook.host, webhook.service) if part),
        events=events[:_MOST_EVENTS],
        more_events=events[_MOST_EVENTS:],
        owner=_owner_in_words(webhook, snapshot, undeclared),
        findings=snapshot.findings_of(webhook),
    )


def _owner_in_words(webhook: AuditedWebhook, snapshot: ProgrammeSnapshot, undeclared: frozenset[str] | None) -> str:
    owner = snapshot.owners.get(webhook.key, "")
    if owner == "receiver":
        return "Airflow's receiver"
    if owner == "ours":
        return "made from a declaration"
    if undeclared is not None and webhook.key not in undeclared:
        return "declared"
    return "unknown"
