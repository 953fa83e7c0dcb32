"""The probe names the hop at which a delivery ends, on servers that lie, drip, rewrite, refuse and flood."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.operators.hops import WayLimits
from airflow_provider_partnero.operators.partnero import PartneroProbeReceiverOperator
from airflow_provider_partnero.operators.probe import ProbeFailedError
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.protection import receiver_url
from tests.conftest import MakeContext
from tests.unit.operators.receiving_end import (
    SECRET,
    Arriving,
    Manner,
    ReceivingEnd,
    always,
    limited,
    page,
    received,
    receiver,
    rewriting,
    told,
    without_header,
)

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
WAY = ["webhook", "dns", "tcp", "receiver", "bytes", "size"]
SECURE_WAY = ["webhook", "dns", "tcp", "tls", "receiver", "bytes", "size"]


class Prober:
    """Probes, and keeps what would be in XCom."""

    def __init__(self, sandbox: Sandbox, make_context: MakeContext) -> None:
        self._sandbox = sandbox
        self._context = make_context()

    def webhook(self, base_url: str, key: str = "receiver", **others: Any) -> dict[str, Any]:
        url = receiver_url(base_url, "partnero_default")
        return {"key": key, "name": key, "url": url, "events": ["a.b"], "signature": SECRET, **others}

    def probe(self, live_at: str | None = None, *webhooks: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The result, whether it failed or not; with ``error`` if it did."""
        if live_at:
            self._sandbox.put_webhooks([self.webhook(live_at)])
        if webhooks:
            self._sandbox.put_webhooks(webhooks)
        limits = options.pop("limits", None)
        operator = PartneroProbeReceiverOperator(task_id="probe", **options)
        operator.limits = limits
        try:
            result: dict[str, Any] = operator.execute(self._context)
        except Exception as error:
            result = {**self._context["ti"].pushed["probe"], "error": error}
        assert SECRET not in json.dumps(result, default=str)
        return result


@pytest.fixture
def prober(sandbox: Sandbox, make_context: MakeContext) -> Prober:
    return Prober(sandbox, make_context)


def broken(result: dict[str, Any], *, passing: bool) -> tuple[str, str]:
    """The hop that is broken and what is wrong there, once the failure is as it should be."""
    *gone, last = result["hops"]
    assert [hop["problem"] for hop in gone if not hop["ok"]] == []
    assert not result["ok"]
    assert not last["ok"]
    assert last["remedy"].endswith(".")
    assert type(result["error"]) is (ProbeFailedError if passing else AirflowFailException)
    for word in (last["hop"], last["problem"], last["remedy"]):
        assert word in str(result["error"])
    return last["hop"], last["problem"]


def test_a_delivery_that_arrives_has_gone_all_hops(prober: Prober, capsys: pytest.CaptureFixture[str]) -> None:
    with ReceivingEnd(receiver) as end:
        result = prober.probe(end.base_url())
    assert result["ok"]
    assert [hop["hop"] for hop in result["hops"]] == WAY
    assert result["certificate_expires_at"] is None
    plain, php, large = (arrived.body for arrived in end.arrived)
    assert {arrived.path for arrived in end.arrived} == {"/partnero/webhooks/partnero_default"}
    for body in (plain, php, large):
        told = json.loads(body)
        assert (told["event"], told["webhook_key"]) == ("partnero_provider.probe", "receiver")
        assert abs(datetime.fromisoformat(told["created_at"]) - datetime.now(UTC)) < DAY
    assert plain == json.dumps(json.loads(plain), separators=(",", ":"), sort_keys=True).encode()
    assert rb"\/partnero\/webhooks" in php
    assert rb"\u00eb" in php
    assert 256 * 1024 - 100 < len(large) <= 256 * 1024
    written = capsys.readouterr()
    assert SECRET not in written.out + written.err
    for arrived in end.arrived:
        assert arrived.headers["Signature"] not in written.out + written.err


@pytest.mark.parametrize(
    ("manner", "hop", "words"),
    [
        (rewriting(lambda body: json.dumps(json.loads(body), separators=(",", ":")).encode()), "bytes", "anew"),
        (rewriting(lambda body: json.dumps(json.loads(body), ensure_ascii=False).encode()), "bytes", "anew"),
        (rewriting(lambda body: body.replace(b"\\/", b"/")), "bytes", "anew"),
        (rewriting(lambda body: body + b"\n"), "secret", 'for the webhook "receiver"'),
        (without_header("Signature"), "secret", "Partnero's secret"),
        (lambda arriving: arriving.give(*received(arriving.read(), "another secret")), "secret", "Partnero's secret"),
        (always(told(404, "unknown")), "receiver", "the receiver is off"),
        (always(told(202, "accepted")), "receiver", "older"),
        (always(told(413, "too large")), "size", "even a small body"),
        (always(told(415, "not JSON")), "bytes", "Content-Type"),
        (always(page(200)), "receiver", "something else"),
        (always((200, {}, b"[" * 60_000)), "receiver", "something else"),
        (always((200, {}, b'{"status": 1}')), "receiver", "something else"),
        (always(told(200, "probe")), "receiver", "something else"),
        (always(page(301, Location="https://www.airflow.example/x?token=abc")), "receiver", "a redirect (301) to "),
        (always(page(307)), "receiver", "a redirect (307)"),
        (always(page(401)), "receiver", "login"),
        (always(page(401, '{"status": "error", "message": "log in"}')), "receiver", "login"),
        (always(page(403)), "receiver", "refuses"),
        (always(page(404)), "receiver", "no such path"),
        (always(page(405)), "receiver", "no POST"),
        (always(page(413)), "size", "even a small body"),
        (always(page(418)), "receiver", "not the receiver's"),
    ],
)
def test_what_stays_broken_fails_at_once_with_its_hop(prober: Prober, manner: Manner, hop: str, words: str) -> None:
    with ReceivingEnd(manner) as end:
        found = broken(prober.probe(end.base_url()), passing=False)
    assert found[0] == hop
    assert words in found[1]
    assert "token=abc" not in found[1]


@pytest.mark.parametrize(
    ("manner", "hop", "words"),
    [
        (always(told(503, "unavailable")), "tables", "cannot look up a secret"),
        (always(told(429, "flooded")), "receiver", "too much at once"),
        (always(told(408, "too slow")), "receiver", "too slowly"),
        (lambda arriving: arriving.give(*received(arriving.read(), tables="no table")), "tables", "no table"),
        (always(page(429)), "receiver", "too much"),
        (always(page(502)), "receiver", "does not reach the API server"),
        (always(page(503)), "receiver", "does not reach the API server"),
        (always(page(504)), "receiver", "does not reach the API server"),
        (lambda arriving: None, "receiver", "hung up"),
    ],
)
def test_what_may_pass_is_left_to_airflows_retries(prober: Prober, manner: Manner, hop: str, words: str) -> None:
    with ReceivingEnd(manner) as end:
        found = broken(prober.probe(end.base_url()), passing=True)
    assert found[0] == hop
    assert words in found[1]


def _refuse(arriving: Arriving) -> None:
    arriving.give(*page(413, Connection="close"))


def _refuse_as_the_receiver(arriving: Arriving) -> None:
    arriving.give(*told(413, "too large"))


def _read_and_refuse(arriving: Arriving) -> None:
    arriving.read()
    _refuse(arriving)


@pytest.mark.parametrize(
    ("refusal", "words"), [(_read_and_refuse, "a proxy on the way refuses"), (_refuse_as_the_receiver, "the receiver")]
)
def test_a_size_limit_on_the_way_is_told_from_the_receivers_own(
    prober: Prober, refusal: Callable[[Arriving], None], words: str
) -> None:
    def reading(arriving: Arriving) -> None:
        arriving.rfile.read(int(arriving.headers["Content-Length"]))
        refusal_of_read(arriving)

    refusal_of_read = _refuse if refusal is _read_and_refuse else refusal
    with ReceivingEnd(limited(64 * 1024, reading)) as end:
        result = prober.probe(end.base_url())
    hop, problem = broken(result, passing=False)
    assert hop == "size"
    assert words in problem
    assert "bytes (413)" in problem
    assert [hop["hop"] for hop in result["hops"]] == WAY


def test_a_size_limit_that_hangs_up_without_reading_is_the_hop_of_the_size(prober: Prober) -> None:
    with ReceivingEnd(limited(64 * 1024, lambda arriving: None)) as end:
        result = prober.probe(end.base_url())
    hop, problem = broken(result, passing=True)
    assert hop == "size"
    assert "gets no answer" in problem


def test_the_large_body_is_as_large_as_the_configuration_allows(
    prober: Prober, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__MAX_BODY_KB", "1")
    with ReceivingEnd(receiver) as end:
        assert prober.probe(end.base_url())["ok"]
    assert 900 < max(len(arrived.body) for arrived in end.arrived) <= 1024


@pytest.mark.parametrize("text", ["0", "10241", "-1", "x", ""])
def test_a_size_that_cannot_be_is_refused(prober: Prober, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AIRFLOW__PARTNERO__MAX_BODY_KB", text)
    operator = PartneroProbeReceiverOperator(task_id="probe")
    with pytest.raises(AirflowFailException, match="max_body_kb"):
        operator.execute({})


class TestEndless:
    """Whatever a server does, a hop ends; these limits make it soon."""

    soon = WayLimits(hop=0.5, exchange=0.5, whole=4.0)

    def drip(self, start: bytes, more: bytes) -> Manner:
        def manner(arriving: Arriving) -> None:
            arriving.read()
            arriving.wfile.write(start)
            stopped = threading.Event()
            while not stopped.wait(0.05):
                arriving.wfile.write(more)
                arriving.wfile.flush()

        return manner

    @pytest.mark.parametrize(
        ("start", "more"),
        [
            (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x"),
            (b"HTTP/1.1 200 OK\r\n", b"X-Another: 1\r\n"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (b"", b""),
        ],
        ids=["header", "headers", "body", "chunks", "continue", "silence"],
    )
    def test_an_answer_that_never_ends(self, prober: Prober, start: bytes, more: bytes) -> None:
        with ReceivingEnd(self.drip(start, more)) as end:
            hop, problem = broken(prober.probe(end.base_url(), limits=self.soon), passing=True)
        assert hop == "receiver"
        assert "no answer" in problem

    def test_a_gigabyte_is_not_read(self, prober: Prober) -> None:
        sent = [0]

        def flood(arriving: Arriving) -> None:
            arriving.read()
            arriving.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            for _ in range(1024):
                arriving.wfile.write(b"x" * 1024 * 1024)
                sent[0] += 1

        with ReceivingEnd(flood) as end:
            hop, problem = broken(prober.probe(end.base_url()), passing=False)
        assert (hop, "something else" in problem) == ("receiver", True)
        assert sent[0] < 64

    @pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"\x16\x03\x03", b"HTTP/9.9 abc\r\n\r\n", b"\xff" * 70_000])
    def test_what_is_not_http(self, prober: Prober, answer: bytes) -> None:
        def speak(arriving: Arriving) -> None:
            arriving.read()
            arriving.wfile.write(answer)

        with ReceivingEnd(speak) as end:
            hop, problem = broken(prober.probe(end.base_url()), passing=True)
        assert hop == "receiver"
        assert "xff" not in problem

    @pytest.mark.parametrize("start", [b"", b"\x16\x03\x03\x40\x00"], ids=["silent", "dripping"])
    def test_a_handshake_that_never_ends(self, prober: Prober, start: bytes) -> None:
        with _raw(start) as port:
            result = prober.probe(f"https://127.0.0.1:{port}", limits=self.soon)
        hop, problem = broken(result, passing=True)
        assert (hop, problem) == ("tls", "no TLS connection (it takes too long)")


@contextmanager
def _raw(start: bytes) -> Iterator[int]:
    """A server that sends something, and then a byte from time to time."""
    stopped = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            while not stopped.wait(0.05):
                try:
                    client.sendall(start[:1] and (start if not client.recv(0) else b"x"))
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopped.set()
        listener.close()


class TestCertificates:
    """The address is served with certificates that this file makes."""

    @pytest.fixture
    def issued(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
        """Makes certificates of an authority that the worker trusts."""

        def issue(*names: str, **moments: Any) -> tuple[str, str]:
            authority = moments.pop("authority", "trusted")
            certificate, key = _certificate(authority, names, **moments)
            (tmp_path / "server.pem").write_bytes(certificate)
            (tmp_path / "server.key").write_bytes(key)
            return str(tmp_path / "server.pem"), str(tmp_path / "server.key")

        (tmp_path / "trusted.pem").write_bytes(_authority("trusted")[1])
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "trusted.pem"))
        return issue

    def test_a_good_one_is_gone_through_and_its_end_is_told(self, prober: Prober, issued: Any) -> None:
        expires = (NOW + 60 * DAY).replace(microsecond=0)
        with ReceivingEnd(receiver, issued("127.0.0.1", end=60 * DAY)) as end:
            result = prober.probe(end.base_url())
        assert [hop["hop"] for hop in result["hops"]] == SECURE_WAY
        assert result["certificate_expires_at"] == expires.isoformat()
        assert not [warning for warning in result["warnings"] if "certificate" in warning]

    @pytest.mark.parametrize(("days", "warned"), [(0, False), (9, False), ("10", True), (365, True)])
    def test_one_that_expires_soon_is_a_warning(self, prober: Prober, issued: Any, days: Any, warned: bool) -> None:
        with ReceivingEnd(receiver, issued("127.0.0.1", end=10 * DAY)) as end:
            result = prober.probe(end.base_url(), warn_days=days)
        assert result["ok"]
        assert any("The certificate expires on" in warning for warning in result["warnings"]) == warned

    @pytest.mark.parametrize(
        ("names", "moments", "words"),
        [
            (["127.0.0.1"], {"end": -DAY}, "has expired"),
            (["127.0.0.1"], {"start": DAY}, "is not valid yet"),
            (["127.0.0.2"], {}, "is for another host"),
            (["airflow.example.com"], {}, "is for another host"),
            (["127.0.0.1"], {"authority": "unknown"}, "authority"),
            (["127.0.0.1"], {"authority": None}, "signed by itself"),
        ],
        ids=str,
    )
    def test_one_that_partnero_would_refuse_fails_at_once(
        self, prober: Prober, issued: Any, names: list[str], moments: dict[str, Any], words: str
    ) -> None:
        with ReceivingEnd(receiver, issued(*names, **moments)) as end:
            hop, problem = broken(prober.probe(end.base_url()), passing=False)
            assert end.arrived == []
        assert hop == "tls"
        assert words in problem

    def test_one_of_another_name_on_the_same_machine(self, prober: Prober, issued: Any) -> None:
        with ReceivingEnd(receiver, issued("airflow.example.com")) as end:
            hop, problem = broken(prober.probe(end.base_url("localhost")), passing=False)
        assert (hop, problem) == ("tls", "the certificate is for another host")

    def test_the_workers_own_bundle_does_not_count_without_being_named(
        self, prober: Prober, issued: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with ReceivingEnd(receiver, issued("127.0.0.1")) as end:
            assert broken(prober.probe(end.base_url()), passing=False)[0] == "tls"

    def test_what_speaks_no_tls(self, prober: Prober, issued: Any) -> None:
        with ReceivingEnd(receiver) as end:
            result = prober.probe(end.base_url().replace("http:", "https:"))
        assert broken(result, passing=True)[0] == "tls"


@cache
def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _signed(name, key, name, key, NOW - 400 * DAY, NOW + 400 * DAY, ())


def _certificate(
    authority: str | None, names: tuple[str, ...], start: timedelta = -300 * DAY, end: timedelta = 300 * DAY
) -> tuple[bytes, bytes]:
    """A certificate that is valid from and until moments that are told by their distance from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, issuer_key = (authority, _authority(authority)[0]) if authority else ("server", key)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _signed("server", key, issuer, issuer_key, NOW + start, NOW + end, names), private


def _signed(
    subject: str, key: Any, issuer: str, issuer_key: Any, start: datetime, end: datetime, names: tuple[str, ...]
) -> bytes:
    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(
        called(issuer), called(subject), key.public_key(), x509.random_serial_number(), start, end
    ).add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    if names:
        others = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdecimal() else x509.DNSName(name) for name in names
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_name_that_nobody_knows_ends_at_the_dns(prober: Prober) -> None:
    hop, problem = broken(prober.probe("https://airflow.partnero-probe.invalid"), passing=True)
    assert hop == "dns"
    assert "airflow.partnero-probe.invalid" in problem


def test_a_port_that_nobody_listens_on_ends_at_the_connection(prober: Prober) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    hop, problem = broken(prober.probe(f"https://127.0.0.1:{port}"), passing=True)
    assert (hop, problem) == ("tcp", f"no connection to port {port} of 127.0.0.1 (refused)")


class TestWebhooks:
    """Which webhook the probe stands in for."""

    def test_without_one_it_says_how_to_make_it(self, prober: Prober, sandbox: Sandbox) -> None:
        elsewhere = [
            prober.webhook("https://a.example", url="https://a.example/partnero/webhooks/other"),
            prober.webhook("https://a.example", "k2", url="not a url"),
        ]
        result = prober.probe(None, *elsewhere)
        assert broken(result, passing=False)[0] == "webhook"
        assert "PartneroRegisterReceiverOperator" in str(result["error"])

    def test_of_several_receivers_base_url_chooses(
        self, prober: Prober, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ReceivingEnd(receiver) as end:
            webhooks = [prober.webhook("https://other.example", "k1"), prober.webhook(end.base_url(), "k2")]
            undecided = prober.probe(None, *webhooks)
            assert "2 receivers" in broken(undecided, passing=False)[1]
            assert prober.probe(base_url=end.base_url() + "/")["ok"]
            assert end.arrived
            monkeypatch.setenv("AIRFLOW__PARTNERO__RECEIVER_BASE_URL", end.base_url())
            assert prober.probe()["ok"]

    def test_base_url_at_which_partnero_does_not_deliver_is_told(self, prober: Prober) -> None:
        prober.probe("https://other.invalid")
        result = prober.probe(None, base_url="https://mine.example")
        problem = broken(result, passing=False)[1]
        assert "https://other.invalid/partnero/webhooks/partnero_default, and not to https://mine.example/" in problem

    def test_one_that_is_switched_off_is_a_warning(self, prober: Prober) -> None:
        with ReceivingEnd(receiver) as end:
            result = prober.probe(None, prober.webhook(end.base_url(), is_active=False))
        assert result["ok"]
        assert any("switched off" in warning for warning in result["warnings"])
        assert any("not encrypted" in warning for warning in result["warnings"])
        assert any("cannot reach the host" in warning for warning in result["warnings"])

    def test_each_webhook_of_the_address_has_its_secret_tried(self, prober: Prober) -> None:
        with ReceivingEnd(receiver) as end:
            first = prober.webhook(end.base_url(), "k1")
            second = prober.webhook(end.base_url(), "k2", signature="another secret of 16")
            result = prober.probe(None, first, second)
        hop, problem = broken(result, passing=False)
        assert hop == "secret"
        assert '"k2"' in problem
        assert "another secret" not in str(result)


@pytest.mark.parametrize(
    "options",
    [
        {"warn_days": -1},
        {"warn_days": 366},
        {"warn_days": 1.5},
        {"warn_days": True},
        {"warn_days": "x"},
        {"warn_days": None},
        {"base_url": "airflow.example.com"},
        {"base_url": "https://user:pass-word@airflow.example.com"},
        {"base_url": "https://airflow.example.com?x=1"},
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_when_the_dag_is_parsed(options: dict[str, Any]) -> None:
    [name] = options
    with pytest.raises(ValueError, match=name) as refused:
        PartneroProbeReceiverOperator(task_id="probe", **options)
    assert "pass-word" not in str(refused.value)
