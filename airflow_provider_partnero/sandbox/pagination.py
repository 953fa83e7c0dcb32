"""Pages of the list: which page a request asks for, and the forms of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.validation import Complaints

LEAST_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Window:
    """One page of at most ``limit`` items; ``page`` counts from 1."""

    limit: int
    page: int

    @property
    def start(self) -> int:
        """How many items come before it."""
        return (self.page - 1) * self.limit


def asked_window(query: Mapping[str, str], profile: Profile) -> tuple[Window, Complaints]:
    """The page that a query asks for, and the complaints about the query (none if the profile clamps).

    Documented: ``limit`` is 10 to 100 and 10 by default, ``page`` is 1 by default.
    """
    complaints: Complaints = {}
    limit = _whole_number("limit", query, LEAST_LIMIT, LEAST_LIMIT, profile.max_limit, complaints)
    page = _whole_number("page", query, 1, 1, None, complaints)
    return Window(limit, page), complaints if profile.limit_out_of_range == "422" else {}


def list_body(items: list[dict[str, Any]], window: Window, total: int, path: str, profile: Profile) -> dict[str, Any]:
    """The body of a list answer in the profile's form.

    :param items: the page's webhooks.
    :param total: number of all webhooks.
    :param path: full address of the list, without a query.
    """
    if profile.list_form == "data":
        return {"data": items}
    last_page = max(1, -(-total // window.limit))
    is_full = profile.list_form == "full"

    def link(page: int) -> str:
        return f"{path}?{urlencode({'limit': window.limit, 'page': page})}"

    meta: dict[str, Any] = {
        "current_page": window.page,
        "from": window.start + 1 if items else None,
        "path": path,
        "per_page": window.limit,
        "to": window.start + len(items) if items else None,
    }
    if is_full:
        meta |= {"last_page": last_page, "total": total}
    links = {
        "first": link(1),
        "last": link(last_page) if is_full else None,
        "prev": link(window.page - 1) if window.page > 1 else None,
        "next": link(window.page + 1) if window.page < last_page else None,
    }
    return {"data": items, "links": links, "meta": meta, "status": 1}


def _whole_number(
    name: str, query: Mapping[str, str], default: int, least: int, most: int | None, complaints: Complaints
) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        complaints[name] = [f"The {name} field must be an integer."]
        return default
    value = int(text)
    if value < least:
        complaints[name] = [f"The {name} field must be at least {least}."]
        return least
    if most is not None and value > most:
        complaints[name] = [f"The {name} field must not be greater than {most}."]
        return most
    return value
