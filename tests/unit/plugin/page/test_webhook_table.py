"""The table of webhooks: what a query string finds, in which order, a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import Webhook
from airflow_provider_partnero.plugin.page.snapshot import ProgrammeSnapshot, snapshot_of
from airflow_provider_partnero.plugin.page.webhook_table import (
    PAGE_SIZE,
    SORTS,
    STATES,
    WebhookSearch,
    WebhookTable,
    build_webhook_table,
)
from airflow_provider_partnero.webhooks.ownership import declared_key

CONN = "partnero_default"
SECRET = "0123456789abcdef0123456789abcdef"


def webhook(number: int, **others: object) -> Webhook:
    fields = {
        "key": f"key{number:05}",
        "name": f"Name {number:05}",
        "url": f"https://h{number}.example.com/x",
        "is_active": True,
        "events": ("partner.created",),
        "signature": f"{SECRET}{number}",
    }
    return Webhook(**(fields | others))  # type: ignore[arg-type]


def snapshot(*webhooks: Webhook) -> ProgrammeSnapshot:
    return snapshot_of(webhooks, None, CONN, datetime(2026, 11, 26, tzinfo=UTC))


def table(programme: ProgrammeSnapshot, **query: str) -> WebhookTable:
    return build_webhook_table(programme, WebhookSearch.of(query), None)


THREE = snapshot(
    webhook(1, name="Beta", events=("transaction.created", "customer.created")),
    webhook(2, name="alpha", is_active=False),
    webhook(3, name="Gamma", url="http://crm.example.com/x"),
)


def names(found: WebhookTable) -> list[str]:
    return [line.name for line in found.lines]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Gamma", "alpha", "Beta"]),
        ({"sort": "name"}, ["alpha", "Beta", "Gamma"]),
        ({"sort": "-name"}, ["Gamma", "Beta", "alpha"]),
        ({"sort": "events"}, ["Beta", "Gamma", "alpha"]),
        ({"sort": "state"}, ["Beta", "Gamma", "alpha"]),
        ({"q": "CRM.EXAMPLE"}, ["Gamma"]),
        ({"q": "customer.cre"}, ["Beta"]),
        ({"q": "key00002"}, ["alpha"]),
        ({"state": "active", "sort": "name"}, ["Beta", "Gamma"]),
        ({"state": "inactive"}, ["alpha"]),
        ({"state": "findings"}, ["Gamma", "alpha"]),
        ({"key": "key00001"}, ["Beta"]),
        ({"q": "nothing of the kind"}, []),
    ],
)
def test_a_query_finds_and_sorts(query: dict[str, str], found: list[str]) -> None:
    assert names(table(THREE, **query)) == found


def test_a_page_has_fifty_lines_and_the_last_one_the_rest() -> None:
    programme = snapshot(*map(webhook, range(120)))
    pages = [table(programme, sort="name", page=str(number)) for number in (1, 2, 3)]
    assert [len(page.lines) for page in pages] == [50, 50, 20]
    assert [line.name for page in pages for line in page.lines] == [f"Name {number:05}" for number in range(120)]
    assert [(page.first, page.found, page.pages) for page in pages] == [(1, 120, 3), (51, 120, 3), (101, 120, 3)]
    assert table(programme, page="99").first == 101


def test_who_made_a_webhook_is_told() -> None:
    receiver = "https://airflow.example/partnero/webhooks/partnero_default"
    programme = snapshot(
        webhook(1, key=declared_key(CONN, "CRM"), name="CRM"),
        webhook(2, name="to Airflow", url=receiver),
        webhook(3, name="other"),
        webhook(4, name="by hand"),
    )
    found = build_webhook_table(programme, WebhookSearch(sort="name"), frozenset({"key00004"}))
    assert {line.name: line.owner for line in found.lines} == {
        "CRM": "made from a declaration",
        "to Airflow": "Airflow's receiver",
        "other": "declared",
        "by hand": "unknown",
    }
    assert {line.owner for line in table(programme, q="other").lines} == {"unknown"}


def test_nothing_of_a_snapshot_holds_a_signing_secret() -> None:
    assert SECRET not in repr(THREE)
    assert SECRET not in repr(table(THREE))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "q": st.text(),
            "state": st.sampled_from(STATES) | st.text(),
            "sort": st.sampled_from([*SORTS, *(f"-{sort}" for sort in SORTS)]) | st.text(),
            "page": st.integers().map(str) | st.text(),
            "key": st.text(),
        },
    )
)
def test_whatever_is_asked_there_is_a_page_and_its_links_ask_for_the_same(query: dict[str, str]) -> None:
    search = WebhookSearch.of(query)
    found = build_webhook_table(THREE, search, None)
    assert len(found.lines) <= min(PAGE_SIZE, found.found) <= found.total == 3
    assert WebhookSearch.of({name: str(value) for name, value in search.link().items()}) == WebhookSearch.of(
        {name: value for name, value in query.items() if name != "key"}
    )


@pytest.mark.parametrize("page", ["0", "1.5", "\u0661", "1000000", "000000001" + "9" * 5_000, "9" * 5_000])
def test_a_page_that_no_link_names_is_the_first(page: str) -> None:
    assert WebhookSearch.of({"page": page}).page == 1
