"""The forms of a list answer: as Partnero's pages show them, and as Laravel's paginators write them.

The links of Laravel's raw paginators do not repeat other parameters, so whoever follows them loses ``limit``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from airflow_provider_partnero.sandbox.profiles import Profile

_ON_EACH_SIDE = 3  # pages that Laravel links to around the current one


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list, which every form tells in its own way.

    :param items: the page's webhooks.
    :param number: counts from 1.
    :param limit: most items of a page.
    :param total: number of all webhooks.
    :param path: full address of the list, without a query.
    """

    items: list[dict[str, Any]]
    number: int
    limit: int
    total: int
    path: str

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // self.limit))

    @property
    def range(self) -> dict[str, int | None]:
        """The positions of its first and last item, counted from 1; None if it is empty."""
        before = (self.number - 1) * self.limit
        return {
            "from": before + 1 if self.items else None,
            "to": before + len(self.items) if self.items else None,
        }

    def neighbour(self, step: int) -> int | None:
        """The number of the next (1) or previous (-1) page; None if there is none."""
        number = self.number + step
        return number if number >= 1 and (step < 0 or number <= self.last) else None

    def link(self, number: int | None, **parameters: int) -> str | None:
        """The address of a page; None for no page."""
        return None if number is None else f"{self.path}?{urlencode({**parameters, 'page': number})}"


def list_body(page: ListPage, profile: Profile) -> dict[str, Any]:
    """The body of a list answer in the profile's form."""
    return _FORMS[profile.list_form](page, _data(page.items, profile))


def _data(items: list[dict[str, Any]], profile: Profile) -> Any:
    if profile.data_form == "list":
        return items
    return {str(number): item for number, item in enumerate(items, 1)}  # from 0, PHP would write a list


def _resource(page: ListPage, data: Any, *, is_full: bool) -> dict[str, Any]:
    def link(number: int | None) -> str | None:
        return page.link(number, limit=page.limit)

    positions = page.range
    meta: dict[str, Any] = {
        "current_page": page.number,
        "from": positions["from"],
        "path": page.path,
        "per_page": page.limit,
        "to": positions["to"],
    }
    if is_full:
        meta |= {"last_page": page.last, "total": page.total}
    links = {
        "first": link(1),
        "last": link(page.last) if is_full else None,
        "prev": link(page.neighbour(-1)),
        "next": link(page.neighbour(1)),
    }
    return {"data": data, "links": links, "meta": meta, "status": 1}


def _simple_paginate(page: ListPage, data: Any) -> dict[str, Any]:
    return {
        "current_page": page.number,
        "data": data,
        "first_page_url": page.link(1),
        "from": page.range["from"],
        "next_page_url": page.link(page.neighbour(1)),
        "path": page.path,
        "per_page": page.limit,
        "prev_page_url": page.link(page.neighbour(-1)),
        "to": page.range["to"],
    }


def _paginate(page: ListPage, data: Any) -> dict[str, Any]:
    simple = _simple_paginate(page, data)
    return {
        **{name: simple[name] for name in ("current_page", "data", "first_page_url", "from")},
        "last_page": page.last,
        "last_page_url": page.link(page.last),
        "links": _page_links(page),
        **{name: simple[name] for name in ("next_page_url", "path", "per_page", "prev_page_url", "to")},
        "total": page.total,
    }


def _page_links(page: ListPage) -> list[dict[str, Any]]:
    def entry(label: str, number: int | None) -> dict[str, Any]:
        return {"url": page.link(number), "label": label, "active": label == str(page.number)}

    numbered = [entry("..." if number is None else str(number), number) for number in _linked(page.number, page.last)]
    return [
        entry("&laquo; Previous", page.neighbour(-1)),
        *numbered,
        entry("Next &raquo;", page.neighbour(1)),
    ]


def _linked(current: int, last: int) -> list[int | None]:
    """The numbers of the pages that Laravel links to, with None for a gap."""
    near_an_end = _ON_EACH_SIDE + 4
    if last < _ON_EACH_SIDE * 2 + 8:
        return [*range(1, last + 1)]
    if current <= near_an_end:
        return [*range(1, near_an_end + _ON_EACH_SIDE + 1), None, last - 1, last]
    if current > last - near_an_end:
        return [1, 2, None, *range(last - (near_an_end + _ON_EACH_SIDE - 1), last + 1)]
    return [1, 2, None, *range(current - _ON_EACH_SIDE, current + _ON_EACH_SIDE + 1), None, last - 1, last]


_FORMS: Mapping[str, Callable[[ListPage, Any], dict[str, Any]]] = {
    "data": lambda _, data: {"data": data},
    "simple": lambda page, data: _resource(page, data, is_full=False),
    "full": lambda page, data: _resource(page, data, is_full=True),
    "paginate": _paginate,
    "simple-paginate": _simple_paginate,
    "per-page": lambda page, data: {"data": data, "meta": {"per_page": page.limit}},
    "total": lambda page, data: {"data": data, "meta": {"total": page.total}},
}
