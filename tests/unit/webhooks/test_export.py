"""The live webhooks as a declaration: planning with it finds nothing to do, and it holds no secret."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.api.specs import WebhookSpec
from airflow_provider_partnero.operators.declaration import declared_webhooks
from airflow_provider_partnero.operators.keys import declared_key, under_live_keys
from airflow_provider_partnero.operators.partnero import PartneroReconcileWebhooksOperator
from airflow_provider_partnero.webhooks.export import export
from airflow_provider_partnero.webhooks.ownership import declared_keys
from airflow_provider_partnero.webhooks.plans import Plan
from airflow_provider_partnero.webhooks.reconcile import parse_specs, plan

from .builders import any_text, few_names, few_urls, live_webhooks, thorough, webhook

yaml: Any = import_module("yaml")  # comes with Airflow, without types
CONN_ID = "partnero_default"
SECRET = "zqSECRETq9zqzqX7"  # in every place where a secret may be
SIGNATURE = "Sg7nQx2vLw9kTd4b"

HOSTILE_NAMES = [
    "{{ 1 + 1 }}",
    "{% raw %}{# no #}{{{{",
    "{{ var.value.token }}",
    "%}}} {",
    "#hash",
    "a # b",
    "a: b",
    "- a",
    "? a",
    "*a",
    "&a",
    "!!str a",
    "|",
    ">-",
    "%YAML 1.2",
    "---",
    "...",
    "@",
    "`",
    '"',
    "'",
    "\\",
    "\\x7b{",
    "yes",
    "No",
    "null",
    "~",
    "NaN",
    ".inf",
    "1_000",
    "0x1F",
    "1:30",
    "2026-11-26",
    "1e5",
    "<<",
    "=",
    "y",
    " leading",
    "trailing ",
    "two\nlines",
    "carriage\rreturn",
    "tab\there",
    "nul\0bell\a\x1b[31m",
    "next\x85line",
    "line\u2028and\u2029paragraph",
    "no\xa0break",
    "wide\u3000space",
    "\ufeffmark",
    "zero\u200bwidth",
    "\u202eright to left",
    "lone\ud800surrogate",
    "\ud83d\ude00",
    "\U0001f600",
    "\ufffe\uffff\U0010ffff",
    "e\u0301",
    "\u00e9",
    "&amp;amp;",
    "&nbsp;",
    "A&#10;B",
    "a" * 3_000,
    "None",
    "***",
    "https://user:" + SECRET + "@a.example/",
    "CRM https://crm.example/ @ Acme",
]
HOSTILE_URLS = [
    f"https://user:{SECRET}@a.example/",
    f"https://{SECRET}@a.example/",
    f"https://a.example/?token={SECRET}",
    f"https://a.example/?a=b&api_key={SECRET}&c=d#token={SECRET}",
    f"https://hooks.slack.com/services/T00000000/B00000000/{SECRET}",
    f"https://hooks%2Eslack%2Ecom/services/T00000000/B00000000/{SECRET}",
    f"https://a.example/r?to=https%3A%2F%2Fhooks.slack.com%2Fservices%2FT00000000%2FB00000000%2F{SECRET}",
    f"https://a.example/{SIGNATURE}/x?{SIGNATURE}",
    f"HTTPS://user:{SECRET}@A.EXAMPLE:443/%7Ea",
    f"https://user:{SECRET}@a.example:8443/?token={SECRET}&***&x=***",
    "https://a.example/***",
    "https://***/***?***#***",
    "https://***@a.example/",
    "https://a.example/?token=***",
    "https://a.example/#fragment",
    "https://a.example:65535/",
    "https://a.example:0/",
    "https://a.example:/",
    "https://a.example:port/",
    "https://a.example/%zz%2",
    "https://a.example/%2e%2E/%",
    "https://a.example/{{ 1 }}{% x %}",
    "https://a.example/?a=b#c: d",
    "https://a.example/a b",
    "https://a.example/\\b",
    "https://b\u00fccher.example/\u00e9",
    "https://[::1]:8080/",
    "https://[::1/",
    "http://127.1",
    "https://a.example/" + "x" * 5_000,
    "ftp://a.example/",
    "mailto:a@b.example",
    "https:///",
    "",
    "None",
]
HOSTILE_EVENTS = [
    *WebhookEvent,
    "partner_created",
    "partner.craeted",
    "Partner.Created",
    "new.event",
    "yes",
    "1.5",
    " partner.created",
    "",
    "{{ x }}",
    "a\nb",
    "None",
    "\ud800",
    "***",
]

letters = st.text(alphabet=st.sampled_from("aA \t\n\x85\u2028\ufeff\u00e9e\u0301{}%#&;:-'\"\\\u200b\ud800"), max_size=8)
names = st.sampled_from(HOSTILE_NAMES) | few_names | any_text | letters
urls = (
    st.sampled_from(HOSTILE_URLS)
    | few_urls
    | any_text
    | st.builds("https://{}/{}".format, st.sampled_from(["a.example", "A.example:443", "u:p@a.example"]), any_text)
)
events = st.lists(st.sampled_from(HOSTILE_EVENTS) | any_text, max_size=4)
keys = st.sampled_from(["k1", "k2", "7", "yes", "wh_abc123", "a b", "{{ k }}", "***", "1e5"])
own_keys = st.sampled_from(["CRM", "A", "B", "{{ 1 + 1 }}"]).flatmap(
    lambda name: st.sampled_from(declared_keys(CONN_ID, name))
)
odd_values = st.sampled_from([None, 0, 7, "1", 1.5, [], {}, [None], {"3": "a.b"}, "a.b, c.d", "a/b", True])
rows = st.fixed_dictionaries(
    {
        "key": keys | own_keys | any_text,
        "name": names,
        "url": urls,
        "is_active": st.booleans(),
        "events": events,
        "signature": st.sampled_from([SIGNATURE, "other-secret-123"]),
    },
    optional={"more": odd_values},
)


@st.composite
def live_states(draw: st.DrawFn) -> list[Webhook]:
    """Any list of webhooks as it is read: no key comes twice, and all else may."""
    found: dict[str, Webhook] = {}
    for row in draw(st.lists(rows, max_size=6)):
        odd = draw(st.dictionaries(st.sampled_from(sorted(row)), odd_values, max_size=2)) if draw(st.booleans()) else {}
        one = Webhook.from_row({**row, **odd})
        found.setdefault(one.key or f"without {len(found)}", one)
    return list(found.values())


def planned(text: str, live: list[Webhook], **options: Any) -> Plan:
    return plan(parse_specs(text, suffix=".yaml"), live, **options)


def planned_by_operator(text: str, live: list[Webhook], folder: Path) -> Plan:
    """The plan of a reconcile whose declaration is a file beside its DAG, which Airflow renders."""
    (folder / "webhooks.yaml").write_text(text, encoding="utf-8", newline="")
    with DAG("d", schedule=None) as dag:
        dag.fileloc = str(folder / "d.py")
        operator = PartneroReconcileWebhooksOperator(task_id="reconcile", webhooks="webhooks.yaml")
    context: Any = {"ti": None}
    specs = declared_webhooks("webhooks.yaml", operator, context)
    return plan(under_live_keys(CONN_ID, specs, live), live)


def can_be_declared(live: Webhook) -> bool:
    """Whether a declaration can say all that a webhook is."""
    try:
        wanted = WebhookSpec(live.name, live.url, live.events, live.is_active, live.key)
    except ValueError:
        return False
    has_secret = SECRET in live.name + live.key + str(live.events) or SIGNATURE in live.name + live.key
    return live.unreadable <= {"signature"} and wanted.is_met_by(live) and not has_secret


@thorough
@given(live_states())
@example([webhook(name="A"), webhook(name="A"), webhook(name=" a "), webhook(name="A", events=())])
@example([webhook(name="CRM", key="old"), webhook(name="Renamed", key=declared_key(CONN_ID, "CRM"))])
@example([webhook(name="CRM", key="old"), webhook(name="Renamed", key=declared_keys(CONN_ID, "CRM")[2])])
def test_a_plan_with_the_export_of_any_programme_is_empty(live: list[Webhook]) -> None:
    text = export(live, partnero_conn_id=CONN_ID)
    made = planned(text, live)
    assert made.is_empty, made.render()
    declared = [action.webhook for action in made.unchanged]
    assert [(spec.name, spec.key or "") for spec in parse_specs(text, suffix=".yaml")] == sorted(
        (action.name, action.spec.key or "") for action in made.unchanged if action.spec
    )
    for one in live:
        assert (one in declared) == can_be_declared(one), text
    assert text.count("# left out:") == len(live) - len(declared)


def test_a_signing_secret_in_the_url_or_name_of_another_webhook_is_not_exported() -> None:
    live = [
        webhook(name="CRM", key="k1", signature=SIGNATURE),
        webhook(
            name="Blog", key="k2", signature="other-secret-123", url=f"https://a.example/{SIGNATURE}/x?{SIGNATURE}"
        ),
        webhook(name=f"Shop {SIGNATURE}", key="k3", signature=f"{SIGNATURE}-and-more"),
        webhook(name=f"Till {SIGNATURE}-and-more", key="k4", signature="other-secret-123"),
    ]
    text = export(live, partnero_conn_id=CONN_ID)
    assert SIGNATURE not in text
    assert "and-more" not in text
    assert 'url: "https://a.example/***/x?***"' in text
    assert [action.name for action in planned(text, live).unchanged] == ["Blog", "CRM"]


def test_signing_secrets_that_overlap_or_begin_alike_in_masses_are_hidden_whole() -> None:
    overlapping = ["first-secret-abcdefgh", "abcdefgh-second", "third-secret-1"]
    alike = [f"alike-all-{number:04}" for number in range(1_000)]
    live = [webhook(name=f"W{at}", key=f"k{at}", signature=secret) for at, secret in enumerate(overlapping + alike)]
    live += [
        webhook(name="A", key="a", url="https://a.example/first-secret-abcdefgh-second/x"),
        webhook(name="B", key="b", url="https://a.example/first-secret-abcdefghthird-secret-1/x"),
        webhook(name="C", key="c", url="https://a.example/before/alike-all-0999/after"),
    ]
    text = export(live)
    assert re.findall(r"url: (.*\*.*)", text) == [
        '"https://a.example/***/x"',
        '"https://a.example/***/x"',
        '"https://a.example/before/***"',
    ]
    assert not any(secret in text for secret in ("first-secret", "abcdefgh", "-second", "third-secret", "alike-all-"))


def test_a_text_that_is_no_secret_of_the_programme_is_exported_as_it_is() -> None:
    live = [webhook(name="CRM", url=f"https://a.example/{SIGNATURE}", signature="other-secret-123")]
    assert f"url: https://a.example/{SIGNATURE}\n" in export(live)


@thorough
@given(live_states())
def test_the_export_never_holds_a_secret(live: list[Webhook]) -> None:
    owner = webhook(name="Owner", key="owner", signature=SIGNATURE)
    text = export([*live, owner], program=f"Demo {SIGNATURE[:3]}", partnero_conn_id=CONN_ID)
    assert SIGNATURE not in text
    assert SECRET not in text
    assert text.encode("utf-8").decode("utf-8") == text


@thorough
@given(live_states())
def test_the_export_is_lines_that_every_editor_shows_as_they_are(live: list[Webhook]) -> None:
    text = export(live, partnero_conn_id=CONN_ID)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.splitlines() == text.split("\n")[:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dags")


@given(live=live_states())
@example(live=[webhook(name="CRM", key="old"), webhook(name="Renamed", key=declared_key(CONN_ID, "CRM"))])
def test_the_operator_plans_nothing_with_the_export_as_its_file(live: list[Webhook], folder: Path) -> None:
    made = planned_by_operator(export(live, partnero_conn_id=CONN_ID), live, folder)
    assert made.is_empty, made.render()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_comes_back_as_it_is(name: str, tmp_path: Path) -> None:
    live = [webhook(name=name), webhook(name="Other")]
    made = planned_by_operator(export(live, partnero_conn_id=CONN_ID), live, tmp_path)
    assert made.is_empty
    assert (made.undeclared == ()) == can_be_declared(live[0])


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_comes_back_as_it_is(url: str, tmp_path: Path) -> None:
    live = [webhook(url=url, signature=SIGNATURE), webhook(url=url, signature=SIGNATURE)]
    text = export(live, partnero_conn_id=CONN_ID)
    made = planned_by_operator(text, live, tmp_path)
    assert made.is_empty
    assert (made.undeclared == ()) == can_be_declared(live[0])
    assert SECRET not in text
    assert SIGNATURE not in text


@thorough
@given(live_webhooks())
def test_a_library_that_knows_no_connection_plans_nothing_either(live: list[Webhook]) -> None:
    made = planned(export(live), live)
    assert made.is_empty, made.render()
