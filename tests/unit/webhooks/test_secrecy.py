"""No signing secret and no secret of a URL is ever shown: not by the audit, not by the plan, not by a report."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_partnero.api.models import Webhook
from airflow_provider_partnero.api.redaction import redact_url
from airflow_provider_partnero.api.secret_forms import is_secret_name, is_surely_secret
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.reconcile import PlanError, WebhookSpec, plan
from airflow_provider_partnero.webhooks.report import render_report
from airflow_provider_partnero.webhooks.url_secrets import UrlSecrets

from .builders import few_names, some_events, thorough, webhook

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
NAMES = [
    "token",
    "KEY",
    "api_key",
    "apiKey",
    "access_token",
    "client-secret",
    "Password",
    "sig",
    "auth[secret]",
    "t%6fken",
]

SHOP_WORDS = "partner customer created shop order webhook prod live events crm sales europe handler sync main"

# A text that cannot occur by chance.
secrets = st.text(LETTERS, min_size=1, max_size=8).map(lambda text: f"zq{text}qz")
secret_urls = st.one_of(
    secrets.map(lambda secret: f"https://user:{secret}@example.com/hook"),
    secrets.map(lambda secret: f"https://{secret}@localhost"),
    secrets.map(lambda secret: f"https://user:a/{secret}@example.com/"),
    secrets.map(lambda secret: f"http://user:{secret}@[::1"),
    secrets.map(lambda secret: f"user:{secret}@host"),
    secrets.map(lambda secret: f" https://user:{secret}@exa mple.com\n/"),
    st.builds("https://example.com/?a=b&{}={}".format, st.sampled_from(NAMES), secrets),
    st.builds("https://example.com/#{}={}&c=d".format, st.sampled_from(NAMES), secrets),
    st.builds("http://[::1?{}={}".format, st.sampled_from(NAMES), secrets),
)
urls_in_order = st.builds(
    "https://user:{}@example.com/?{}={}".format, secrets, st.sampled_from(["token", "api_key"]), secrets
)


@st.composite
def secretive_webhooks(draw: st.DrawFn) -> list[Webhook]:
    keys = draw(st.lists(st.sampled_from(["k1", "k2", "k3", "k4"]), unique=True, min_size=1))
    signatures = draw(st.lists(secrets, min_size=1, max_size=3))
    return [
        Webhook(
            key,
            draw(few_names),
            draw(secret_urls),
            draw(st.booleans()),
            draw(some_events),
            draw(st.sampled_from(signatures)),
        )
        for key in keys
    ]


specifications = st.lists(
    st.builds(WebhookSpec, few_names, urls_in_order, st.just(("partner.created",))), unique_by=lambda spec: spec.name
)


@thorough
@given(secretive_webhooks(), specifications)
def test_no_secret_is_shown_by_an_audit_in_any_form(live: list[Webhook], declared: list[WebhookSpec]) -> None:
    report = audit(live, declared=declared, allowed_hosts=["none.example"], required_events=["reward.paid"])
    assert report.findings
    shown = [repr(report), json.dumps(report.to_dict()), report.to_table(), *(one.words for one in report.findings)]
    shown += [
        render_report(report, suffix=suffix, title="T", generated_at=MOMENT, conn_id="c")
        for suffix in (".json", ".md", ".html")
    ]
    assert not any("zq" in text for text in shown)


@thorough
@given(secretive_webhooks(), specifications, st.booleans())
def test_no_secret_is_shown_by_a_plan(live: list[Webhook], declared: list[WebhookSpec], prune: bool) -> None:
    shown: list[str] = []
    try:
        to_do = plan(declared, live, prune=prune)
    except PlanError as error:
        shown.append(str(error))
    else:
        shown += [to_do.render(), to_do.summary, json.dumps(to_do.to_dict())]
        shown += [json.dumps(action.to_dict()) for action in to_do.actions]
        shown += [repr(change) for action in to_do.actions for change in action.changes]
    assert shown
    assert not any("zq" in text for text in shown)


@thorough
@given(st.text())
def test_redacting_never_raises_and_redacting_twice_changes_nothing(text: str) -> None:
    assert redact_url(redact_url(text)) == redact_url(text)


HOSTILE = pytest.mark.parametrize(
    "piece",
    [
        *("eyJ", "ghp_", "?a=", "&", "?code=", "a:", "@", "https://", "eyJaaaaaaaa.", "-eyJ", ";token", "%6b", "%2525"),
        *("://a:", "://a:b", "?a=%3Fb%3D", "hook.", "bot123456:", " hooks.slack.com/services/"),
        *("discord.com/api/webhooks/1/", "maker.ifttt.com/trigger/a/", "hooks.zapier.com/hooks/catch/1/"),
        *("?token=", "&token=a1b2", "?sv=1.0", "&sv=1.0&sig=a", "azurewebsites.net/?code=", "retool.com/api/", "-.a"),
        *(
            "/api/w/",
            "/executions/webhook/a/b",
            "chat.googleapis.com/v1/spaces/",
            "/api/1.1/wf/a",
            "%40",
            "a.",
            "-git-",
        ),
    ],
)


@pytest.mark.large
@HOSTILE
def test_a_hostile_url_of_a_megabyte_is_redacted_in_linear_time(piece: str) -> None:
    started = time.process_time()
    redact_url("https://example.com/" + piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 60  # quadratic would be an hour


@pytest.mark.large
@HOSTILE
def test_a_hostile_url_of_a_megabyte_is_audited_in_linear_time(piece: str) -> None:
    started = time.process_time()
    audit([webhook(url=f"https://{host}{piece * (1_000_000 // len(piece))}") for host in ("", "a:", "example.com/")])
    assert time.process_time() - started < 180  # quadratic would be hours


def test_hiding_more_than_is_reported_leaves_no_reported_secret_in_sight() -> None:
    url = "https://example.com/?key=orders&token=9f86d081884c7d659a2feaa0c55ad015&page=2"
    assert redact_url(url) == "https://example.com/?key=***&token=***&page=2"
    assert UrlSecrets.of(url).removable == ('a secret in its parameter "token"',)


@thorough
@given(st.text(), st.sampled_from(["", "https://", "https://hooks.slack.com/services/", "?token=", "?sig="]))
def test_no_text_is_too_odd_to_be_judged(text: str, start: str) -> None:
    judged = UrlSecrets.of(start + text)
    assert judged == UrlSecrets.of(start + text)
    assert redact_url(start + text) == redact_url(redact_url(start + text))


@pytest.mark.parametrize(
    "alphabet", ["0123456789abcdef", LETTERS + "0123456789", LETTERS + LETTERS.upper() + "0123456789-_"]
)
def test_nearly_every_drawn_token_is_recognised(alphabet: str) -> None:
    chance = random.Random(alphabet)
    tokens = ["".join(chance.choice(alphabet) for _ in range(32)) for _ in range(1_000)]
    assert sum(is_surely_secret("token", token) for token in tokens) >= 970


@given(
    st.lists(st.sampled_from(SHOP_WORDS.split()), min_size=1, max_size=6), st.sampled_from("-_. "), st.integers(0, 2030)
)
@example(["crm"] * 6, " ", 2030)
def test_no_words_with_a_number_are_taken_for_a_token(words: list[str], between: str, number: int) -> None:
    for spelled in (words, [word.capitalize() for word in words], [word.upper() for word in words]):
        assert not is_surely_secret("token", between.strip().join([*spelled, str(number)]))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a/b?c=d&e=f#g",
        "https://example.com/@handle?to=a@b.example",
        "https://[::1]:8443/",
        "",
        "no url at all",
    ],
)
def test_a_url_without_secrets_is_unchanged(url: str) -> None:
    assert redact_url(url) == url


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://u:p@example.com:8443/a?b=c", "https://***@example.com:8443/a?b=c"),
        ("https://u@[::1]/", "https://***@[::1]/"),
        ("https://a@b@example.com/", "https://***@example.com/"),
        ("https://example.com/?token=a&b=c&key=d", "https://example.com/?token=***&b=c&key=***"),
        ("https://example.com/?token=a?b=c&d=e", "https://example.com/?token=***&d=e"),
        ("https://example.com/?to=https://a.example/?token=c", "https://example.com/?to=https://a.example/?token=***"),
        ("https://example.com/?a=b?token=c", "https://example.com/?a=b?token=***"),
        ("https://example.com/eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ/x", "https://example.com/***/x"),
        ("https://example.com/?to=https://u:p@crm.example/a", "https://example.com/?to=https://***@crm.example/a"),
        ("https://example.com/?to=https%3A%2F%2Fa.example%3Ftoken%3Dc&d=e", "https://example.com/?to=***&d=e"),
        ("https://hooks.slack.com/services/T0/B0/x?a=b", "https://hooks.slack.com/services/***?a=b"),
        ("https://hooks.zapier.com/hooks/catch/12/abc/?a=b", "https://hooks.zapier.com/hooks/catch/12/***?a=b"),
        ("https://hook.eu1.make.com/abc", "https://hook.eu1.make.com/***"),
    ],
)
def test_only_the_secret_is_hidden(url: str, redacted: str) -> None:
    assert redact_url(url) == redacted


@pytest.mark.parametrize("name", [*NAMES[:-1], "x-api-key", "hmacSecret", "APIKey", "mytoken", "PASSWD", "keys"])
def test_names_of_secrets_are_recognised(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["author", "keyword", "monkey", "page", "tenant", "public_key", "webhook_key", "passenger", "tokens_left", ""],
)
def test_names_of_other_things_are_not_taken_for_secrets(name: str) -> None:
    assert not is_secret_name(name)
