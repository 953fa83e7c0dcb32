"""What a probe sends, and what it makes of any answer."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.sandbox.json_bytes import compact_json, php_json
from airflow_provider_partnero.webhooks.delivery import PartneroDelivery
from airflow_provider_partnero.webhooks.probe import (
    Hop,
    ProbeAnswer,
    ProbeBodies,
    judge_large,
    judge_php,
    judge_plain,
    probe_bodies,
)

from .builders import any_text, thorough


def _bodies(max_body: int = 4096, key: str = "wh_abc123") -> ProbeBodies:
    url = "https://airflow.example.com/partnero/webhooks/partnero_default"
    return probe_bodies(key, url, "2026-11-26T12:00:00.000000Z", "0" * 32, max_body)


BODIES = _bodies()


def test_each_body_is_a_delivery_of_the_probe() -> None:
    for body in (BODIES.plain, BODIES.spaced, BODIES.php, BODIES.large):
        delivery = PartneroDelivery.from_body(body)
        assert (delivery.event, delivery.webhook_key) == ("partnero_provider.probe", "wh_abc123")
        assert delivery.moment() is not None


def test_the_plain_body_survives_what_writes_json_anew() -> None:
    content = json.loads(BODIES.plain)
    in_go = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    assert {php_json(content), compact_json(content), in_go} == {BODIES.plain}


def test_the_spaced_body_survives_what_adds_spaces() -> None:
    assert json.dumps(json.loads(BODIES.spaced)).encode() == BODIES.spaced
    assert json.dumps(json.loads(BODIES.spaced), sort_keys=True).encode() == BODIES.spaced


def test_the_body_as_php_writes_it_survives_nothing_but_php() -> None:
    content = json.loads(BODIES.php)
    others = [compact_json(content), json.dumps(content).encode(), json.dumps(content, separators=(",", ":")).encode()]
    assert BODIES.php not in others
    assert b"\\/" in BODIES.php
    assert b"\\u00eb" in BODIES.php


@pytest.mark.parametrize("max_body", [1024, 256 * 1024, 10 * 1024 * 1024])
def test_the_large_body_stays_a_bit_below_the_limit(max_body: int) -> None:
    assert len(_bodies(max_body, "k" * 200).large) == max_body - 64


def _proven(body: bytes, **others: Any) -> ProbeAnswer:
    content = {"status": "probe", "body_sha256": hashlib.sha256(body).hexdigest(), "tables": "ok", **others}
    return ProbeAnswer(200, content=json.dumps(content).encode())


def test_only_the_digest_of_this_body_proves_it() -> None:
    assert judge_plain(_proven(BODIES.plain), None, BODIES, "k") == Hop("receiver")
    assert judge_php(_proven(BODIES.php), BODIES) == Hop("bytes")
    assert judge_large(_proven(BODIES.large), BODIES) == Hop("size")
    assert judge_php(_proven(BODIES.plain), BODIES).problem
    assert judge_plain(_proven(BODIES.plain, body_sha256=None), None, BODIES, "k").problem


ANSWERS = st.builds(
    ProbeAnswer,
    status=st.none() | st.integers(100, 999),
    problem=st.just("hung up"),
    content=st.binary(max_size=50)
    | st.dictionaries(
        st.sampled_from(["status", "tables", "body_sha256", "x"]), st.none() | st.sampled_from(["probe", "ok", "no"])
    ).map(lambda told: json.dumps(told).encode()),
    location=any_text,
)


@thorough
@given(ANSWERS, st.none() | ANSWERS, any_text)
def test_every_other_answer_is_a_broken_hop_with_a_remedy_on_one_line(
    answer: ProbeAnswer, spaced: ProbeAnswer | None, key: str
) -> None:
    for hop in (judge_plain(answer, spaced, BODIES, key), judge_php(answer, BODIES), judge_large(answer, BODIES)):
        assert hop.name in {"receiver", "secret", "bytes", "size", "tables"}
        assert hop.problem
        assert hop.problem.isprintable()
        assert hop.remedy.endswith(".")
        assert len(hop.problem) < 400
        assert hop.is_passing == (answer.status is None or answer.status in {408, 425, 429} or answer.status >= 500)
        assert json.loads(json.dumps(hop.to_dict()))["ok"] is False
