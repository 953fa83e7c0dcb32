"""Certificates are verified, with the authorities of a bundle that is read once."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_partnero.api import PartneroClient, PartneroConnectionError
from airflow_provider_partnero.api.tls import tls_context

from .conftest import DEMO, http_answer

ANSWER = http_answer(json.dumps({"data": {"key": "k1", **DEMO, "is_active": True, "signature": "s" * 16}}).encode())


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, and the key to it, in one file each."""

    certificate: Path
    key: Path


def _certificate(folder: Path, address: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"for {address}")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / f"{address}.pem", folder / f"{address}.key")
    files.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextmanager
def _serving(certificate: Certificate, answer: bytes = ANSWER) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)

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
    own = _certificate(tmp_path, "127.0.0.1")
    with _serving(own) as url:
        for _ in range(3):
            assert _client(url, str(own.certificate)).get_webhook("k1").key == "k1"


def test_a_server_of_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    own, other = _certificate(tmp_path, "127.0.0.1"), _certificate(tmp_path, "127.0.0.2")
    with _serving(own) as url:
        for verify in (True, str(other.certificate)):
            with pytest.raises(PartneroConnectionError, match="certificate verify failed") as raised:
                _client(url, verify).get_webhook("k1")
            assert not raised.value.sent


def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    other = _certificate(tmp_path, "127.0.0.2")
    with _serving(other) as url, pytest.raises(PartneroConnectionError, match="certificate verify failed"):
        _client(url, str(other.certificate)).get_webhook("k1")


def test_without_verification_any_certificate_will_do_also_after_a_refusal(tmp_path: Path) -> None:
    other = _certificate(tmp_path, "127.0.0.2")
    with _serving(other) as url:
        with pytest.raises(PartneroConnectionError):
            _client(url, verify=True).get_webhook("k1")
        assert _client(url, verify=False).get_webhook("k1").key == "k1"
        with pytest.raises(PartneroConnectionError):
            _client(url, verify=True).get_webhook("k1")


def test_a_bundle_is_read_once_until_it_changes(tmp_path: Path) -> None:
    bundle = _certificate(tmp_path, "127.0.0.1").certificate
    first = tls_context(str(bundle))
    assert tls_context(str(bundle)) is first
    os.utime(bundle, ns=(1, 1))
    assert tls_context(str(bundle)) is not first


def test_a_proxy_that_is_spoken_to_in_tls_is_trusted_by_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _certificate(tmp_path, "127.0.0.1")
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with _serving(own, refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(PartneroConnectionError, match="407 Proxy Authentication Required"):
            _client("https://partnero.invalid/v1", str(own.certificate)).get_webhook("k1")
