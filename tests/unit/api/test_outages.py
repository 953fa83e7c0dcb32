"""What is said when no answer comes, and whether the request may have happened: only if it was sent."""

from __future__ import annotations

import gc
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from airflow_provider_partnero.api import (
    PartneroAmbiguousError,
    PartneroClient,
    PartneroConnectionError,
    PartneroError,
    PartneroResponseError,
)

from .conftest import DEMO, closed_port
from .hostile import HEAD, Talk, talking

TOKEN = "tOkEn-of-the-programme"


def _create(url: str) -> PartneroConnectionError | PartneroResponseError:
    """What a create without a key raises: it is not repeated, so that the error says whether it was sent."""
    client = PartneroClient(TOKEN, url, timeout=1, max_attempts=1)
    with pytest.raises(PartneroError) as raised:
        client.create_webhook(**DEMO)
    error = raised.value
    if isinstance(error, PartneroAmbiguousError):
        error = error.__cause__  # type: ignore[assignment]
    assert isinstance(error, PartneroConnectionError | PartneroResponseError), error
    return error


def _close(_connection: socket.socket) -> None:
    return


def _stay_silent(_connection: socket.socket) -> None:
    time.sleep(3600)


def _say(answer: bytes) -> Talk:
    return lambda connection: connection.sendall(answer)


TLS: dict[str, tuple[Talk, str]] = {
    "closes": (_close, "ended in the TLS handshake|does not answer in TLS|eof"),
    "stays silent": (_stay_silent, "no TLS handshake with .* within 1 s"),
    "answers in plain HTTP": (_say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "the base URL starts with http://"),
    "sends an alert": (_say(b"\x15\x03\x01\x00\x02\x02\x28"), "handshake failure"),
}


@pytest.mark.parametrize("case", TLS)
def test_what_fails_in_the_tls_handshake_was_not_sent(case: str) -> None:
    talk, words = TLS[case]
    with talking(talk) as url:
        error = _create(url.replace("http://", "https://"))
    assert not getattr(error, "sent", True)
    assert re.search(words, str(error)), error


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
def test_a_ca_bundle_that_cannot_be_used_sends_nothing(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    with talking(_stay_silent) as url:
        client = PartneroClient(TOKEN, url.replace("http", "https"), verify=str(bundle), max_attempts=1)
        with pytest.raises((PartneroConnectionError, ValueError), match=r"CA bundle|No such file") as raised:
            client.get_webhook("k1")
    assert not getattr(raised.value, "sent", False)


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (_say(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "407 Proxy Authentication Required"),
        (_say(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "403 Forbidden"),
        (_close, "proxy"),
        (_stay_silent, "proxy|TLS handshake"),
    ],
    ids=["asks for a login", "forbids it", "closes", "stays silent"],
)
def test_a_proxy_that_does_not_let_us_through_means_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, talk: Talk, words: str
) -> None:
    with talking(talk) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.removesuffix("/v1"))
        error = _create("https://partnero.example/v1")
    assert not getattr(error, "sent", True)
    assert re.search(words, str(error)), error


def test_a_socks_proxy_without_the_package_for_it_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://127.0.0.1:{closed_port()}")
    error = _create("https://partnero.example/v1")
    assert not getattr(error, "sent", True)
    assert "PySocks" in str(error) or "proxy" in str(error) or "nothing answers" in str(error)


@pytest.mark.parametrize(
    "login", ["me:pa%2Fss@", "me:pa/ss@", "me:pa#ss@", "me:pa?ss@", "me:pass@", "me:p@ss@", "me:p[a]ss@"]
)
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxys_password_is_in_no_message(monkeypatch: pytest.MonkeyPatch, scheme: str, login: str) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"{scheme}://{login}127.0.0.1:{closed_port()}")
    for url in ("https://partnero.example/v1", "http://partnero.example/v1"):
        error = _create(url)
        assert not getattr(error, "sent", True)
        for part in ("pass", "pa/ss", "pa#ss", "pa?ss", "p@ss", "pa%2Fss", "p[a]ss", "me:"):
            assert part not in str(error), error


BROKEN: dict[str, Callable[[], Talk]] = {
    "closes": lambda: _close,
    "closes within the headers": lambda: _say(HEAD),
    "closes within the body": lambda: _say(HEAD + b"Content-Length: 100\r\n\r\n{"),
    "speaks another protocol": lambda: _say(b"220 mail.example ESMTP\r\n"),
    "stays silent": lambda: _stay_silent,
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_off_after_the_request_may_have_happened(case: str) -> None:
    with talking(BROKEN[case]()) as url:
        error = _create(url)
    assert getattr(error, "sent", True)


def test_a_connection_that_is_refused_was_not_sent() -> None:
    error = _create(f"http://127.0.0.1:{closed_port()}/v1")
    assert not getattr(error, "sent", True)
    assert "Connection refused" in str(error)


@pytest.mark.parametrize("case", [*BROKEN, "refused"])
def test_no_error_leads_to_the_request_with_its_token(case: str) -> None:
    with talking(BROKEN.get(case, lambda: _close)()) as url:
        error: BaseException = _create(url if case != "refused" else f"http://127.0.0.1:{closed_port()}/v1")
    found, left = set(), [error]
    while left:
        at = left.pop()
        if id(at) not in found:
            found.add(id(at))
            left += [link for link in (at.__cause__, at.__context__) if link]
            assert not isinstance(at, requests.RequestException)
            assert not any(isinstance(held, requests.PreparedRequest) for held in gc.get_referents(at))
            assert TOKEN not in repr(at.__dict__)
