"""Unusual names and keys are stored and shown unchanged, and unknown keys are a plain 404."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_partnero.sandbox import Sandbox

from .conftest import PATIENCE, Api

NAMES = [
    "Zoë",
    "日本語",
    "💡👩‍👩‍👧",
    "'\"\\</script>",
    "a\u2028b\x00c\td",
    "%s %00 %2f",
    "..",
    "x" * 10_240,
    "é" * 10_240,
    "null",
]
KEYS = [
    "a/b",
    "a%2Fb",
    "..",
    ".",
    "%",
    "%25",
    "ключ",
    "💡",
    "a b",
    "a+b",
    "a?b",
    "a#b",
    "a&b=c",
    "'\";--",
    "x" * 3000,
    "\x7f",
]

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# PHP refuses JSON with unpaired surrogates, and Laravel treats blank text as missing.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())


def raw_request(sandbox: Sandbox, method: str, target: str) -> bytes:
    """The answer to a request whose target is sent exactly as given."""
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.token}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
def test_hostile_names_round_trip(api: Api, sandbox: Sandbox, name: str) -> None:
    made = api.create(name=name).json()["data"]
    assert made["name"] == name
    assert api.get(f"/webhooks/{made['key']}").json()["data"] == made
    assert api.get("/webhooks").json()["data"] == [made] == sandbox.webhooks()


@given(name=texts)
@relaxed
def test_any_name_round_trips(api: Api, name: str) -> None:
    made = api.create(name=name).json()["data"]
    assert made["name"] == name
    assert api.call("PUT", f"/webhooks/{made['key']}", json={"name": name[::-1]}).json()["data"]["name"] == name[::-1]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: repr(key[:12]))
def test_hostile_keys_are_fetched_changed_and_deleted(sandbox: Sandbox, api: Api, key: str) -> None:
    assert api.create(key=key).json()["data"]["key"] == key
    target = f"/v1/webhooks/{quote(key, safe='')}".replace("/.", "/%2E")
    assert b"200 OK" in raw_request(sandbox, "GET", target)
    assert b"200 OK" in raw_request(sandbox, "PUT", target)
    assert b"200 OK" in raw_request(sandbox, "DELETE", target)
    assert b"404 Not Found" in raw_request(sandbox, "GET", target)
    assert sandbox.webhooks() == []


@given(key=texts)
@relaxed
def test_any_key_can_be_put_and_deleted(sandbox: Sandbox, api: Api, key: str) -> None:
    sandbox.put_webhooks([{"key": key}])
    assert b"200 OK" in raw_request(sandbox, "DELETE", f"/v1/webhooks/{quote(key, safe='')}")


def test_an_encoded_slash_does_not_split_a_key(api: Api, sandbox: Sandbox) -> None:
    sandbox.put_webhooks([{"key": "a"}, {"key": "a/b", "name": "both"}])
    assert api.get("/webhooks/a%2Fb").json()["data"]["name"] == "both"
    assert api.get("/webhooks/a%2fb").json()["data"]["name"] == "both"
    assert api.get("/webhooks/a/b").status_code == 404


@pytest.mark.parametrize("target", ["/v1/webhooks/%2f", "/v1/webhooks/%ff", "/v1/webhooks/%", "/v1/webhooks/..%2f.."])
def test_unknown_hostile_keys_are_a_404_in_json(sandbox: Sandbox, target: str) -> None:
    answer = raw_request(sandbox, "GET", target)
    assert answer.startswith(b"HTTP/1.1 404")
    assert answer.endswith(b'{"message":"Webhook not found."}')


@pytest.mark.parametrize("host", ["", "a b", "<x>", "[", "x:99999", "é", "%00"])
def test_a_hostile_host_header_gets_an_answer(sandbox: Sandbox, host: str) -> None:
    request = f"GET /v1/webhooks HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer demo\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 400")


def test_malformed_webhooks_are_shown_unchanged(api: Api, sandbox: Sandbox) -> None:
    odd = {
        "key": "odd",
        "name": None,
        "url": "no url",
        "is_active": 0,
        "events": None,
        "signature": "",
        "new_field": [1],
    }
    sandbox.put_webhooks([odd])
    assert api.get("/webhooks/odd").json()["data"] == odd
    assert sandbox.emit("partner.created") == []
