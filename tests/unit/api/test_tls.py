"""Certificates are verified, with the authorities of a bundle that is read once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_partnero.api import PartneroClient, PartneroConnectionError
from airflow_provider_partnero.api.tls import tls_context
from tests.certificates import Certificate, self_signed
from tests.http_answers import http_answer

from .conftest import DEMO

ANSWER = http_answer({"data": {"key": "k1", **DEMO, "is_active": True, "signature": "s" * 16}})


@contextmanager
def _serving(certificate: Certificate, answer: bytes = ANSWER) -> Iterator[str]:
    context = certificate.server_context()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(1 << 16)
                    secure.sendall(answer)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"


def _client(url: str, verify: bool | str) -> PartneroClient:
    return PartneroClient("token", url, timeout=10, max_attempts=1, verify=verify)


def test_a_server_whose_authority_is_in_the_bundle_is_trusted_again_and_again(tmp_path: Path) -> None:
    own = self_signed(tmp_path, "127.0.0.1")
    with _serving(own) as url:
        for _ in range(3):
            assert _client(url, str(own.certificate)).get_webhook("k1").key == "k1"


def test_a_server_of_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    own, other = self_signed(tmp_path, "127.0.0.1"), self_signed(tmp_path, "127.0.0.2")
    with _serving(own) as url:
        for verify in (True, str(other.certificate)):
            with pytest.raises(PartneroConnectionError, match="certificate verify failed") as raised:
                _client(url, verify).get_webhook("k1")
            assert not raised.value.sent


def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    other = self_signed(tmp_path, "127.0.0.2")
    with _serving(other) as url, pytest.raises(PartneroConnectionError, match="certificate verify failed"):
        _client(url, str(other.certificate)).get_webhook("k1")


def test_without_verification_any_certificate_will_do_also_after_a_refusal(tmp_path: Path) -> None:
    other = self_signed(tmp_path, "127.0.0.2")
    with _serving(other) as url:
        with pytest.raises(PartneroConnectionError):
            _client(url, verify=True).get_webhook("k1")
        assert _client(url, verify=False).get_webhook("k1").key == "k1"
        with pytest.raises(PartneroConnectionError):
            _client(url, verify=True).get_webhook("k1")


def test_a_bundle_is_read_once_until_it_changes(tmp_path: Path) -> None:
    bundle = self_signed(tmp_path, "127.0.0.1").certificate
    first = tls_context(str(bundle))
    assert tls_context(str(bundle)) is first
    os.utime(bundle, ns=(1, 1))
    assert tls_context(str(bundle)) is not first


def test_a_proxy_that_is_spoken_to_in_tls_is_trusted_by_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = self_signed(tmp_path, "127.0.0.1")
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with _serving(own, refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(PartneroConnectionError, match="407 Proxy Authentication Required"):
            _client("https://partnero.invalid/v1", str(own.certificate)).get_webhook("k1")
