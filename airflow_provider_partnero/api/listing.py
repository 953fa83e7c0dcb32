"""Reading the list of all webhooks, page by page and with retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from airflow_provider_partnero.api.clock import Deadline
from airflow_provider_partnero.api.endpoints import Endpoints
from airflow_provider_partnero.api.errors import Request
from airflow_provider_partnero.api.exchanges import MOST_DECODED, Stop
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page, Progress
from airflow_provider_partnero.api.read_ahead import read_pages
from airflow_provider_partnero.api.readings import each_once, read_consistently, search, search_all
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

    def page(
        self,
        number: int,
        limit: int,
        *,
        deadline: Deadline | None = None,
        stop: Stop | None = None,
        most: int = MOST_DECODED,
    ) -> Page:
        """One page.

        :param deadline: of the call that the page belongs to; None: the page has a call's whole time for itself.
        :param stop: once set, the page is broken off and not tried again.
        :param most: bytes that it may have.
        """
        return self.retries.run(
            lambda attempt: self.endpoints.page(number, limit, attempt.deadline, stop, most),
            Request.REPEATABLE,
            deadline,
            stop,
        )

    def pages(self, page_size: int = _PAGE_SIZE, deadline: Deadline | None = None) -> Iterator[Page]:
        """All pages in order; ``deadline`` as for :meth:`page`."""
        return read_pages(
            lambda number, stop, most: self.page(
                number, page_size, deadline=deadline or self.retries.deadline_of_page(), stop=stop, most=most
            ),
            concurrency=self.concurrency,
        )

    def each_once(self, page_size: int) -> Iterator[Webhook]:
        """All webhooks, each key once, as they come."""
        return each_once(chain.from_iterable(page.webhooks for page in self.pages(page_size)))

    def all_at_once(self, page_size: int) -> list[Webhook]:
        """All webhooks as of one moment; see :func:`~airflow_provider_partnero.api.readings.read_consistently`."""
        return read_consistently(lambda: self.pages(page_size))

    def find(self, matches: Callable[[Webhook], bool], deadline: Deadline) -> Webhook | None:
        """The first webhook that matches; see :func:`~airflow_provider_partnero.api.readings.search`.

        :param deadline: of the call that the search belongs to.
        """
        return search(lambda: self.pages(deadline=deadline), matches)

    def find_all(self, matches: Callable[[Webhook], bool], deadline: Deadline) -> tuple[Webhook, ...]:
        """All webhooks that match; see :func:`~airflow_provider_partnero.api.readings.search_all`."""
        return search_all(lambda: self.pages(deadline=deadline), matches)

    def on_one_page(self, deadline: Deadline) -> tuple[Webhook, ...] | None:
        """All webhooks if one request reads them; None if there are more."""
        page = self.page(1, _PAGE_SIZE, deadline=deadline)
        return page.webhooks if Progress().is_at_end_after(page) else None
