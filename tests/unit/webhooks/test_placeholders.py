"""A declared ``***`` is a secret part of a URL, and never another destination."""

from __future__ import annotations

import pytest

from airflow_provider_partnero.webhooks.export import export
from airflow_provider_partnero.webhooks.placeholders import filled
from airflow_provider_partnero.webhooks.reconcile import PlanError, plan
from airflow_provider_partnero.webhooks.spec_files import parse_specs

from .builders import spec, webhook


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ("https://***@good.example/x", "https://user:p4ss@good.example/x"),
        ("https://good.example/x?token=***&v=1", "https://good.example/x?token=a%20b&v=1"),
        ("https://hooks.slack.com/services/***", "https://hooks.slack.com/services/T0/B0/abc"),
        ("https://***.m.pipedream.net/", "https://eoabc.m.pipedream.net/"),
        ("https://***", "https://any.example/where"),
    ],
)
def test_a_placeholder_is_what_the_live_url_has_there(declared: str, live: str) -> None:
    assert filled(spec(url=declared), webhook(url=live)).url == live


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ("https://***@good.example/x", "https://evil.example/?@good.example/x"),
        ("https://***@good.example/x", "https://evil.example/@good.example/x"),
        ("https://***@good.example/x", "https://evil.example#@good.example/x"),
        ("https://***@good.example/x", "https://evil.example\\@good.example/x"),
        ("https://***.m.pipedream.net/", "https://evil.example/.m.pipedream.net/"),
        ("https://good.example/***", "https://good.example.evil.example/x"),
        ("https://good.example/x?token=***", "http://good.example/x?token=a"),
        ("https://***", "http://any.example/where"),
    ],
)
def test_a_live_url_that_leads_elsewhere_is_not_taken_for_the_declared_one(declared: str, live: str) -> None:
    assert filled(spec(url=declared), webhook(url=live)).url == declared


def test_a_plan_says_so_when_two_urls_differ_in_what_it_does_not_show() -> None:
    live = webhook(name="A", url="https://user:p4ss@good.example/?token=t0ken")
    with pytest.raises(PlanError, match=r"now \(they differ in a part that is not shown\): declare the whole URL"):
        plan([spec(name="A", url="https://other:word@good.example/?token=***")], [live])


@pytest.mark.parametrize("rest", ["\t", "\x85", " b", "\u2028"])
def test_a_live_url_that_cannot_be_declared_stops_neither_export_nor_plan_with_other_words(rest: str) -> None:
    odd = webhook(name="A", key="a", url=f"https://good.example/?token=abcdefgh12345678{rest}")
    text = export([odd, webhook(name="B", key="b")])
    assert '# left out: "A"' in text
    assert "abcdefgh" not in text
    assert [one.name for one in parse_specs(text, suffix=".yaml")] == ["B"]
    with pytest.raises(PlanError, match="that delivers to"):
        plan([spec(name="A", url="https://good.example/?token=***")], [odd])
