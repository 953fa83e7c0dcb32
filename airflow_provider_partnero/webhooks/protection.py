"""Which live webhooks a plan must neither change nor delete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.urls import normal_host, split_url
from airflow_provider_partnero.webhooks.destinations import RECEIVER_PATH, Destination
from airflow_provider_partnero.webhooks.texts import quoted

_BETWEEN_PARTS = re.compile(r"[\s/\\@:?#\[\]]+")  # of a URL
_LONGEST_SEARCHED = 2_000  # characters of a URL; nobody looks for a host behind them


@dataclass(frozen=True, slots=True)
class Protection:
    """What is kept, whatever the declaration says.

    :param keep: patterns such as ``zapier*`` or ``*.example.com`` over name, key and host; case does not count, nor do
        other spellings of a name or a host. A text that is all of a name, such as ``[prod] CRM``, is a pattern for it.
        Where nothing can be delivered to a URL, each part of it counts as a host: it may be meant as one.
    :param receiver: the connection whose receiver's webhook is kept; None: that webhook is like any other.
    """

    keep: tuple[str, ...] = ()
    receiver: str | None = None

    def reason(self, webhook: Webhook) -> str | None:
        """Why the webhook is kept, in words that follow "since"; None if it is not."""
        if self.receiver is not None and is_receiver(webhook.url, self.receiver):
            return "it delivers to this Airflow's receiver"
        for what, values in _subjects(webhook) if self.keep else ():
            for pattern in self.keep:
                if _fits(pattern, values):
                    return f"its {what} matches keep={quoted(pattern)}"
        return None

    def idle(self, webhooks: Iterable[Webhook]) -> list[str]:
        """The patterns of ``keep`` that fit none of the webhooks: what a typing error looks like."""
        idle = list(self.keep)
        for webhook in webhooks if idle else ():
            values = [values for _, values in _subjects(webhook)]
            idle = [pattern for pattern in idle if not any(_fits(pattern, one) for one in values)]
        return idle


def receiver_url(base_url: str, partnero_conn_id: str) -> str:
    """The URL of a connection's receiver, below the API server's."""
    return f"{base_url.rstrip('/')}{RECEIVER_PATH}{quote(partnero_conn_id, safe='')}"


def is_receiver(url: str, partnero_conn_id: str) -> bool:
    """Whether a URL is that of a connection's receiver, on whatever host and below whatever path."""
    parts = split_url(url)
    return parts is not None and unquote(parts.path).rstrip("/").endswith(f"{RECEIVER_PATH}{partnero_conn_id}")


def _subjects(webhook: Webhook) -> Iterator[tuple[str, set[str]]]:
    yield "name", {webhook.name, normal_name(webhook.name)}
    yield "key", {webhook.key}
    destination = Destination.of(webhook.url)
    if destination.host:
        yield "host", {destination.host}
    if destination.problem:
        parts = {part for part in _BETWEEN_PARTS.split(webhook.url[:_LONGEST_SEARCHED]) if part}
        yield "URL", parts | set(filter(None, map(normal_host, parts)))


def _fits(pattern: str, values: set[str]) -> bool:
    """Whether a pattern fits a text, or is that text: ``[prod] CRM`` would only fit ``p CRM`` and the like."""
    spellings = {spelling.casefold() for spelling in (pattern, normal_name(pattern), normal_host(pattern))}
    texts = {value.casefold() for value in values}
    return not spellings.isdisjoint(texts) or any(fnmatchcase(text, one) for one in spellings for text in texts)
