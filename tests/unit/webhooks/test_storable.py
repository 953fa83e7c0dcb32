"""Whatever JSON comes, what is kept of it can be stored, handed to a task and returned by it."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.webhooks.delivery import KeptFields, PartneroDelivery
from airflow_provider_partnero.webhooks.storable import (
    DEEPEST,
    Mark,
    parse_body,
    to_storable,
)
from tests.wild_json import RESERVED, WILD_JSON, enveloped


def _stored(text: str) -> tuple[Any, set[str]]:
    """What is kept of a delivery with this data, and the marks."""
    delivery = PartneroDelivery.from_body(enveloped(text))
    return delivery.data, set(delivery.changed)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _every_name(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [name for inner in value.items() for name in (inner[0], *_every_name(inner[1]))]
    return [name for item in value for name in _every_name(item)] if isinstance(value, list) else []


@given(WILD_JSON)
def test_any_json_is_taken_and_is_unharmed_by_airflows_context_and_xcom(text: str) -> None:
    data, _ = _stored(text)
    assert _through_the_context({"data": data}) == {"data": data}
    assert _through_xcom(data) == data
    assert _depth(data) <= DEEPEST
    assert [name for name in _every_name(data) if name.startswith("__") or len(name) > 16_020] == []
    json.dumps(data, allow_nan=False, ensure_ascii=False).encode()


@given(WILD_JSON)
def test_what_is_stored_is_changed_no_further(text: str) -> None:
    data, _ = _stored(text)
    assert to_storable(json.loads(json.dumps(data))) == (data, frozenset())


@given(WILD_JSON)
def test_without_a_mark_nothing_is_changed(text: str) -> None:
    data, marks = _stored(text)
    if not marks:
        assert data == json.loads(text)


def _through_the_context(extra: dict[str, Any]) -> Any:
    """As a database, the API server, the supervisor of a task and the task itself pass an asset event on."""
    import msgspec
    from airflow.api_fastapi.execution_api.datamodels.taskinstance import AssetEventDagRunReference as Served
    from airflow.sdk.api.datamodels._generated import AssetEventDagRunReference as Received
    from airflow.sdk.execution_time import comms

    event = {"asset": {"name": "n", "uri": "partnero://a/b", "extra": {}}, "extra": json.loads(json.dumps(extra))}
    sources = dict.fromkeys(("source_task_id", "source_dag_id", "source_run_id", "source_map_index"))
    served = Served.model_validate(event | sources | {"source_aliases": [], "timestamp": datetime.now(UTC)})
    received = Received.model_validate_json(served.model_dump_json())
    frame = comms._ResponseFrame(id=0, body=received.model_dump()).as_bytes()
    arrived = msgspec.msgpack.Decoder(comms._ResponseFrame).decode(bytes(frame)[4:])
    return Received.model_validate(arrived.body).extra


def _through_xcom(value: Any) -> Any:
    """As a task returns a value, and another task gets it."""
    import msgspec
    from airflow.sdk.execution_time import comms
    from airflow.sdk.serde import deserialize, serialize

    sent = comms.SetXCom(key="k", value=serialize(value), dag_id="d", run_id="r", task_id="t")
    frame = comms._RequestFrame(id=0, body=sent.model_dump()).as_bytes()
    arrived = comms.SetXCom.model_validate(msgspec.msgpack.Decoder(comms._RequestFrame).decode(bytes(frame)[4:]).body)
    return deserialize(json.loads(json.dumps(arrived.value)))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("9" * 5000, "9" * 5000),
        ("[1e400, -1e400]", ["1e400", "-1e400"]),
        ("1" + "0" * 400 + ".5", "1" + "0" * 400 + ".5"),
        ("1.0E+25", 1e25),
        ("-0.0", -0.0),
        ("5e-324", 5e-324),
        ("1e-400", 0.0),
        ("0." + "1" * 400, 1 / 9),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_number_beyond_64_bits_or_a_double_is_text_and_others_are_numbers(text: str, stored: Any) -> None:
    data, marks = _stored(text)
    assert repr(data) == repr(stored)  # tells 1 from 1.0, and 0.0 from -0.0
    assert marks == ({"large numbers"} if "'" in repr(stored) else set())


@pytest.mark.parametrize("name", [*RESERVED, "__", "__anything"])
def test_a_name_that_airflow_reserves_is_renamed(name: str) -> None:
    assert _stored(json.dumps({"a": [{name: {name: "dict"}}]})) == (
        {"a": [{f"partnero{name}": {f"partnero{name}": "dict"}}]},
        {"reserved names"},
    )


@pytest.mark.parametrize(
    ("text", "stored", "marks"),
    [
        ('{"__a": 1, "partnero__a": 2}', {"partnero__a (2)": 1, "partnero__a": 2}, {"reserved names"}),
        ('{"\\ud800": 1, "\\udfff": 2}', {"\ufffd": 1, "\ufffd (2)": 2}, {"characters"}),
        (
            '{"\\ud800": 1, "\ufffd": 2, "\ufffd (2)": 3}',
            {"\ufffd (3)": 1, "\ufffd": 2, "\ufffd (2)": 3},
            {"characters"},
        ),
        ('{"\\u0000__": 1}', {"\ufffd__": 1}, {"characters"}),
        ('{"": 1, "_": 2}', {"": 1, "_": 2}, set()),
        ('{"a": 1, "a": 2}', {"a": 2}, set()),
        ('"\\ud83d\\ude00 \\ud83d"', "\U0001f600 \ufffd", {"characters"}),
    ],
)
def test_no_field_is_lost_when_it_gets_another_name(text: str, stored: Any, marks: set[str]) -> None:
    assert _stored(text) == (stored, marks)


def test_long_names_are_cut_and_stay_apart() -> None:
    data, marks = _stored(json.dumps({"n" * 70_000: 1, "n" * 80_000: 2}))
    assert data == {"n" * 16_000: 1, "n" * 16_000 + " (2)": 2}
    assert marks == {"long names"}


@pytest.mark.parametrize("levels", [DEEPEST, DEEPEST + 1, DEEPEST + 2, 600, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a": ', "}"), ('[ "]}\\"[[", ', "\t]")])
def test_deep_parts_are_their_own_text(levels: int, opening: str, closing: str) -> None:
    data, marks = _stored(f"{opening * levels}1{closing * levels}")
    for _ in range(min(levels, DEEPEST)):
        data = data["a"] if isinstance(data, dict) else data[-1]
    deeper = max(0, levels - DEEPEST)
    assert data == (f"{opening * deeper}1{closing * deeper}" if deeper else 1)
    assert marks == ({"deep parts"} if deeper else set())


# A text that is stored as it is, and does not begin as a deep part does.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3).map("x".__add__)
SHALLOW = st.recursive(st.none() | TEXTS, lambda inner: st.lists(inner, max_size=2), max_leaves=5)


@given(SHALLOW, st.integers(DEEPEST - 3, DEEPEST))
def test_each_deep_part_is_found_wherever_it_is(value: Any, shell: int) -> None:
    text = json.dumps(value)
    whole, _ = _stored("[" * shell + f'{text}, "[", {text}' + "]" * shell)
    for _ in range(shell - 1):
        [whole] = whole
    for part in (whole[0], whole[2]):
        assert _with_texts_read(part) == value
    assert whole[1] == "["


def _with_texts_read(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts_read(item) for item in value]
    return json.loads(value) if isinstance(value, str) and value[:1] == "[" else value


def test_a_long_list_of_shallow_objects_is_not_deep() -> None:
    many = json.dumps([{"a": [1]}] * 1000)
    assert _stored(many) == (json.loads(many), set())


@given(st.binary(max_size=40) | st.text(st.sampled_from('[]{}",:1\\ue '), max_size=60).map(str.encode))
def test_a_body_is_read_exactly_when_it_is_json(body: bytes) -> None:
    try:
        expected = json.loads(body.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are those of Python's reader
            parse_body(body)
    else:
        assert parse_body(body).value == expected


def test_a_kept_field_is_named_as_partnero_names_it() -> None:
    delivery = PartneroDelivery.from_body(enveloped('{"__meta": {"__id": 1, "b": 2}}'))
    assert delivery.to_extra(KeptFields(("data.__meta.__id",)))["data"] == {"partnero__meta": {"partnero__id": 1}}


def test_the_marks_are_words_that_others_may_rely_on() -> None:
    assert [mark.value for mark in Mark] == [
        "large numbers",
        "deep parts",
        "characters",
        "reserved names",
        "long names",
    ]


PHP = r"""
$floats = [1.0E+25, -0.0, 0.1, 1e-320, PHP_FLOAT_MAX, (float) PHP_INT_MAX + 1];
$deep = 1; for ($i = 0; $i < 600; $i++) { $deep = $i % 2 ? [$deep] : ['a' => $deep]; }
$odd = ['' => 1, '__type' => 'dict', '__var' => ['a' => 1], '__classname__' => 'x', "\u{0}" => "\u{0}",
        'ü/"\\' => "\u{1F600}"];
$data = ['floats' => $floats, 'integers' => [PHP_INT_MAX, PHP_INT_MIN], 'odd' => $odd, 'deep' => $deep,
         'empty' => [], 'object' => (object) [], 'filtered' => array_filter([1, 0, 3]), 'latin' => "\xe9"];
$plain = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;
foreach ([0, JSON_PRESERVE_ZERO_FRACTION, $plain, JSON_NUMERIC_CHECK] as $flags) {
    foreach ([17, -1] as $precision) {
        ini_set('serialize_precision', $precision);
        $flags |= JSON_INVALID_UTF8_SUBSTITUTE;
        echo json_encode(['event' => 'e', 'webhook_key' => 'k', 'data' => $data], $flags, 2000), "\n";
    }
}
"""


@pytest.mark.skipif(shutil.which("php") is None, reason="needs php-cli, which writes as Partnero does")
def test_what_php_writes_is_taken_and_is_unharmed_by_airflows_context_and_xcom() -> None:
    written = subprocess.run(["php", "-r", PHP], capture_output=True, check=True, timeout=600).stdout.splitlines()
    assert len(written) == 8
    for body in written:
        delivery = PartneroDelivery.from_body(body)
        assert set(delivery.changed) == {"deep parts", "characters", "reserved names"}
        assert delivery.data["integers"] == [2**63 - 1, -(2**63)]
        assert delivery.data["floats"][0] == 1e25
        assert delivery.data["odd"]["partnero__var"] == {"a": 1}
        assert _through_the_context({"data": delivery.data}) == {"data": delivery.data}
        assert _through_xcom(delivery.data) == delivery.data
