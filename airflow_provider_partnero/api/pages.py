"""What one page of the list says: its webhooks, and whether more pages follow.

Partnero pages by offset (the specification, "Get a list of webhooks"), today with Laravel's simple pagination, which
tells neither the number of pages nor of webhooks. Every form that Laravel knows is read: ``links`` and ``meta``, the
paginators' own fields beside ``data``, and ``data`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from airflow_provider_partnero.api.errors import PartneroResponseError
from airflow_provider_partnero.api.fields import kind_of
from airflow_provider_partnero.api.models import Webhook

MOST_WEBHOOKS = 100_000  # in one list: more are taken for a list without an end
_MOST_PAGES = MOST_WEBHOOKS // 10
_MOST_MEMORY = 256 * 1024 * 1024  # bytes of one list; 100,000 webhooks with 12 events each take 220
_MOST_EMPTY_PAGES = 100  # in a row, each of which says that there is more
_MOST_UNASKED = 10  # times as many rows on a page as were asked for: such a server ignores the limit
_STEP = 5  # limits that servers choose are multiples of it: 10, 15, 20, 25, 50
_LEAST_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list.

    :param webhooks: in the server's order. A row that has no key, or is no webhook at all, is one of them: see
        :attr:`Webhook.oddities`.
    :param is_last: whether this is the last page, as far as the page itself tells; None if it tells nothing.
    :param last_page: number of the last page; None unless the answer tells.
    :param total: number of webhooks in all; None unless the answer tells.
    :param size: most webhooks of a page, as the answer tells, or else as was asked.
    :param is_size_told: whether the answer tells a size below what was asked.
    :param memory: bytes that it takes, about.
    """

    webhooks: tuple[Webhook, ...]
    is_last: bool | None
    last_page: int | None = None
    total: int | None = None
    size: int = 0
    is_size_told: bool = False
    memory: int = 0

    @classmethod
    def from_api(cls, payload: Mapping[str, Any], *, number: int, limit: int, memory: int = 0) -> Page:
        """The page in an answer, in any of the forms. An odd row is read as far as it goes.

        :param number: the page's number, from 1.
        :param limit: how many webhooks were asked for.
        :param memory: bytes that the payload takes, about.
        :raises PartneroResponseError: ``data`` is not a list, or has ten times as many rows as were asked for.
        """
        rows = _rows(payload.get("data"), number)
        if len(rows) > limit * _MOST_UNASKED:
            raise PartneroResponseError(
                f"page {number} of the webhooks has {len(rows):,} rows, and {limit} were asked for"
            )
        meta = payload.get("meta")
        told = {**payload, **meta} if isinstance(meta, Mapping) else payload
        total, per_page = _count(told.get("total")), _count(told.get("per_page"))
        last_page = _count(told.get("last_page"))
        if last_page is None and total is not None and per_page:
            last_page = max(1, ceil(total / per_page))
        return cls(
            webhooks=tuple(map(Webhook.from_row, rows)),
            is_last=_is_last(_has_next(payload), last_page, number),
            last_page=last_page,
            total=total,
            size=per_page or limit,
            is_size_told=0 < (per_page or 0) < limit,  # some servers repeat what was asked, and give fewer
            memory=memory,
        )


def _rows(data: object, number: int) -> list[Any]:
    if isinstance(data, list):
        return data
    # PHP writes a list with gaps as an object keyed by numbers, and an empty one as either.
    if isinstance(data, Mapping) and all(isinstance(key, str) and key.isdecimal() for key in data):
        return list(data.values())
    raise PartneroResponseError(f"page {number} of the webhooks has {kind_of(data)} in its field 'data', not a list")


def _has_next(payload: Mapping[str, Any]) -> bool | None:
    """Whether a next page is announced. Its address is never followed, so that nobody can lead the token elsewhere."""
    links, meta = payload.get("links"), payload.get("meta")
    announced = [links["next"]] if isinstance(links, Mapping) and "next" in links else []
    paginators = [fields for fields in (payload, meta) if isinstance(fields, Mapping)]
    announced += [fields["next_page_url"] for fields in paginators if "next_page_url" in fields]
    return any(announced) if announced else None


def _is_last(has_next: bool | None, last_page: int | None, number: int) -> bool | None:
    """Of two that contradict each other, the one that says that there is more is believed."""
    says = [] if has_next is None else [has_next]
    if last_page is not None:
        says.append(last_page > number)
    return not any(says) if says else None


def _count(value: object) -> int | None:
    """A count from 0. PHP may write it as a text, if it comes from the request."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@dataclass(slots=True)
class Progress:
    """How far one pass over the pages has come, and whether it is at the end of the list.

    :param number: of the last page counted.
    :param rows: webhooks in all pages, repeated ones included.
    :param memory: bytes that all pages take, about.
    :param empty_in_a_row: how many pages before the next one were empty.
    :param largest: most webhooks of a page so far.
    :param keys: of all pages.
    :param pages: the keys of each page.
    """

    number: int = 0
    rows: int = 0
    memory: int = 0
    empty_in_a_row: int = 0
    largest: int = 0
    keys: set[str] = field(default_factory=set)
    pages: set[frozenset[str]] = field(default_factory=set)

    def is_at_end_after(self, page: Page) -> bool:
        """Count the next page; whether it is the last one.

        :raises PartneroResponseError: it has the same keys as an earlier page, or announces more and has no new key:
            the server ignores ``page``. Or the list does not end, or takes too much memory.
        """
        self.number += 1
        self.rows += len(page.webhooks)
        self.memory += page.memory
        self.empty_in_a_row = 0 if page.webhooks else self.empty_in_a_row + 1
        is_last = self._is_last(page)
        self.largest = max(self.largest, len(page.webhooks))
        self._check_new(page, is_last=is_last)
        if self.memory > _MOST_MEMORY:
            raise PartneroResponseError(
                f"the list of webhooks is too large: {self.rows:,} webhooks on {self.number:,} pages take some "
                f"{self.memory // 1024**2:,} MiB, and {_MOST_MEMORY // 1024**2} MiB are allowed"
            )
        if not is_last and self._is_endless():
            raise PartneroResponseError(
                f"the list of webhooks does not end: page {self.number} announces more, after {self.rows:,} webhooks "
                f"and {self.empty_in_a_row} empty pages in a row"
            )
        return is_last

    def _is_last(self, page: Page) -> bool:
        found = len(page.webhooks)
        if page.is_last is False:
            return False
        if found and page.total is not None and self.rows < page.total:
            return False
        if page.is_last or not found or page.total is not None:
            return True
        return found < page.size and not self._looks_full(page)

    def _looks_full(self, page: Page) -> bool:
        """Whether a page with fewer webhooks than asked may be full, since the server has a lower limit of its own."""
        found = len(page.webhooks)
        return not page.is_size_told and found >= max(self.largest, _LEAST_LIMIT) and found % _STEP == 0

    def _is_endless(self) -> bool:
        return self.rows > MOST_WEBHOOKS or self.number > _MOST_PAGES or self.empty_in_a_row > _MOST_EMPTY_PAGES

    def _check_new(self, page: Page, *, is_last: bool) -> None:
        keys = frozenset(webhook.key for webhook in page.webhooks if webhook.key)
        may_be_new = not page.webhooks or any(not webhook.key for webhook in page.webhooks)
        if not may_be_new and (keys in self.pages or (not is_last and self.keys >= keys)):
            raise PartneroResponseError(f"page {self.number} of the webhooks repeats what earlier pages held")
        self.pages.add(keys)
        self.keys |= keys
