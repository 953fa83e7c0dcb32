"""Whoever approves a plan sees where deliveries go, whatever letters a URL is made of."""

from __future__ import annotations

import unicodedata

import pytest

from airflow_provider_partnero.webhooks.plans import Plan
from airflow_provider_partnero.webhooks.reconcile import plan
from airflow_provider_partnero.webhooks.texts import visible

from .builders import spec, webhook

FAR = f"hooks.acme.example.{'a' * 60}.{'b' * 60}.evil.example"


def _shown(made: Plan) -> tuple[str, str]:
    return made.render(), made.diff_markdown


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://\u0430cme.example/x", "xn--cme-5cd.example"),  # a Cyrillic letter
        ("https://acme.example\u2044hooks.evil.example/x", "acme.xn--examplehooks-xk0g.evil.example"),  # a slash?
        ("https://acme%2Eexample/x", "acme.example"),
        ("https://2130706433/x", "127.0.0.1"),
        (f"https://{FAR}/x", f"…{FAR[-59:]}"),
    ],
)
def test_a_plan_names_the_host_that_a_url_does_not_show_plainly(url: str, host: str) -> None:
    made = plan([spec(name="New", url=url), spec(name="Old", url=url)], [webhook(name="Old")])
    for text in _shown(made):
        assert text.count(f" (host {host})") == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://Acme.example:8443/x",
        "https://acme.example",
        f"https://acme.example/{'a' * 200}",
        "http://[::1]:8080/x?a=b",
        "https://user:p4ss@acme.example/",
        "https://eoabcdefghij123.m.pipedream.net/",
        f"https://eoabcdefghij123.m.pipedream.net/{'a' * 200}",
    ],
)
def test_a_host_that_is_plain_or_secret_is_not_named_again(url: str) -> None:
    for text in _shown(plan([spec(name="New", url=url)], [])):
        assert " (host " not in text


@pytest.mark.parametrize("letter", ["\u3164", "\u115f", "\uffa0", "\u2800", "\u034f", "\ufe00", "\U000e0100"])
def test_letters_that_nobody_sees_are_written_out(letter: str) -> None:
    made = plan([spec(name=f"C{letter}RM", url=f"https://acme.example/a{letter}b")], [])
    for text in _shown(made):
        assert letter not in text
        assert text.count(f"<U+{ord(letter):04X}>") == 2


@pytest.mark.parametrize("mark", ["\u0301", "\u0336", "\u0e49", "\u064b", "\u20dd"])
def test_a_pile_of_marks_does_not_reach_into_the_lines_around_it(mark: str) -> None:
    assert unicodedata.category(mark)[0] == "M"
    made = plan([], [webhook(name=f"Old{mark * 50}", key="old")], prune=True)
    for text in _shown(made):
        assert f"Old{mark * 4}<U+{ord(mark):04X}>" in text
        assert text.count(mark) == 4


def test_the_marks_of_a_word_are_left_alone() -> None:
    assert visible("Vie\u0323\u0302t Nam") == "Vie\u0323\u0302t Nam"
