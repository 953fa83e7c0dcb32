"""What a body says of itself: read as a JSON parser would, from its beginning only, and at a bounded cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.plugin.receiver.claim import Claim, read_claim
from airflow_provider_partnero.sandbox.json_bytes import php_json

KEY = "oursKey"
EVENT = "partner.created"
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
names = st.sampled_from(["event", "webhook_key", "url", "created_at", "", "x"]) | st.text(max_size=8)


@pytest.mark.parametrize(
    ("body", "claim"),
    [
        (b'{"event":"partner.created","webhook_key":"oursKey","data":{}}', Claim(EVENT, KEY)),
        (b' \r\n\t{ "webhook_key" : "oursKey" , "event" : "partner.created" }', Claim(EVENT, KEY)),
        (b'{"url":"https:\\/\\/x\\/\\"webhook_key\\":\\"no\\"","webhook_key":"oursKey"}', Claim(None, KEY)),
        (b'{"webhook\\u005fkey":"ours\\u004bey"}', Claim(None, KEY)),
        (
            b'{"webhook_key":"first","n":-1.5e+3,"t":true,"f":false,"0":null,"webhook_key":"oursKey","data":[]',
            Claim(None, KEY),
        ),
        (b'{"webhook_key":"oursKey","data":{"webhook_key":"theirs"},"webhook_key":"late"}', Claim(None, KEY)),
        (b'{"data":{"webhook_key":"theirs"},"webhook_key":"oursKey"}', Claim()),
        (b'{"data":["webhook_key"],"webhook_key":"oursKey"}', Claim()),
        (b'{"webhook_key":7}', Claim()),
        (b'{"webhook_key":"oursKey","webhook_key":7}', Claim()),
        (b'{"webhook_key":null}', Claim()),
        (b'{"webhook_key":""}', Claim()),
        (b'{"webhook_key":"\xff"}', Claim()),
        (b'{"webhook_key":"' + b"k" * 201 + b'"}', Claim()),
        (b'{"webhook_key":"oursKey"', Claim()),
        (b'{"webhook_key":"ours\nKey"}', Claim()),
        (b'{"webhook_key" "oursKey"}', Claim()),
        (b'{"WEBHOOK_KEY":"oursKey"}', Claim()),
        (b"{}", Claim()),
        (b"{", Claim()),
        (b"", None),
        (b"[]", None),
        (b'"webhook_key"', None),
        (b'\xef\xbb\xbf{"webhook_key":"oursKey"}', None),
        (b'\x00{\x00"\x00', None),
        (b"not JSON", None),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_the_texts_before_the_first_container_are_read(body: bytes, claim: Claim | None) -> None:
    assert read_claim(body) == claim


@given(st.lists(st.tuples(names, scalars), max_size=12), st.sampled_from([json.dumps, php_json]))
def test_it_says_what_the_parser_says(pairs: list[tuple[str, Any]], write: Any) -> None:
    def written(value: Any) -> bytes:
        text = write(value)
        return text if isinstance(text, bytes) else text.encode()

    body = b"{" + b",".join(written(name) + b":" + written(value) for name, value in pairs) + b"}"
    if len(body) > 8_192:
        return
    parsed = json.loads(body)
    claim = read_claim(body)
    assert claim is not None
    for said, name in ((claim.event, "event"), (claim.webhook_key, "webhook_key")):
        value = parsed.get(name)
        expected = value if isinstance(value, str) and (name == "event" or 0 < len(value) <= 200) else None
        assert said == expected


@given(st.binary(max_size=300) | st.text('{}[]":,\\ewbhookvnt_ky0-', max_size=60).map(str.encode))
def test_it_never_raises(body: bytes) -> None:
    read_claim(body)
    read_claim(b'{"event":"' + body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b"x" * 9_000 + b'","webhook_key":"oursKey"}',
        b"{" + b'"a":1,' * 5_000 + b'"webhook_key":"oursKey"}',
        b" " * 9_000 + b'{"webhook_key":"oursKey"}',
        b'{"webhook_key":"oursKey' + b"\\" * 9_000,
    ],
    ids=["a long text", "many pairs", "much space", "many backslashes"],
)
def test_what_comes_late_is_not_looked_for(body: bytes) -> None:
    assert read_claim(body) in {None, Claim()}
