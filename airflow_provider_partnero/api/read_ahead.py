"""Reading a list of unknown length: pages in order, several requests in flight.

For a small programme, page 1 is enough. For a larger one, a window of requests runs ahead and stops at the first sign
of the end, so at most one window of requests is wasted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.pages import Page

Fetch = Callable[[int, threading.Event], Page]


def read_pages(fetch: Fetch, *, concurrency: int) -> Iterator[Page]:
    """All pages in order.

    :param fetch: reads the page with this number; stops retrying once the event is set.
    :param concurrency: most requests in flight.
    :raises PartneroResponseError: a page has the same keys as an earlier page, or is not the last page and has no
        new keys: the server ignores ``page``.
    """
    stopped = threading.Event()
    first = fetch(1, stopped)
    yield first
    if first.is_last:
        return
    seen_pages = {_keys(first)}
    seen_keys = set(_keys(first))
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="partnero-pages")
    try:
        for number, page in enumerate(_read_ahead(pool, fetch, first, stopped, concurrency), start=2):
            keys = _keys(page)
            if page.webhooks and (keys in seen_pages or (not page.is_last and seen_keys >= keys)):
                raise PartneroResponseError(f"page {number} of the webhooks repeats what earlier pages held")
            seen_pages.add(keys)
            seen_keys |= keys
            yield page
            if page.is_last:
                return
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _read_ahead(
    pool: ThreadPoolExecutor, fetch: Fetch, first: Page, stopped: threading.Event, concurrency: int
) -> Iterator[Page]:
    in_flight: deque[Future[Page]] = deque()
    numbers = count(2)
    last_page = first.last_page
    window = concurrency if last_page is not None else min(2, concurrency)
    asked = 1
    while True:
        # Not past the known last page, but always the next page: the end may have moved while we read.
        while len(in_flight) < window and (not in_flight or last_page is None or asked < last_page):
            asked = next(numbers)
            in_flight.append(pool.submit(fetch, asked, stopped))
        page = in_flight.popleft().result()
        last_page = page.last_page
        window = min(concurrency, window * 2)
        yield page


def _keys(page: Page) -> frozenset[str]:
    return frozenset(webhook.key for webhook in page.webhooks)
