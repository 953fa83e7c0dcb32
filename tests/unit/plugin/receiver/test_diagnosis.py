"""Why a delivery did not verify, in words for whoever has to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api import sign
from airflow_provider_partnero.plugin.receiver.diagnosis import header_problem, mismatch
from airflow_provider_partnero.sandbox.json_bytes import compact_json, php_json

DIGITS = "b9ff34b6f6c340f0f603dbe90bc754ffbbd7ea1a3f4ca1c16658c372a29ad7ca"
SECRET = "uy51DfvoJ7mUm2Ua"
OTHER = "Ewi7TWkdARdV41GI"
VALUE: dict[str, Any] = {
    "event": "partner.created",
    "url": "https://crm.example/x",
    "webhook_key": "ours",
    "data": {"name": "Zoë", "amount": 9.5, "none": None},
}
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "php": php_json,
    "php unescaped unicode": lambda value: compact_json(value).replace(b"/", rb"\/"),
    "compact": lambda value: json.dumps(value, separators=(",", ":")).encode(),
    "javascript": compact_json,
    "python": lambda value: json.dumps(value).encode(),
}
REWRITTEN = "same JSON written in another way"
FORGED = "not made with this webhook's secret"

# No word of the diagnosis, and no webhook's key below, has four of these in a row.
secrets = st.text("QXZJ0123456789#~", min_size=4)


def test_a_signature_of_64_lower_case_digits_has_no_problem() -> None:
    assert header_problem({"signature": [DIGITS], "x-partnero-signature": ["whatever"]}) is None


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no Signature header: .* drops the header"),
        ({"signature": []}, "no Signature header: .* drops the header"),
        ({"x-partnero-signature": [DIGITS]}, "no Signature header, but X-Partnero-Signature, .*older documentation"),
        ({"signature": [DIGITS, DIGITS]}, "2 Signature headers: one is sent"),
        ({"signature": [DIGITS] * 3}, "3 Signature headers"),
        ({"signature": [DIGITS.upper()]}, "in upper case"),
        ({"signature": [DIGITS[:-1] + "A"]}, "in upper case"),
        ({"signature": [f"sha256={DIGITS}"]}, "something around its 64 hex digits"),
        ({"signature": [f" {DIGITS}\t"]}, "something around its 64 hex digits"),
        ({"signature": [DIGITS[:-1]]}, "63 characters .*cut on the way"),
        ({"signature": [DIGITS + "0"]}, "65 characters .*not 64 lower-case hex digits"),
        ({"signature": [""]}, "0 characters"),
        ({"signature": ["x" * 64]}, "64 characters and is not 64 lower-case hex digits"),
        ({"signature": [f"{DIGITS[:-1]}٣"]}, "64 characters and is not 64 lower-case hex digits"),
        ({"signature": ["٣" * 64]}, "64 characters and is not 64 lower-case hex digits"),
        ({"signature": [f"{DIGITS[:-1]}\N{FULLWIDTH DIGIT THREE}"]}, "64 characters and is not 64"),
        ({"signature": [f"{DIGITS}\n"]}, "something around its 64 hex digits"),
    ],
    ids=str,
)
def test_each_problem_of_the_header_is_named(headers: dict[str, list[str]], words: str) -> None:
    assert re.search(words, header_problem(headers) or "")


@given(st.lists(st.text()))
def test_only_64_lower_case_digits_pass(values: list[str]) -> None:
    assert header_problem({"signature": values})


@given(st.binary(min_size=32, max_size=32))
def test_every_signature_passes(digest: bytes) -> None:
    assert header_problem({"signature": [digest.hex()]}) is None


@given(st.text("0123456789abcdefABCDEF=sh", min_size=4, max_size=70))
def test_the_words_do_not_repeat_the_header(value: str) -> None:
    assert value not in (header_problem({"signature": [f"<{value}>"]}) or "")


@pytest.mark.parametrize("received", WRITERS)
@pytest.mark.parametrize("signed", WRITERS)
def test_json_that_was_written_again_is_recognised_whoever_wrote_it(signed: str, received: str) -> None:
    was_signed, is_received = WRITERS[signed](VALUE), WRITERS[received](VALUE)
    words = mismatch(is_received, sign(was_signed, SECRET), [OTHER, SECRET], [])
    assert REWRITTEN in words
    assert "raw bytes" in words


def test_json_that_was_indented_on_the_way_is_recognised() -> None:
    assert REWRITTEN in mismatch(json.dumps(VALUE, indent=2).encode(), sign(php_json(VALUE), SECRET), [SECRET], [])


def test_json_written_again_and_signed_by_another_webhook_is_not_blamed_on_the_way() -> None:
    assert FORGED in mismatch(json.dumps(VALUE).encode(), sign(php_json(VALUE), OTHER), [SECRET], [("theirs", OTHER)])


def test_the_secret_of_another_webhook_is_told_by_its_key() -> None:
    body = php_json(VALUE)
    others = [("ours", SECRET), ("theirs", OTHER)]
    words = mismatch(body, sign(body, OTHER), [SECRET], others)
    assert words == "the body is signed with the secret of another webhook ('theirs')"


def test_the_key_of_another_webhook_cannot_break_the_line() -> None:
    words = mismatch(b"x", sign(b"x", OTHER), [SECRET], [("a\nb\x1b[31m", OTHER)])
    assert words.isprintable()


def test_of_a_thousand_other_webhooks_the_first_sixteen_are_tried() -> None:
    others = [(f"key{number}", f"secret{number}") for number in range(1000)]
    assert "('key15')" in mismatch(b"x", sign(b"x", "secret15"), [SECRET], others)
    assert FORGED in mismatch(b"x", sign(b"x", "secret16"), [SECRET], others)


@pytest.mark.parametrize("own", [[], [SECRET]])
def test_what_nobody_signed_is_called_changed_or_forged(own: list[str]) -> None:
    words = mismatch(php_json(VALUE), sign(php_json(VALUE), "guess"), own, [("theirs", OTHER)])
    assert FORGED in words
    assert "forged" in words


def test_a_body_over_16_kib_is_not_written_again() -> None:
    small, large = {"data": "x" * 16_000}, {"data": "x" * 17_000}
    assert REWRITTEN in mismatch(json.dumps(small).encode(), sign(php_json(small), SECRET), [SECRET], [])
    assert FORGED in mismatch(json.dumps(large).encode(), sign(php_json(large), SECRET), [SECRET], [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"\xff\xfe\x00",
        b'"\\ud800"',
        b"NaN",
        b"1e999",
        b"9" * 5_000,
        b"[" * 60_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_cannot_be_written_again_raises_nothing(body: bytes) -> None:
    assert FORGED in mismatch(body, sign(b"another", SECRET), [SECRET], [])


@given(st.binary(), st.text(), st.lists(st.text()), st.lists(st.tuples(st.text(), st.text())))
def test_whatever_arrives_there_are_words_in_one_line(
    body: bytes, signature: str, own: list[str], others: list[tuple[str, str]]
) -> None:
    assert mismatch(body, signature, own, others).isprintable()


@given(secrets, secrets, st.sampled_from(["own", "other", "guess"]), st.sampled_from(sorted(WRITERS)))
def test_no_secret_and_no_signature_is_in_the_words(own: str, other: str, signer: str, writer: str) -> None:
    secret = {"own": own, "other": other, "guess": "guess"}[signer]
    signature = sign(WRITERS[writer](VALUE), secret)
    words = mismatch(php_json(VALUE), signature, [own], [("theirs", other)])
    assert [text for text in (own, other, signature) if text in words] == []
