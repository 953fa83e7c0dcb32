"""What one page of the list says, and what several readings of the whole list say together.

Partnero pages by offset (the specification, "Get a list of webhooks"), today with Laravel's simple pagination: it tells
neither the number of pages nor of items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_partnero.api.errors import PartneroInconsistentReadError, PartneroResponseError
from airflow_provider_partnero.api.models import Webhook

_READINGS = 3  # of a list that changes while it is read, before giving up


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list.

    :param webhooks: in the server's order.
    :param is_last: whether this is the last page.
    :param last_page: number of the last page; None unless the answer has it (full pagination).
    :param total: number of webhooks in all; None unless the answer has it.
    """

    webhooks: tuple[Webhook, ...]
    is_last: bool
    last_page: int | None = None
    total: int | None = None

    @classmethod
    def from_api(cls, payload: Mapping[str, Any], *, number: int, limit: int) -> Page:
        """The page in an answer: ``data`` alone, or with simple or full pagination.

        :raises PartneroResponseError: ``data`` is not a list of webhooks.
        """
        data = payload.get("data")
        if not isinstance(data, list):
            raise PartneroResponseError(f"page {number} of the webhooks has no list in its field 'data'")
        links, meta = payload.get("links"), payload.get("meta")
        last_page = _whole_number(meta, "last_page")
        return cls(
            webhooks=tuple(Webhook.from_api(item) for item in data),
            is_last=not data or _ends_here(links, last_page, number=number, is_short=len(data) < limit),
            last_page=last_page,
            total=_whole_number(meta, "total"),
        )


def _ends_here(links: object, last_page: int | None, *, number: int, is_short: bool) -> bool:
    if last_page is not None:
        return number >= last_page
    # links.next only says whether there is more; it is never followed, so the token cannot be led to another host.
    if isinstance(links, Mapping) and "next" in links:
        return links["next"] is None
    return is_short


def _whole_number(meta: object, field: str) -> int | None:
    value = meta.get(field) if isinstance(meta, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass over all pages: each key once, in the server's order."""

    webhooks: dict[str, Webhook]
    is_complete: bool

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Reading:
        """Collect the webhooks; the reading is complete if there is only one page, or if every page's total agrees."""
        webhooks: dict[str, Webhook] = {}
        totals: list[int | None] = []
        for page in pages:
            totals.append(page.total)
            for webhook in page.webhooks:
                webhooks.setdefault(webhook.key, webhook)
        return cls(webhooks, is_complete=len(totals) == 1 or set(totals) == {len(webhooks)})


def read_consistently(read: Callable[[], Iterable[Page]]) -> list[Webhook]:
    """All webhooks as of one moment. Offset pages shift when webhooks come and go while we read.

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
    raise _inconsistent_read(passes)


def search(read: Callable[[], Iterable[Page]], matches: Callable[[Webhook], bool]) -> Webhook | None:
    """The first webhook that matches, or None if there certainly is none.

    Unlike in :func:`read_consistently`, two passes need not hold the same keys, since others may create webhooks
    while we search. It is enough that neither has a match, and that the later holds every key of the earlier.

    :param read: starts a new pass over all pages.
    :param matches: whether a webhook is the one to find.
    :raises PartneroInconsistentReadError: none of three passes has a match, and webhooks were deleted meanwhile.
    """
    passes: list[set[str]] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        if found := next(filter(matches, reading.webhooks.values()), None):
            return found
        keys = set(reading.webhooks)
        if reading.is_complete or any(earlier <= keys for earlier in passes):
            return None
        passes.append(keys)
    raise _inconsistent_read(passes)


def _inconsistent_read(passes: list[set[str]]) -> PartneroInconsistentReadError:
    return PartneroInconsistentReadError(
        f"{len(passes)} readings of the webhooks disagree with each other "
        f"({', '.join(str(len(keys)) for keys in passes)} webhooks): they are being changed, try again later"
    )
