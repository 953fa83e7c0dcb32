"""Reading a list whose length nobody tells: pages in order, several requests in flight.

Partnero pages by offset (the specification, "Get a list of webhooks"), today with Laravel's simple pagination: neither
the number of pages nor of items is known. So page 1 alone settles a small programme, and beyond it a window of requests
runs ahead and stops at the first sign of the end: at most one window is asked for in vain.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

from airflow_provider_partnero.api.errors import PartneroInconsistentReadError, PartneroResponseError
from airflow_provider_partnero.api.models import Webhook

_READINGS = 3  # of a list that changes while it is read, before giving up


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list.

    :param webhooks: in the server's order.
    :param is_last: whether the answer itself says that nothing follows.
    :param last_page: number of the last page, where the answer tells it (full pagination).
    :param total: number of webhooks in all, where the answer tells it.
    """

    webhooks: tuple[Webhook, ...]
    is_last: bool
    last_page: int | None = None
    total: int | None = None

    @classmethod
    def from_api(cls, payload: Mapping[str, Any], *, number: int, limit: int) -> Page:
        """The page in a list answer, of any form: ``data`` alone, simple or full pagination.

        :raises PartneroResponseError: ``data`` is no list of webhooks.
        """
        data = payload.get("data")
        if not isinstance(data, list):
            raise PartneroResponseError(f"page {number} of the webhooks has no list in its field 'data'")
        links, meta = payload.get("links"), payload.get("meta")
        last_page = _whole(meta, "last_page")
        return cls(
            webhooks=tuple(Webhook.from_api(item) for item in data),
            is_last=not data or _ends_here(links, last_page, number=number, is_short=len(data) < limit),
            last_page=last_page,
            total=_whole(meta, "total"),
        )


def _ends_here(links: object, last_page: int | None, *, number: int, is_short: bool) -> bool:
    if last_page is not None:
        return number >= last_page
    # links.next only says whether there is more; it is never followed, so the token cannot be led to another host.
    if isinstance(links, Mapping) and "next" in links:
        return links["next"] is None
    return is_short


def _whole(meta: object, field: str) -> int | None:
    value = meta.get(field) if isinstance(meta, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Fetch = Callable[[int, threading.Event], Page]


def read_pages(fetch: Fetch, *, concurrency: int) -> Iterator[Page]:
    """All pages in order.

    :param fetch: reads the page of a number; gives up retrying once the event is set.
    :param concurrency: most requests in flight.
    :raises PartneroResponseError: a page holds exactly what an earlier page held, or says that more follows and brings
        nothing new: the server ignores ``page``.
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
        # Never past the known end, but always at least the next page: the end may have moved while we read.
        while len(in_flight) < window and (not in_flight or last_page is None or asked < last_page):
            asked = next(numbers)
            in_flight.append(pool.submit(fetch, asked, stopped))
        page = in_flight.popleft().result()
        last_page = page.last_page
        window = min(concurrency, window * 2)
        yield page


def _keys(page: Page) -> frozenset[str]:
    return frozenset(webhook.key for webhook in page.webhooks)


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass over all pages: each key once, in the server's order."""

    webhooks: dict[str, Webhook]
    is_complete: bool

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Reading:
        """``is_complete`` when there was but one page, or every page's total agrees with what was found."""
        webhooks: dict[str, Webhook] = {}
        totals: list[int | None] = []
        for page in pages:
            totals.append(page.total)
            for webhook in page.webhooks:
                webhooks.setdefault(webhook.key, webhook)
        return cls(webhooks, is_complete=len(totals) == 1 or set(totals) == {len(webhooks)})


def read_consistently(read: Callable[[], Iterable[Page]]) -> list[Webhook]:
    """All webhooks as they stood together: offset pages shift when webhooks come and go while we read.

    :param read: starts a new pass over all pages.
    :raises PartneroInconsistentReadError: no two of three passes held the same keys.
    """
    passes: list[set[str]] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        keys = set(reading.webhooks)
        if reading.is_complete or keys in passes:
            return list(reading.webhooks.values())
        passes.append(keys)
    raise _disagreeing(passes)


def search(read: Callable[[], Iterable[Page]], is_sought: Callable[[Webhook], bool]) -> Webhook | None:
    """The first webhook that is sought, or None when surely there is none.

    Unlike for :func:`read_consistently`, two passes need not agree: others may create while we search. It is enough
    that the one sought is in neither, and that nothing of the earlier is gone in the later.

    :param read: starts a new pass over all pages.
    :param is_sought: whether a webhook is the one.
    :raises PartneroInconsistentReadError: it was in none of three passes, and webhooks went meanwhile.
    """
    passes: list[set[str]] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        if found := next(filter(is_sought, reading.webhooks.values()), None):
            return found
        keys = set(reading.webhooks)
        if reading.is_complete or any(earlier <= keys for earlier in passes):
            return None
        passes.append(keys)
    raise _disagreeing(passes)


def _disagreeing(passes: list[set[str]]) -> PartneroInconsistentReadError:
    return PartneroInconsistentReadError(
        f"{len(passes)} readings of the webhooks disagree with each other "
        f"({', '.join(str(len(keys)) for keys in passes)} webhooks): they are being changed meanwhile, try again later"
    )
