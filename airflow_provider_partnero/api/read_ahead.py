"""Reading a list of unknown length: pages in order, several requests in flight.

For a small programme, page 1 is enough. For a larger one, a window of requests runs ahead and stops at the first sign
of the end, so at most one window of requests is wasted. What is still under way then is broken off.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from queue import SimpleQueue

from airflow_provider_partnero.api.exchanges import MOST_DECODED, Stop, TooLargeAheadError
from airflow_provider_partnero.api.pages import Page, Progress

Fetch = Callable[[int, Stop, int], Page]

_KEPT_AHEAD = 4 * 1024 * 1024  # bytes of all pages that are read ahead
_LEAST_AHEAD = 128 * 1024  # bytes of one of them; 100 webhooks have some 25,000


def read_pages(fetch: Fetch, *, concurrency: int) -> Iterator[Page]:
    """All pages in order.

    :param fetch: reads the page with this number and at most so many bytes; ends early once it is told to stop.
    :param concurrency: most requests in flight.
    :raises PartneroResponseError: a page repeats earlier ones, or the list does not end; see
        :meth:`~airflow_provider_partnero.api.pages.Progress.is_at_end_after`.
    """
    stop = Stop()
    progress = Progress()
    page = fetch(1, stop, MOST_DECODED)
    last_page, is_at_end = page.last_page, progress.is_at_end_after(page)
    yield page
    if is_at_end:
        return
    del page  # as below: the next pages are not read beside one that nobody needs any more
    readers = _Readers(fetch, stop)
    try:
        for page in _read_ahead(readers, last_page, concurrency):
            is_at_end = progress.is_at_end_after(page)
            yield page
            del page
            if is_at_end:
                return
    finally:
        readers.dismiss()


class _Readers:
    """Threads that fetch pages. The interpreter does not wait for them when it ends, as it would for an executor's."""

    def __init__(self, fetch: Fetch, stop: Stop) -> None:
        self._fetch = fetch
        self._stop = stop
        self._asked: SimpleQueue[tuple[int, int, Future[Page]] | None] = SimpleQueue()
        self._threads = 0

    def ask(self, number: int, most: int, window: int) -> Future[Page]:
        """The page to come, of at most so many bytes; there are as many threads as ``window`` was ever large."""
        page: Future[Page] = Future()
        self._asked.put((number, most, page))
        if self._threads < window:
            self._threads += 1
            threading.Thread(target=self._read, name=f"partnero-pages-{self._threads}", daemon=True).start()
        return page

    def whole(self, number: int) -> Page:
        """The page, however large it is."""
        return self._fetch(number, self._stop, MOST_DECODED)

    def dismiss(self) -> None:
        """Break off what is under way, and let the threads end."""
        self._stop.set()
        for _ in range(self._threads):
            self._asked.put(None)

    def _read(self) -> None:
        while asked := self._asked.get():
            number, most, page = asked
            if self._stop.is_set():
                continue
            try:
                page.set_result(self._fetch(number, self._stop, most))
            except BaseException as error:  # noqa: BLE001 - it is raised where the page is wanted
                page.set_exception(error)


def _read_ahead(readers: _Readers, last_page: int | None, concurrency: int) -> Iterator[Page]:
    in_flight: deque[tuple[int, Future[Page]]] = deque()
    numbers = count(2)
    most_ahead = max(_LEAST_AHEAD, _KEPT_AHEAD // concurrency)
    window = concurrency if last_page is not None else min(4, concurrency)
    asked = 1
    while True:
        # Not past the known last page, but always the next page: the end may have moved while we read.
        while len(in_flight) < window and (not in_flight or last_page is None or asked < last_page):
            asked = next(numbers)
            most = most_ahead if in_flight else MOST_DECODED
            in_flight.append((asked, readers.ask(asked, most, window)))
        number, to_come = in_flight.popleft()
        if not to_come.done():  # where nobody waits, more pages would only be asked for in vain
            window = min(concurrency, window * 2)
        try:
            page = to_come.result()
        except TooLargeAheadError:
            window = 1
            page = readers.whole(number)
        last_page = page.last_page
        yield page
        del page, to_come
