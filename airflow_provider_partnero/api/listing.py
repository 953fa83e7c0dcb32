"""Reading the list of all webhooks, page by page and with retries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import Request
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page, read_consistently, read_pages, search
from airflow_provider_partnero.api.retries import RetryPlan

_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """Reads the list.

    :param endpoints: fetch the pages.
    :param retries: of each page.
    :param concurrency: most requests in flight.
    """

    endpoints: Endpoints
    retries: RetryPlan
    concurrency: int

    def page(self, number: int, limit: int, stopped: threading.Event | None = None) -> Page:
        """One page.

        :param stopped: once set, the page is not tried again.
        """
        return self.retries.run(lambda _: self.endpoints.page(number, limit), Request.REPEATABLE, stopped)

    def pages(self, page_size: int = _PAGE_SIZE) -> Iterator[Page]:
        """All pages in order."""
        return read_pages(lambda number, stopped: self.page(number, page_size, stopped), concurrency=self.concurrency)

    def each_once(self, page_size: int) -> Iterator[Webhook]:
        """All webhooks, each key once, as they come."""
        seen: set[str] = set()
        for page in self.pages(page_size):
            for webhook in page.webhooks:
                if webhook.key not in seen:
                    seen.add(webhook.key)
                    yield webhook

    def all_at_once(self, page_size: int) -> list[Webhook]:
        """All webhooks as of one moment; see :func:`~airflow_provider_partnero.api.pages.read_consistently`."""
        return read_consistently(lambda: self.pages(page_size))

    def find(self, matches: Callable[[Webhook], bool]) -> Webhook | None:
        """The first webhook that matches; see :func:`~airflow_provider_partnero.api.pages.search`."""
        return search(self.pages, matches)
