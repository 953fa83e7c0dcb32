"""The forms of a list answer: Partnero's own, and those of Laravel's paginators."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.profiles import CHOICES

from .conftest import Api

FORMS = CHOICES["list_form"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("count", "limit", "most"), [(0, 10, 100), (137, 100, 50), (100, 100, 100), (101, 100, 100)])
def test_pages_of_every_form_hold_every_webhook_once_even_when_the_limit_is_clamped(
    api: Api, sandbox: Sandbox, form: Any, count: int, limit: int, most: int
) -> None:
    sandbox.reset(Profile(list_form=form, limit_out_of_range="clamp", max_limit=most))
    sandbox.seed(count)
    given = min(limit, most)
    pages = [
        api.get("/webhooks", params={"limit": limit, "page": page}).json()["data"]
        for page in range(1, max(1, -(-count // given)) + 2)
    ]
    assert [webhook for page in pages for webhook in page] == sandbox.webhooks()
    assert pages[-1] == []
    assert all(len(page) == given for page in pages[:-2])


def test_a_raw_paginator_looks_like_laravels(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(list_form="paginate", limit_out_of_range="clamp", max_limit=50))
    sandbox.seed(137)
    path = f"{sandbox.base_url}/webhooks"
    body = api.get("/webhooks?limit=100&page=2").json()
    assert list(body) == [
        "current_page", "data", "first_page_url", "from", "last_page", "last_page_url", "links", "next_page_url",
        "path", "per_page", "prev_page_url", "to", "total",
    ]  # fmt: skip
    assert body.pop("data") == sandbox.webhooks()[50:100]
    assert body == {
        "current_page": 2,
        "first_page_url": f"{path}?page=1",
        "from": 51,
        "last_page": 3,
        "last_page_url": f"{path}?page=3",
        "links": [
            {"url": f"{path}?page=1", "label": "&laquo; Previous", "active": False},
            {"url": f"{path}?page=1", "label": "1", "active": False},
            {"url": f"{path}?page=2", "label": "2", "active": True},
            {"url": f"{path}?page=3", "label": "3", "active": False},
            {"url": f"{path}?page=3", "label": "Next &raquo;", "active": False},
        ],
        "next_page_url": f"{path}?page=3",
        "path": path,
        "per_page": 50,
        "prev_page_url": f"{path}?page=1",
        "to": 100,
        "total": 137,
    }


@pytest.mark.parametrize(
    ("page", "labels"),
    [
        (1, "1 2 3 4 5 6 7 8 9 10 ... 19 20"),
        (10, "1 2 ... 7 8 9 10 11 12 13 ... 19 20"),
        (20, "1 2 ... 11 12 13 14 15 16 17 18 19 20"),
    ],
)
def test_a_raw_paginator_links_to_some_of_many_pages(api: Api, sandbox: Sandbox, page: int, labels: str) -> None:
    sandbox.reset(Profile(list_form="paginate"))
    sandbox.seed(200)
    links = api.get(f"/webhooks?page={page}").json()["links"]
    assert " ".join(link["label"] for link in links[1:-1]) == labels
    assert [link["label"] for link in links if link["active"]] == [str(page)]
    assert all((link["url"] is None) for link in links if link["label"] == "...")


def test_a_raw_simple_paginator_has_neither_a_total_nor_a_last_page(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(list_form="simple-paginate"))
    sandbox.seed(15)
    path = f"{sandbox.base_url}/webhooks"
    body = api.get("/webhooks?limit=10&page=2").json()
    assert body == {
        "current_page": 2,
        "data": sandbox.webhooks()[10:],
        "first_page_url": f"{path}?page=1",
        "from": 11,
        "next_page_url": None,
        "path": path,
        "per_page": 10,
        "prev_page_url": f"{path}?page=1",
        "to": 15,
    }


@pytest.mark.parametrize(("form", "meta"), [("per-page", {"per_page": 50}), ("total", {"total": 60})])
def test_meta_may_hold_one_number_and_nothing_else(api: Api, sandbox: Sandbox, form: Any, meta: dict[str, int]) -> None:
    sandbox.reset(Profile(list_form=form, limit_out_of_range="clamp", max_limit=50))
    sandbox.seed(60)
    assert api.get("/webhooks?limit=100").json() == {"data": sandbox.webhooks()[:50], "meta": meta}


@pytest.mark.parametrize("form", FORMS)
def test_the_data_may_be_an_object_keyed_by_numbers(api: Api, sandbox: Sandbox, form: Any) -> None:
    sandbox.reset(Profile(list_form=form, data_form="object"))
    assert api.get("/webhooks").json()["data"] == {}
    sandbox.seed(12)
    first, second = sandbox.webhooks()[10:]
    assert api.get("/webhooks?page=2").json()["data"] == {"1": first, "2": second}
