"""The bytes of JSON: those of PHP, compared with PHP itself where it is installed, and those of JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import sign, verify
from airflow_provider_partnero.sandbox import Profile
from airflow_provider_partnero.sandbox.deliveries import sealed
from airflow_provider_partnero.sandbox.json_bytes import compact_json, php_json

PHP = shutil.which("php")
# Reads lines of JSON [secret, value], and answers with the signature of the value's JSON, a blank and that JSON.
PROGRAM = """
while (($line = fgets(STDIN)) !== false) {
    [$secret, $value] = json_decode($line, false, 512, JSON_THROW_ON_ERROR);
    $body = json_encode($value, JSON_THROW_ON_ERROR);
    echo hash_hmac('sha256', $body, $secret), ' ', $body, "\\n";
}
"""

Test = TypeVar("Test", bound=Callable[..., None])
Php = Callable[[str, Any], tuple[str, bytes]]

# PHP has no unpaired surrogates, and no property whose name begins with NUL.
texts = st.text(st.characters(exclude_categories=["Cs"]))
names = texts.filter(lambda name: not name.startswith("\0"))
integers = st.integers(-(1 << 70), 1 << 70)
floats = st.floats(allow_nan=False, allow_infinity=False)
scales = st.builds(lambda digits, exponent: digits * 10.0**exponent, st.integers(-999, 999), st.integers(-30, 30))
leaves = st.none() | st.booleans() | integers | floats | scales | texts
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20)

NUMBERS = [
    (10.0, "10", "10"),
    (99.9, "99.9", "99.9"),
    (-0.0, "-0", "0"),
    (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
    (0.0001, "0.0001", "0.0001"),
    (0.00001, "1.0e-5", "0.00001"),
    (1.5e-7, "1.5e-7", "1.5e-7"),
    (1e16, "10000000000000000", "10000000000000000"),
    (1e17, "1.0e+17", "100000000000000000"),
    (123456789012345678.0, "1.2345678901234568e+17", "123456789012345680"),
    (1e21, "1.0e+21", "1e+21"),
    (1e22, "1.0e+22", "1e+22"),
    (1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"),
    (5e-324, "5.0e-324", "5e-324"),
    ((1 << 63) - 1, "9223372036854775807", "9223372036854776000"),
    (1 << 63, "9.223372036854776e+18", "9223372036854776000"),
    (-(1 << 63), "-9223372036854775808", "-9223372036854776000"),
    (10, "10", "10"),
]


def needs_php(test: Test) -> Test:
    """Mark a test that asks PHP."""
    skip = pytest.mark.skipif(PHP is None, reason="needs PHP: apt-get install php-cli")
    marked: Test = pytest.mark.php(skip(test))
    return marked


@pytest.fixture(scope="module")
def php() -> Iterator[Php]:
    """Ask one PHP process for the signature of a value under a secret, and for the value's JSON."""
    assert PHP is not None
    with subprocess.Popen([PHP, "-r", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def ask(secret: str, value: Any) -> tuple[str, bytes]:
            asked.write(json.dumps([secret, value]).encode() + b"\n")
            asked.flush()
            signature, _, body = answered.readline().rstrip(b"\n").partition(b" ")
            return signature.decode(), body

        yield ask


@pytest.mark.parametrize(("number", "in_php", "in_js"), NUMBERS)
def test_numbers_are_written_as_each_language_writes_them(number: float, in_php: str, in_js: str) -> None:
    assert php_json([number, {"a": number}]).decode() == f'[{in_php},{{"a":{in_php}}}]'
    assert compact_json([number, {"a": number}]).decode() == f'[{in_js},{{"a":{in_js}}}]'


def test_numbers_in_texts_are_left_alone() -> None:
    value = {"10.0": '1e22 "10.0" \\', "x": 10.0, "\\u007f": "\x7f/é"}
    assert php_json(value) == b'{"10.0":"1e22 \\"10.0\\" \\\\","x":10,"\\\\u007f":"\x7f\\/\\u00e9"}'
    assert compact_json(value) == b'{"10.0":"1e22 \\"10.0\\" \\\\","x":10,"\\\\u007f":"\x7f/\xc3\xa9"}'


def test_values_may_be_nested_deeply() -> None:
    value: Any = 10.0
    for _ in range(500):
        value = [value]
    assert php_json(value) == b"[" * 500 + b"10" + b"]" * 500


@pytest.mark.parametrize("number", [number for number, _, _ in NUMBERS])
@needs_php
def test_the_numbers_are_those_of_php(php: Php, number: float) -> None:
    assert php_json([number]) == php("", [number])[1]


@needs_php
@given(secret=texts.filter(bool), value=values)
def test_bytes_and_signature_of_any_value_are_those_of_php(php: Php, secret: str, value: Any) -> None:
    signature, body = php(secret, value)
    assert php_json(value) == body
    assert sign(body, secret) == signature
    assert verify(body, signature, secret)


@needs_php
@given(secret=texts.filter(bool), value=values)
def test_a_delivery_is_signed_as_php_signs_it(php: Php, secret: str, value: Any) -> None:
    webhook = {"key": "k", "url": "https://é.example/", "is_active": True, "events": ["a.b"], "signature": secret}
    [envelope] = sealed("a.b", value, [webhook], Profile(), datetime(2026, 1, 2, tzinfo=UTC))
    content = {
        "event": "a.b",
        "url": webhook["url"],
        "webhook_key": "k",
        "created_at": "2026-01-02T00:00:00.000000Z",
        "data": value,
    }
    assert (envelope.headers["Signature"], envelope.body) == php(secret, content)
