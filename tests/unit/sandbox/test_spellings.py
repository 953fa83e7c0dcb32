"""Servers that write a name or a URL in their own way."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_partnero.sandbox import Profile, Sandbox
from airflow_provider_partnero.sandbox.profiles import CHOICES

from .conftest import Api

NAME, URL = "Müller & Söhne", "https://x.example/a/?b=1&c=2"
DECOMPOSED = "Cafe\u0301"
CASES: list[tuple[str, str, str, str, str]] = [
    ("as-sent", NAME, URL, NAME, URL),
    ("trimmed", f"  {NAME}\n", f" {URL}\t", NAME, URL),
    ("no-trailing-slash", NAME, URL, NAME, "https://x.example/a?b=1&c=2"),
    ("no-trailing-slash", NAME, "https://x.example/", NAME, "https://x.example"),
    ("punycode", NAME, "https://u:p@Bücher.example:8443/ü", NAME, "https://u:p@xn--bcher-kva.example:8443/ü"),
    ("punycode", NAME, "https://x..example/", NAME, "https://x..example/"),
    ("percent-encoded", NAME, "https://x.example/ü b?q=%C3%A9&r=é", NAME, "https://x.example/%C3%BC%20b?q=%C3%A9&r=%C3%A9"),
    ("no-fragment", NAME, f"{URL}#top", NAME, URL),
    ("html-escaped", "R&D 'x'", URL, "R&amp;D &#039;x&#039;", "https://x.example/a/?b=1&amp;c=2"),
    ("cut-50", "é" * 51, URL, "é" * 50, URL),
    ("nfc", DECOMPOSED, f"https://x.example/{DECOMPOSED}", "Café", "https://x.example/Café"),
]  # fmt: skip


def test_every_spelling_is_tried_here() -> None:
    assert {case[0] for case in CASES} == set(CHOICES["spelling"])


@pytest.mark.parametrize(("spelling", "name", "url", "stored_name", "stored_url"), CASES)
def test_a_create_and_an_update_store_the_servers_spelling(
    api: Api, sandbox: Sandbox, spelling: Any, name: str, url: str, stored_name: str, stored_url: str
) -> None:
    sandbox.reset(Profile(spelling=spelling))
    made = api.create(name=name, url=url, key="mine").json()["data"]
    api.create(key="other")
    updated = api.call("PUT", "/webhooks/other", json={"name": name, "url": url}).json()["data"]
    for webhook in (made, updated, api.get("/webhooks/mine").json()["data"], *sandbox.webhooks()):
        assert (webhook["name"], webhook["url"]) == (stored_name, stored_url)


def test_escaping_what_was_read_and_written_back_never_ends(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(spelling="html-escaped"))
    name = api.create(name="&", key="mine").json()["data"]["name"]
    assert api.call("PUT", "/webhooks/mine", json={"name": name}).json()["data"]["name"] == "&amp;amp;"


@pytest.mark.parametrize("spelling", CHOICES["spelling"])
def test_what_is_no_name_or_url_is_refused_as_ever(api: Api, sandbox: Sandbox, spelling: Any) -> None:
    sandbox.reset(Profile(spelling=spelling))
    answer = api.create(name=7, url="https://[/")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name", "url"])
