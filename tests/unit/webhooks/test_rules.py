"""Every rule: what makes it fire, and what comes close but does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.webhooks.audit import RULES, Severity, audit

from .builders import found, spec, spec_of, webhook

ERRORS = {"PW002", "PW004", "PW005", "PW006", "PW009", "PW010", "PW011", "PW013", "PW015", "PW016"}


def test_the_rules_have_the_documented_ids_and_severities() -> None:
    assert [rule.id for rule in RULES] == [f"PW{number:03d}" for number in range(1, 21)]
    assert {rule.id for rule in RULES if rule.severity is Severity.ERROR} == ERRORS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_finds_and_what_to_do(rule: Any) -> None:
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.check.__doc__


def test_a_sound_webhook_breaks_no_rule() -> None:
    live = webhook()
    report = audit([live], allowed_hosts=["*.example.com"], required_events=live.events, declared=[spec_of(live)])
    assert report.findings == ()


def test_pw001_fires_for_an_inactive_webhook_only() -> None:
    asleep, awake = webhook(is_active=False), webhook()
    assert [finding.key for finding in found("PW001", [asleep, awake])] == [asleep.key]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "HTTP://hooks.example.com/",
        "ftp://hooks.example.com/",
        "javascript:alert(1)",
        "hooks.example.com/partnero",
        "//hooks.example.com/",
        "https:/hooks.example.com/",
        "https:///partnero",
        "https://exa mple.com/",
        " https://hooks.example.com/",
        "https://hooks.example.com/a\nb",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:port/",
        "https://good.example.com\\@evil.example/",
        "https://exa<mple>.com/",
        "https://a..example.com/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://0x7f.0.0.0.1/",
        f"https://{'ä' * 300}.example/",
        "http://[::1",
        "https://[nonsense]/",
        "",
    ],
)
def test_pw002_fires_for_anything_but_a_valid_https_url(url: str) -> None:
    [finding] = found("PW002", [webhook(url=url)])
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "HTTPS://Hooks.Example.COM:8443/a?b=c#d",
        "https://bücher.example/",
        "https://[2606:4700::1111]/",
        "https://1.1.1.1/",
        "https://my_host.example.com/",
    ],
)
def test_pw002_is_silent_for_https(url: str) -> None:
    assert found("PW002", [webhook(url=url)]) == []


def test_pw003_fires_for_a_webhook_without_events_only() -> None:
    empty, full = webhook(events=()), webhook()
    assert [finding.key for finding in found("PW003", [empty, full])] == [empty.key]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/hook", "https://example.com/hook"),
        ("https://example.com/hook", "HTTPS://EXAMPLE.com/hook"),
        ("https://example.com/hook", "https://example.com:443/hook"),
        ("http://example.com/hook", "http://example.com:80/hook"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com./hook", "https://example.com/hook"),
        ("https://example.com/hook#a", "https://example.com/hook#b"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://127.1/hook", "https://2130706433/hook"),
        ("not a url", "not a url"),
    ],
)
def test_pw004_fires_for_the_same_event_and_url_in_any_spelling(one: str, other: str) -> None:
    first = webhook(name="First", url=one, events=("partner.created", "partner.updated"))
    second = webhook(name="Second", url=other, events=("partner.created", "partner.deleted"))
    [finding] = found("PW004", [second, first])
    assert finding.name == "Second"
    assert "partner.created" in finding.words
    assert "partner.deleted" not in finding.words
    assert f'"First" ({first.key})' in finding.words


@pytest.mark.parametrize(
    "other",
    [
        {"url": "https://example.com/other"},
        {"url": "https://example.com/HOOK"},
        {"url": "https://example.com:8443/hook"},
        {"url": "http://example.com/hook"},
        {"url": "https://example.com/hook?tenant=2"},
        {"is_active": False},
        {"events": ("partner.updated",)},
    ],
    ids=str,
)
def test_pw004_is_silent_for_another_url_another_event_and_inactive_webhooks(other: dict[str, Any]) -> None:
    first = webhook(url="https://example.com/hook", events=("partner.created",))
    second = webhook(**{"url": first.url, "events": first.events, **other})
    assert found("PW004", [first, second]) == []


def test_pw004_is_silent_for_one_webhook_that_has_an_event_twice() -> None:
    assert found("PW004", [webhook(events=("partner.created", "partner.created"))]) == []


def test_pw004_reports_every_webhook_but_the_first_of_many() -> None:
    alike = [webhook(name=f"W{number}", url="https://example.com/") for number in range(5)]
    assert [finding.name for finding in found("PW004", alike)] == ["W1", "W2", "W3", "W4"]


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("hooks.example.com", "hooks.example.com"),
        ("*.example.com", "hooks.example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.EXAMPLE.com", "Hooks.Example.Com"),
        ("hooks-?.example.com", "hooks-1.example.com"),
        ("*.bücher.example", "a.xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "3221225985"),
        ("2001:db8::1", "[2001:0DB8:0:0::1]"),
        ("faß.example", "xn--fa-hia.example"),
        ("*.lan", "crm.lan"),
        ("*", "anything.example"),
    ],
)
def test_pw005_is_silent_for_a_host_that_a_pattern_allows(pattern: str, host: str) -> None:
    assert found("PW005", [webhook(url=f"https://{host}/")], allowed_hosts=[pattern, "other.example"]) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil-example.com/",
        "https://example.com/",
        "https://hooks.example.com.evil.example/",
        "https://evil.example/?hooks.example.com",
        "https://hooks.example.com@evil.example/",
        "https://evil.example/#hooks.example.com",
        "https://evil.example\\.example.com/",
        "http://[::1",
        "",
    ],
)
def test_pw005_fires_for_a_host_that_no_pattern_allows(url: str) -> None:
    assert len(found("PW005", [webhook(url=url)], allowed_hosts=["*.example.com"])) == 1


def test_pw005_uses_todays_encoding_of_international_domains() -> None:
    assert len(found("PW005", [webhook(url="https://faß.example/")], allowed_hosts=["fass.example"])) == 1


@pytest.mark.parametrize(
    "pattern", ["*example.com", "hooks.*", "example.*", "hooks.*.com", "203.0.113.*", "?xample.com", "a.example.co?"]
)
def test_a_pattern_that_would_allow_hosts_of_other_owners_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(pattern))} would match hosts of other owners"):
        audit([], allowed_hosts=[pattern])


def test_pw005_allows_no_host_with_an_empty_list_and_every_host_without_one() -> None:
    assert len(found("PW005", [webhook()], allowed_hosts=[])) == 1
    assert found("PW005", [webhook()]) == []


def test_pw006_fires_for_a_required_event_that_only_an_inactive_webhook_has() -> None:
    live = [webhook(events=("partner.created",)), webhook(name="Asleep", events=("reward.paid",), is_active=False)]
    [finding] = found("PW006", live, required_events=["partner.created", "reward.paid", "reward.paid"])
    assert finding.key is None
    assert "reward.paid" in finding.words
    assert "Asleep" in finding.words


def test_pw006_is_silent_when_an_active_webhook_has_the_event() -> None:
    assert found("PW006", [webhook(events=("reward.paid",))], required_events=[WebhookEvent.REWARD_PAID]) == []


@pytest.mark.parametrize(
    ("event", "hint"),
    [
        ("partner_created", "partner.created"),
        ("Partner.Created", "partner.created"),
        ("partner.create", "partner.created"),
        ("lead.convert", "lead.converted"),
        ("invoice.sent", ""),
    ],
)
def test_pw007_fires_for_an_undocumented_event_and_suggests_a_documented_one(event: str, hint: str) -> None:
    [finding] = found("PW007", [webhook(events=("partner.updated", event))])
    assert f'"{event}"' in finding.words
    assert "partner.updated" not in finding.words
    assert ("meant" in finding.words) == bool(hint)
    assert hint in finding.words


def test_pw007_is_silent_for_every_documented_event() -> None:
    assert found("PW007", [webhook(events=tuple(WebhookEvent))]) == []


def test_pw008_fires_for_an_undeclared_live_webhook() -> None:
    declared, other = webhook(), webhook()
    assert [finding.key for finding in found("PW008", [declared, other], declared=[spec_of(declared)])] == [other.key]


def test_pw008_fires_for_every_webhook_with_an_empty_declaration_and_never_without_one() -> None:
    assert len(found("PW008", [webhook(), webhook()], declared=[])) == 2
    assert found("PW008", [webhook()]) == []


def test_pw008_fires_for_live_webhooks_that_share_a_declared_name() -> None:
    twins = [webhook(name="Twin"), webhook(name="Twin")]
    report = audit(twins, declared=[spec(name="Twin")])
    assert report.counts["by_rule"] == {"PW008": 2}
    assert all(twin.key in finding.words for twin in twins for finding in report.findings)


def test_pw009_fires_for_a_declared_webhook_that_is_not_live() -> None:
    live = webhook()
    [finding] = found("PW009", [live], declared=[spec_of(live), spec(name="Gone")])
    assert (finding.key, finding.name) == (None, "Gone")


def test_pw009_is_silent_for_a_declared_key_with_another_live_name() -> None:
    live = webhook(name="Renamed")
    assert found("PW009", [live], declared=[spec_of(live, name="Old", key=live.key)]) == []


@pytest.mark.parametrize(
    ("field", "declared", "words"),
    [
        ("url", "https://new.example.com/", "url is https://old.example.com/, declared https://new.example.com/"),
        ("events", ("partner.created", "reward.paid"), "events lack reward.paid and hold partner.updated"),
        ("is_active", False, "it is active, declared inactive"),
        ("name", "New", 'name is "Old", declared "New"'),
    ],
)
def test_pw010_fires_for_a_field_that_differs_and_shows_old_and_new(field: str, declared: Any, words: str) -> None:
    live = webhook(name="Old", url="https://old.example.com/", events=("partner.created", "partner.updated"))
    [finding] = found("PW010", [live], declared=[spec_of(live, key=live.key, **{field: declared})])
    assert words in finding.words
    assert finding.subject == field


def test_pw010_is_silent_for_events_in_another_order_or_twice() -> None:
    live = webhook(events=("partner.created", "partner.updated"))
    declared = spec_of(live, events=["partner.updated", "partner.created", "partner.updated"])
    assert found("PW010", [live], declared=[declared]) == []


def test_pw010_says_so_when_only_a_hidden_secret_differs() -> None:
    live = webhook(url="https://example.com/?token=old-secret")
    [finding] = found("PW010", [live], declared=[spec_of(live, url="https://example.com/?token=new-secret")])
    assert "differ in a part that is not shown" in finding.words


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "app.localhost",
        "printer.local",
        "db.internal",
        "airflow.corp",
        "nas.home.arpa",
        "crm.default.svc",
        "shop.test",
        "webserver",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",  # noqa: RUF001 (full-width digits)
        "127。0。0。1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.7",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[fec0::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[::127.0.0.1]",
        "240.0.0.1",
        "[2002:7f00:1::]",
        "[64:ff9b::10.0.0.1]",
    ],
)
def test_pw011_fires_for_hosts_that_the_internet_cannot_reach(host: str) -> None:
    [finding] = found("PW011", [webhook(url=f"https://{host}:8443/hook")])
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "local.example",
        "internal.example.com",
        "mylocal.example",
        "8.8.8.8",
        "172.32.0.1",
        "172.15.255.255",
        "192.169.1.1",
        "11.0.0.1",
        "127.0.0.1.example.com",
        "[2606:4700::1111]",
        "[::ffff:8.8.8.8]",
    ],
)
def test_pw011_is_silent_for_public_hosts(host: str) -> None:
    assert found("PW011", [webhook(url=f"https://{host}/hook")]) == []


@pytest.mark.parametrize(
    "host",
    [
        "webhook.site",
        "WEBHOOK.site.",
        "a3d48421.webhook.site",
        "abc.ngrok.io",
        "abc.eu.ngrok.io",
        "abc.ngrok-free.app",
        "requestbin.com",
        "en1.x.pipedream.net",
        "mine.free.beeceptor.com",
        "hookbin.com",
        "abc.loca.lt",
        "abc.localtunnel.me",
        "abc.trycloudflare.com",
        "smee.io",
    ],
)
def test_pw012_fires_for_inspection_services_and_tunnels(host: str) -> None:
    [finding] = found("PW012", [webhook(url=f"https://{host}/x")])
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "url",
    [
        "https://mywebhook.site/",
        "https://webhook.site.example.com/",
        "https://notngrok.io/",
        "https://ngrok.example.com/",
        "https://example.com/webhook.site",
        "https://example.com/?to=smee.io",
    ],
)
def test_pw012_is_silent_for_look_alikes(url: str) -> None:
    assert found("PW012", [webhook(url=url)]) == []


SECRET = "TOPSECRET9f86d081884c7d659a2feaa0c55ad015"
SECRET_URLS = [
    "https://user:TOPSECRET@example.com/",
    "https://TOPSECRET@example.com/",
    "https://user:TOP/TOPSECRET@example.com/",
    "https://user:TOPSECRET@example.com:port/",
    "https://user:TOPSECRET%40example.com/",
    "user:TOPSECRET@example.com/?a=b",
    "https://example.com/?password=TOPSECRET",
    f"https://example.com/?token={SECRET}",
    f"https://example.com/?a=b&KEY={SECRET}",
    f"https://example.com/?api_key={SECRET}&c=d",
    f"https://example.com/?access%5Ftoken={SECRET}",
    f"https://example.com/?to%6ben={SECRET}",
    f"https://example.com/?auth[secret]={SECRET}",
    f"https://example.com/?a=1;token={SECRET}",
    f"https://example.com/;token={SECRET}",
    f"https://example.com/#access_token={SECRET}",
    "https://example.com/sk_live_TOPSECRETTOPSECRET",
    "https://example.com/x?a=ghp_TOPSECRETTOPSECRET00",
    "https://example.com/?to=https://user:TOPSECRET@crm.example/hook",
    "https://example.com/?to=https%3A%2F%2Fuser%3ATOPSECRET%40crm.example%2Fhook&a=b",
    f"https://example.com/?to=https%3A%2F%2Fcrm.example%2Fhook%3Ftoken%3D{SECRET}&a=b",
    f"https://a.example/?to=https%3A%2F%2Fb.example%3Fto%3Dhttps%253A%252F%252Fc.example%253Ftoken%253D{SECRET}",
    f"http://[::1?token={SECRET}",
]
SECRET_ADDRESSES = {
    "https://hooks.slack.com/services/T00000000/B00000000/TOPSECRETTOPSECRET": "Slack",
    "https://Hooks.Slack.com:443/services/T00000000/B00000000/TOPSECRETTOPSECRET": "Slack",
    "https://hooks.slack.com./services/T00000000/B00000000/TOPSECRETTOPSECRET": "Slack",
    "https://hooks.slack.com/%73ervices/T00000000/B00000000/TOPSECRETTOPSECRET": "Slack",
    "https://relay.example/?to=https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0%2FB0%2FTOPSECRET": "Slack",
    "https://discord.com/api/webhooks/123456789012345678/TOPSECRET-TOPSECRET": "Discord",
    "https://api.telegram.org/bot1234567890:TOPSECRETTOPSECRETTOPSECRETTOPSECRET/sendMessage": "Telegram",
    "https://maker.ifttt.com/trigger/partner/with/key/TOPSECRET": "IFTTT",
    "https://hooks.zapier.com/hooks/catch/1234567/TOPSECRET/": "Zapier",
    "https://example.com/api/x/triggers/manual/invoke?sv=1.0&sig=TOPSECRET": "an Azure flow",
    f"https://my-app.azurewebsites.net/api/hook?code={SECRET}": "Azure Functions",
    "https://bucket.s3.amazonaws.com/in?X-Amz-Signature=TOPSECRET": "a signed AWS URL",
}


@pytest.mark.parametrize("url", SECRET_URLS)
def test_pw013_fires_for_a_secret_in_the_url_and_never_shows_it(url: str) -> None:
    report = audit([webhook(url=url)], allowed_hosts=["none.example"])
    assert "PW013" in report.counts["by_rule"]
    assert "PW018" not in report.counts["by_rule"]
    assert "TOPSECRET" not in str(report.to_dict()) + report.to_table() + repr(report)


@pytest.mark.parametrize("url", SECRET_ADDRESSES)
def test_pw018_warns_of_an_address_that_is_itself_a_secret_and_never_shows_it(url: str) -> None:
    report = audit([webhook(url=url)], allowed_hosts=["none.example"])
    assert "PW013" not in report.counts["by_rule"]
    [finding] = found("PW018", [webhook(url=url)])
    assert finding.severity is Severity.WARNING
    assert f"can send to {SECRET_ADDRESSES[url]}, as Partnero does" in finding.words
    assert "TOPSECRET" not in str(report.to_dict()) + report.to_table() + repr(report)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?token=TOPSECRET",
        "https://example.com/?key=orders",
        "https://example.com/?auth=none",
        "https://example.com/?token_type=bearer",
        "https://example.com/?session=1",
        "https://example.com/?sid=5",
        "https://example.com/?pin=board",
        "https://example.com/?token=",
        "https://example.com/token/secret",
        f"https://example.com/?webhook_key={SECRET}",
        "https://slack.com/services/T0/B0/token",
        "https://discord.com/api/webhooks/",
    ],
)
def test_neither_pw013_nor_pw018_fires_for_values_that_are_not_surely_secret(url: str) -> None:
    assert found("PW013", [webhook(url=url)]) + found("PW018", [webhook(url=url)]) == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://n8n.example.com/webhook-test/partnero", "an n8n test address"),
        ("https://script.google.com/macros/s/AKfycbx/dev", "an Apps Script test deployment"),
        ("https://deploy-preview-7--shop.netlify.app", "a Netlify preview"),
    ],
)
def test_pw019_warns_of_a_leftover_of_a_test_and_says_what_it_is(url: str, kind: str) -> None:
    [finding] = found("PW019", [webhook(url=url)])
    assert finding.severity is Severity.WARNING
    assert f"Delivers to {kind}, which is not made to last" in finding.words


@pytest.mark.parametrize(
    "url", ["https://webhook.site/x", "https://abc.ngrok.io/x", "https://n8n.example.com/webhook/partnero"]
)
def test_pw019_is_silent_for_what_pw012_reports_and_for_production(url: str) -> None:
    assert found("PW019", [webhook(url=url)]) == []


@pytest.mark.parametrize("secret", [None, "", "s", "123456789012345"])
def test_pw014_fires_for_a_short_or_missing_secret(secret: str | None) -> None:
    [finding] = found("PW014", [webhook(signature=secret)])
    assert finding.severity is Severity.WARNING
    assert not secret or len(secret) == 1 or secret not in finding.words


def test_pw014_is_silent_for_sixteen_characters() -> None:
    assert found("PW014", [webhook(signature="1234567890123456")]) == []


def test_pw015_fires_for_each_webhook_with_a_shared_secret_and_names_the_others() -> None:
    one, other = webhook(name="One", signature="the-same-secret-here"), webhook(signature="the-same-secret-here")
    findings = {finding.key: finding.words for finding in found("PW015", [one, other, webhook()])}
    assert findings.keys() == {one.key, other.key}
    assert f'"One" ({one.key})' in findings[other.key]
    assert "the-same-secret-here" not in str(findings)


@pytest.mark.parametrize("secret", [None, ""])
def test_pw015_is_silent_for_webhooks_without_a_secret(secret: str | None) -> None:
    assert found("PW015", [webhook(signature=secret), webhook(signature=secret)]) == []


def test_pw015_counts_the_webhooks_that_it_does_not_name() -> None:
    many: list[Webhook] = [webhook(signature="the-same-secret-here") for _ in range(10)]
    findings = found("PW015", many)
    assert len(findings) == 10
    assert all("and 6 more" in finding.words for finding in findings)
