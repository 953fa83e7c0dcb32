"""JSON that PHP, or anything else that speaks JSON, can write, however wild."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

# Airflow gives these names a meaning in one of its serialisers, from 3.0.6 to 3.3.2.
RESERVED = (
    "__classname__",
    "__version__",
    "__data__",
    "__id__",
    "__cache__",
    "__type",
    "__source",
    "__var",
    "__class",
    "__class_path",
    "__airflow_state_ref__",
)


def enveloped(data: str, webhook_key: str = "k") -> bytes:
    """The body of a delivery of now, with this JSON text as its data."""
    now = datetime.now(UTC).isoformat()
    head = {"event": "transaction.created", "webhook_key": webhook_key, "created_at": now}
    return f'{json.dumps(head)[:-1]}, "data": {data}}}'.encode()


def wild_texts(number: int) -> list[str]:
    """So many of :data:`WILD_JSON`, always the same."""
    texts: list[str] = []

    @settings(max_examples=number, database=None, derandomize=True, phases=[Phase.generate], deadline=None)
    @given(WILD_JSON)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    return texts


def _escaped(text: str) -> str:
    """A text in which nothing is left as it is: halves of a surrogate pair, NUL and names alike."""
    return '"' + "".join(f"\\u{ord(unit):04x}" for unit in text) + '"'


def _object(items: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in items) + "}"


def _nested(inner: str, levels: int, in_objects: bool) -> str:
    opening, closing = ('{"a":', "}") if in_objects else ("[", "]")
    return opening * levels + inner + closing * levels


_INTEGERS = st.integers(-(2**70), 2**70) | st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 2**53 + 1])
_NUMBERS = (
    _INTEGERS.map(str)
    | st.integers(1, 6000).map("9".__mul__)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.sampled_from(["1.0E+25", "-0", "-0.0", "1e400", "-1E400", "5e-324", "1e-400", "1.7976931348623157e308"])
)
_TEXTS = (
    st.text(max_size=8).map(json.dumps)
    | st.text(st.characters(max_codepoint=0xFFFF), max_size=4).map(_escaped)
    | st.sampled_from(['"\\ud800"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ude00\\ud83d"', '"\\/ [{\\"}]"', '"\x7f"'])
)
_NAMES = (
    st.sampled_from(RESERVED).map(json.dumps)
    | st.sampled_from(RESERVED).map(_escaped)
    | st.sampled_from(['""', '"a"', '"partnero__type"', '"\\u0000"', '"\ufffd"'])
    | st.just(17_000).map(lambda length: json.dumps("n" * length))
    | _TEXTS
)
WILD_JSON = st.recursive(
    st.sampled_from(["null", "true", "false", "[]", "{}"]) | _NUMBERS | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]")
        | st.lists(st.tuples(_NAMES, inner), max_size=4).map(_object)
        | st.builds(_nested, inner, st.sampled_from([1, 5, 23, 24, 25, 40, 600]), st.booleans())
    ),
    max_leaves=12,
)
"""The text of a JSON value."""
