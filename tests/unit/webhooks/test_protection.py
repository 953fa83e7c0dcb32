"""What ``keep`` names is kept, however it is spelt."""

from __future__ import annotations

import pytest

from airflow_provider_partnero.webhooks.protection import Protection
from airflow_provider_partnero.webhooks.reconcile import plan

from .builders import webhook


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[prod] CRM", "[prod] crm"),
        ("R&D*", "R&amp;D hooks"),
        ("zapier*", "\u200bZapier one"),
        ("caf\u00e9", "Cafe\u0301"),
        ("z[ao]pier*", "Zapier"),
    ],
)
def test_a_name_is_kept_however_it_is_spelt(pattern: str, name: str) -> None:
    assert Protection((pattern,)).reason(webhook(name=name)) is not None


@pytest.mark.parametrize("host", ["hooks.m\u00fcller.example", "hooks.xn--mller-kva.example"])
@pytest.mark.parametrize("pattern", ["*.m\u00fcller.example", "*.xn--mller-kva.example", "*.M\u00dcLLER.example"])
def test_a_host_is_kept_in_letters_and_in_punycode(pattern: str, host: str) -> None:
    assert Protection((pattern,)).reason(webhook(name="A", url=f"https://{host}/x")) is not None


@pytest.mark.parametrize(
    "url",
    [
        "hooks.n8n.example/x",
        "https:hooks.n8n.example/x",
        "https:/hooks.n8n.example/x",
        "https:///hooks.n8n.example/x",
        "https://hooks.n8n.example\\x",
        "https://hooks.n8n.example\\@other.example/x",
        "https://u@hooks.n8n.example\\@other.example/x",
        "https://hooks..n8n.example/x",
        "https://hooks%20one.n8n.example/x",
        "https://[hooks.n8n.example]/x",
        "https:hooks.n8n\uff0eexample/x",
        f"https://{'a' * 300}.n8n.example/x",
    ],
)
def test_a_host_that_can_be_read_in_several_ways_or_none_is_kept_if_any_part_fits(url: str) -> None:
    assert Protection(("*.n8n.example",)).reason(webhook(name="A", url=url)) == 'its URL matches keep="*.n8n.example"'


def test_parts_of_a_url_that_has_one_host_are_not_hosts() -> None:
    there = webhook(name="A", url="https://other.example/hooks.n8n.example")
    assert Protection(("*.n8n.example",)).reason(there) is None


@pytest.mark.parametrize("pattern", ["[prod] CR", "zapier", "*.muller.example"])
def test_what_a_pattern_does_not_fit_is_not_kept(pattern: str) -> None:
    assert Protection((pattern,)).reason(webhook(name="[prod] CRM", url="https://a.m\u00fcller.example/x")) is None


KEEP = Protection(keep=("zapeir*", "zapier*"))
LIVE = [webhook(name="Zapier one", key="k1"), webhook(name="CRM", key="k2")]


def test_a_plan_that_deletes_warns_of_patterns_that_keep_nothing() -> None:
    made = plan([], LIVE, prune=True, protection=KEEP)
    assert made.warnings == ('keep="zapeir*" matches no webhook, so it keeps none from being deleted.',)
    assert made.warnings[0] in made.render()
    assert made.warnings[0] in made.to_markdown()


def test_a_plan_that_deletes_nothing_does_not_warn_of_patterns() -> None:
    assert plan([], LIVE, protection=KEEP).warnings == ()


def test_such_a_warning_does_not_change_what_was_approved() -> None:
    made = plan([], LIVE, prune=True, protection=KEEP)
    assert made.fingerprint == plan([], LIVE, prune=True, protection=Protection(keep=("zapier*",))).fingerprint
