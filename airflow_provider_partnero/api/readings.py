"""What several readings of the whole list say together: webhooks come and go while we read, and offset pages shift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from airflow_provider_partnero.api.errors import PartneroInconsistentReadError
from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.pages import Page

_READINGS = 3  # of a list that changes while it is read, before giving up


def each_once(webhooks: Iterable[Webhook]) -> Iterator[Webhook]:
    """The webhooks without those whose key came before. Those without a key cannot be told apart, so all are kept."""
    seen: set[str] = set()
    for webhook in webhooks:
        if webhook.key not in seen:
            yield webhook
        if webhook.key:
            seen.add(webhook.key)


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass over all pages.

    :param webhooks: each key once, in the server's order.
    :param keys: how many webhooks have each key: one, unless they have none.
    :param doubt: why some webhooks may be missing, in words that follow "a reading"; None if none is.
    :param is_settled: whether this reading alone is right as of one moment.
    """

    webhooks: tuple[Webhook, ...]
    keys: Counter[str]
    doubt: str | None
    is_settled: bool

    @classmethod
    def of(cls, pages: Iterable[Page]) -> Reading:
        """Collect the webhooks.

        Where a key comes twice, pages have shifted, or the order is unstable: another webhook may not have come at all.
        The same holds for fewer webhooks than the server's total. Otherwise, one reading is enough if there is only one
        page, or if every page's total agrees.
        """
        rows: list[Webhook] = []
        totals: list[int | None] = []
        for page in pages:
            totals.append(page.total)
            rows.extend(page.webhooks)
        webhooks = tuple(each_once(rows))
        doubt = _doubt(rows, webhooks, most=max((total for total in totals if total is not None), default=0))
        is_settled = doubt is None and (len(totals) == 1 or set(totals) == {len(webhooks)})
        return cls(webhooks, Counter(webhook.key for webhook in webhooks), doubt, is_settled)


def _doubt(rows: list[Webhook], webhooks: tuple[Webhook, ...], *, most: int) -> str | None:
    if len(webhooks) < len(rows):
        key = next(key for key, number in Counter(row.key for row in rows if row.key).items() if number > 1)
        return f"has {len(rows) - len(webhooks)} of {len(rows)} webhooks twice, such as {key[:60]!r}"
    if len(webhooks) < most:
        return f"has {len(webhooks)} webhooks of a total of {most}"
    return None


def read_consistently(read: Callable[[], Iterable[Page]]) -> list[Webhook]:
    """All webhooks as of one moment.

    :param read: starts a new pass over all pages.
    :raises PartneroInconsistentReadError: of three passes, none was settled and no two held the same keys.
    """
    readings: list[Reading] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        is_repeated = any(earlier.keys == reading.keys for earlier in _trusted(readings))
        if reading.is_settled or (reading.doubt is None and is_repeated):
            return list(reading.webhooks)
        readings.append(reading)
    raise _inconsistent_read(readings)


def search(read: Callable[[], Iterable[Page]], matches: Callable[[Webhook], bool]) -> Webhook | None:
    """The first webhook that matches, or None if there certainly is none.

    Unlike in :func:`read_consistently`, two passes need not hold the same keys, since others may create webhooks
    while we search. It is enough that neither has a match, and that the later holds every key of the earlier.

    :param read: starts a new pass over all pages.
    :param matches: whether a webhook is the one to find.
    :raises PartneroInconsistentReadError: none of three passes has a match, and no two can be trusted: webhooks were
        deleted meanwhile, or a key came twice.
    """
    readings: list[Reading] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        if found := next(filter(matches, reading.webhooks), None):
            return found
        is_confirmed = any(earlier.keys <= reading.keys for earlier in _trusted(readings))
        if reading.is_settled or (reading.doubt is None and is_confirmed):
            return None
        readings.append(reading)
    raise _inconsistent_read(readings)


def search_all(read: Callable[[], Iterable[Page]], matches: Callable[[Webhook], bool]) -> tuple[Webhook, ...]:
    """All webhooks that match in any pass, in as many passes as :func:`search` makes if it finds nothing.

    :raises PartneroInconsistentReadError: no two of three passes can be trusted.
    """
    readings: list[Reading] = []
    found: list[Webhook] = []
    for _ in range(_READINGS):
        reading = Reading.of(read())
        found += filter(matches, reading.webhooks)
        is_confirmed = any(earlier.keys <= reading.keys for earlier in _trusted(readings))
        if reading.is_settled or (reading.doubt is None and is_confirmed):
            return tuple(each_once(found))
        readings.append(reading)
    raise _inconsistent_read(readings)


def _trusted(readings: list[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.doubt is None]


def _inconsistent_read(readings: list[Reading]) -> PartneroInconsistentReadError:
    counts = ", ".join(str(len(reading.webhooks)) for reading in readings)
    doubts = [reading.doubt for reading in readings if reading.doubt]
    if doubts:
        return PartneroInconsistentReadError(
            f"{len(readings)} readings of the webhooks cannot be trusted ({counts} webhooks; one {doubts[-1]}), "
            "so others may be missing: they are being changed, or Partnero has no stable order; try again later"
        )
    return PartneroInconsistentReadError(
        f"{len(readings)} readings of the webhooks disagree with each other "
        f"({counts} webhooks): they are being changed, try again later"
    )
