"""The page about the probe: its snippet is a DAG, and what it tells is what the operator does."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from airflow_provider_partnero.operators import journey, probe
from airflow_provider_partnero.operators.hops import WayLimits
from airflow_provider_partnero.operators.probe import PartneroProbeReceiverOperator
from airflow_provider_partnero.webhooks.probe import SLOW, ProbeAnswer, judge_php, probe_bodies

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "probe.md").read_text("utf-8")
TEXT = " ".join(PAGE.split())


def test_the_snippet_is_a_dag() -> None:
    [snippet] = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(snippet, names)
    assert names["PartneroProbeReceiverOperator"] is PartneroProbeReceiverOperator


def test_the_failure_of_the_page_is_the_operators() -> None:
    refused = ProbeAnswer(401, content=b'{"status": "unauthorized"}')
    hop = judge_php(refused, probe_bodies("k", "https://a.example", "2026-11-26T12:00:00.000000Z", "n", 4096))
    assert f"ends at the hop {hop.name!r}: {hop.problem}. {hop.remedy}" in TEXT


def test_the_hops_of_the_page_are_those_of_the_code() -> None:
    table = PAGE.split("| hop | what may be wrong there |\n| --- | --- |\n")[1].split("\n\n")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    code = "".join(inspect.getsource(module) for module in (journey, probe, inspect.getmodule(judge_php)) if module)
    code += inspect.getsource(inspect.getmodule(WayLimits) or probe)
    assert [name for name in told if f'"{name}"' not in code] == []
    assert told >= set(re.findall(r'(?:Hop|_broken)\(\s*"(\w+)"', code))


def test_the_result_of_the_page_is_json_with_the_fields_of_the_docstring() -> None:
    [example] = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    documented = inspect.getdoc(PartneroProbeReceiverOperator) or ""
    assert [name for name in json.loads(example) if f'"{name}"' not in documented] == []


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    limits = WayLimits()
    assert f"waits {limits.hop:g} seconds for a name, an address and a certificate and {limits.exchange:g} for" in TEXT
    assert limits.whole == 120
    assert f"the {SLOW:g} seconds after which Partnero probably gives up" in TEXT
    parameters = inspect.signature(PartneroProbeReceiverOperator).parameters
    assert f"within `warn_days` ({parameters['warn_days'].default})" in TEXT
    assert journey._MOST_WEBHOOKS == 5
