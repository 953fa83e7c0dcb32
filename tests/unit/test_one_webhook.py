"""Which two webhooks are one, and which stay two: the same answer from plan, create, adopt and audit."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import PartneroClient, PartneroConflictError, Webhook
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.names import normal_name
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.api.urls import normal_url
from airflow_provider_partnero.operators.keys import declared_key
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.reconcile import plan

EVENTS = ("partner.created",)
HOOK = "https://x.example/h"

ONE_URL = {
    "fragment": (f"{HOOK}#a", f"{HOOK}#b"),
    "fragment or none": (HOOK, f"{HOOK}#b"),
    "final dot of the host": ("https://x.example./h", HOOK),
    "short address": ("http://127.1/h", "http://127.0.0.1/h"),
    "hexadecimal address": ("http://0x7f000001/h", "http://127.0.0.1/h"),
    "IPv6 address": ("https://[2001:DB8:0::1]/h", "https://[2001:db8::1]/h"),
    "IDN and its Punycode": ("https://bücher.example/h", "https://xn--bcher-kva.example/h"),
    "IDN with a sharp s": ("https://faß.example/h", "https://xn--fa-hia.example/h"),
    "IDN in upper case": ("https://BÜCHER.example/h", "https://xn--bcher-kva.example/h"),
    "case of the host": ("https://X.Example/h", HOOK),
    "case of the scheme": ("HTTPS://x.example/h", HOOK),
    "default port of https": ("https://x.example:443/h", HOOK),
    "default port of http": ("http://x.example:80/h", "http://x.example/h"),
    "default port with a zero before it": ("https://x.example:0443/h", HOOK),
    "empty path": ("https://x.example", "https://x.example/"),
    "empty path before a query": ("https://x.example?a=1", "https://x.example/?a=1"),
    "needless percent-encoding of a path": (f"{HOOK}/%7Eme", f"{HOOK}/~me"),
    "needless percent-encoding of a query": (f"{HOOK}?a=%7E", f"{HOOK}?a=~"),
    "case of percent-encoding": (f"{HOOK}/%2fb?c=%c3%bc", f"{HOOK}/%2Fb?c=%C3%BC"),
    "letters that are not ASCII": (f"{HOOK}/bücher?c=ü", f"{HOOK}/b%C3%BCcher?c=%C3%BC"),
    "a stray percent sign": (f"{HOOK}/100%", f"{HOOK}/100%25"),
    "a host that no DNS has": ("https://FOO-.example:443/h#a", "https://foo-.example/h"),
    "several at once": ("HTTPS://X.EXAMPLE.:443?a=%7e#b", "https://x.example/?a=~"),
}
TWO_URLS = {
    "path": (HOOK, f"{HOOK}2"),
    "case of the path": (HOOK, "https://x.example/H"),
    "slash at the end": (HOOK, f"{HOOK}/"),
    "dot segments": (HOOK, "https://x.example/a/../h"),
    "encoded slash": (f"{HOOK}/a/b", f"{HOOK}/a%2Fb"),
    "query value": (f"{HOOK}?a=1", f"{HOOK}?a=2"),
    "query or none": (HOOK, f"{HOOK}?a=1"),
    "query order": (f"{HOOK}?a=1&b=2", f"{HOOK}?b=2&a=1"),
    "plus and encoded blank": (f"{HOOK}?a=1+2", f"{HOOK}?a=1%202"),
    "scheme": (HOOK, "http://x.example/h"),
    "port": (HOOK, "https://x.example:8443/h"),
    "the other scheme's port": (HOOK, "https://x.example:80/h"),
    "host": (HOOK, "https://www.x.example/h"),
    "user": (HOOK, "https://me@x.example/h"),
}
ONE_NAME = {
    "white space around it": ("CRM", "  CRM\n"),
    "white space that Laravel trims": ("CRM", "\ufeffCRM\u200b"),
    "invisible characters that Laravel trims": ("CRM", "\u00adCRM\u200d\u2060"),
    "repeated white space": ("CRM: partners", "CRM:  \tpartners"),
    "no-break space": ("CRM: partners", "CRM:\u00a0partners"),
    "Unicode normal form": ("Bücher", unicodedata.normalize("NFD", "Bücher")),
    "an ampersand escaped": ("R&D", "R&amp;D"),
    "escaped twice": ("R&D", "R&amp;amp;D"),
    "an ampersand by its number": ("R&D", "R&#38;D"),
    "quotes escaped": ('the "new" CRM\'s', "the &quot;new&quot; CRM&#039;s"),
    "brackets escaped": ("<CRM>", "&lt;CRM&gt;"),
    "an umlaut escaped": ("Bücher", "B&uuml;cher"),
    "several at once": ("R&D: Bücher", f" R&amp;D:  {unicodedata.normalize('NFD', 'Bücher')} "),
}
TWO_NAMES = {
    "letters": ("CRM", "CRMs"),
    "case": ("CRM", "crm"),
    "white space within or none": ("CRM 2", "CRM2"),
    "accent": ("Bücher", "Bucher"),
    "not an entity": ("R&D", "R&Damp;"),
    "an entity without its semicolon": ("a&ltb", "a<b"),
}
CASES = [
    *(pytest.param("url", pair, True, id=f"one URL: {what}") for what, pair in ONE_URL.items()),
    *(pytest.param("url", pair, False, id=f"two URLs: {what}") for what, pair in TWO_URLS.items()),
    *(pytest.param("name", pair, True, id=f"one name: {what}") for what, pair in ONE_NAME.items()),
    *(pytest.param("name", pair, False, id=f"two names: {what}") for what, pair in TWO_NAMES.items()),
]
every_case = pytest.mark.parametrize(("field", "pair", "is_one"), CASES)
both_ways = pytest.mark.parametrize("way", [1, -1], ids=["first is live", "second is live"])


def live(field: str, value: str, key: str = "liveKey00001") -> dict[str, Any]:
    """A webhook as the server has it."""
    return {"key": key, "name": "CRM", "url": HOOK, "events": list(EVENTS), "is_active": True} | {field: value}


def wanted(field: str, value: str, key: str | None = None) -> WebhookSpec:
    """The same webhook as somebody declares it."""
    return WebhookSpec(**{"name": "CRM", "url": HOOK, "events": EVENTS, "key": key} | {field: value})  # type: ignore[arg-type]


def create(client: PartneroClient, spec: WebhookSpec) -> Webhook:
    return client.create_webhook(name=spec.name, url=spec.url, events=spec.events, key=spec.key)


@pytest.fixture
def client(partnero_sandbox: Sandbox) -> Any:
    unhurried = Clock(wait=lambda _seconds, _stopped: None)
    with PartneroClient(partnero_sandbox.token, partnero_sandbox.base_url, clock=unhurried) as client:
        yield client


@every_case
@both_ways
def test_the_plan_writes_nothing_for_one_webhook_and_tells_two_apart(
    field: str, pair: tuple[str, str], is_one: bool, way: int
) -> None:
    there, declared = pair[::way]
    webhook = Webhook.from_api(live(field, there))
    for spec in (wanted(field, declared, webhook.key), wanted(field, declared)):
        to_do = plan([spec], [webhook], prune=True)
        assert to_do.is_empty is is_one, to_do.render()


@every_case
@both_ways
def test_a_create_under_a_taken_key_adopts_one_webhook_and_refuses_another(
    partnero_sandbox: Sandbox, client: PartneroClient, field: str, pair: tuple[str, str], is_one: bool, way: int
) -> None:
    there, declared = pair[::way]
    partnero_sandbox.put_webhooks([live(field, there)])
    spec = wanted(field, declared, "liveKey00001")
    if is_one:
        assert create(client, spec).key == "liveKey00001"
    else:
        with pytest.raises(PartneroConflictError, match=f"differs in {field}"):
            create(client, spec)
    assert len(partnero_sandbox.webhooks()) == 1


@every_case
@both_ways
def test_adopting_by_content_finds_one_webhook_and_no_other(
    partnero_sandbox: Sandbox, client: PartneroClient, field: str, pair: tuple[str, str], is_one: bool, way: int
) -> None:
    there, declared = pair[::way]
    partnero_sandbox.put_webhooks([live(field, there)])
    spec = wanted(field, declared)
    found = client.find_webhook(name=spec.name, url=spec.url, events=spec.events, key="none", by_content=True)
    assert (found is not None) is is_one


@every_case
def test_the_audit_finds_a_double_delivery_and_drift_where_plan_and_create_see_them(
    field: str, pair: tuple[str, str], is_one: bool
) -> None:
    there, declared = (
        Webhook.from_api(live(field, value, f"liveKey0000{number}")) for number, value in enumerate(pair)
    )
    if field == "url":
        rules = {finding.rule for finding in audit([there, declared]).findings}
        assert ("PW004" in rules) is is_one
    spec = wanted(field, pair[1])
    rules = {finding.rule for finding in audit([there], declared=[spec]).findings}
    assert (rules & {"PW008", "PW009", "PW010"} == set()) is is_one


@pytest.mark.parametrize("pair", ONE_NAME.values(), ids=ONE_NAME)
def test_one_name_has_one_derived_key(pair: tuple[str, str]) -> None:
    first, second = (declared_key("partnero_default", name) for name in pair)
    assert first == second


@pytest.mark.parametrize("pair", ONE_NAME.values(), ids=ONE_NAME)
def test_two_declared_webhooks_of_one_name_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="2 declared webhooks have the name"):
        plan([wanted("name", name) for name in pair], [])


@pytest.mark.large
@pytest.mark.parametrize("letters", ["\u0301\u0316", "&#769;&#790;", "\u00e9", "&amp;", "\u200b ", "%41", "%"])
def test_half_a_megabyte_of_anything_has_a_normal_form_without_taking_the_square_of_their_length(
    letters: str,
) -> None:
    text = letters * (500_000 // len(letters.encode()))
    assert normal_name(f"a{text}") == normal_name(f" a{text}")
    for url in (f"https://x.example/{text}", f"https://{text}/"):
        assert normal_url(url) == normal_url(normal_url(url))


letters = st.text(st.sampled_from("aZ09~-._/?&=%:@#[]üß7eE2fF") | st.characters(), max_size=30)


@given(st.sampled_from(["http", "https", "HTTPS", "ftp", ""]), letters, letters)
def test_the_normal_form_of_a_url_is_its_own(scheme: str, host: str, rest: str) -> None:
    once = normal_url(f"{scheme}://{host}/{rest}")
    assert normal_url(once) == once


@given(st.text(), st.integers(0, 3))
def test_a_name_stays_the_same_however_often_a_server_escapes_it(name: str, times: int) -> None:
    written = name
    for _ in range(times):
        written = escape(written)
    assert normal_name(written) == normal_name(name)


@given(st.text())
def test_a_name_stays_the_same_when_a_server_trims_or_composes_it(name: str) -> None:
    for written in (f" {name}\u200b\n", unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name)):
        assert normal_name(written) == normal_name(name)
