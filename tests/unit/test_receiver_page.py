"""The page about the receiver: its snippets run as they stand there, and its numbers are the code's."""

from __future__ import annotations

import base64
import re
import shlex
import sys
from configparser import ConfigParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.drain.raw_delivery import RawDelivery
from airflow_provider_partnero.operators.partnero import (
    PartneroDrainDeliveriesOperator,
    PartneroRegisterReceiverOperator,
)
from airflow_provider_partnero.standalone import drain_once, prompt_senders, serving
from airflow_provider_partnero.standalone.arguments import _parser

DOCS = Path(__file__).parents[2] / "airflow_provider_partnero" / "docs"
PAGE = (DOCS / "receiver.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The page's snippets in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def edge_function(monkeypatch: pytest.MonkeyPatch, kept: dict[str, bytes]) -> Any:
    """The page's function, with a bucket that is a dict."""

    def put_object(*, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - AWS' names
        assert Bucket == "my-bucket"
        kept[Key] = Body

    boto3 = ModuleType("boto3")
    vars(boto3)["client"] = {"s3": SimpleNamespace(put_object=put_object)}.__getitem__
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    monkeypatch.setenv("BUCKET", "my-bucket")
    [code] = [code for code in blocks("python") if "boto3" in code]
    space: dict[str, Any] = {}
    exec(code, space)
    return space["handler"]


def event(body: bytes, *, as_base64: bool = False, **changes: Any) -> dict[str, Any]:
    """What AWS hands to a function behind a function URL."""
    return {
        "version": "2.0",
        "rawPath": "/partnero/webhooks/partnero_default",
        "headers": {"content-type": "application/json", "signature": "ab" * 32, "host": "x.lambda-url.eu.on.aws"},
        "requestContext": {"http": {"method": "POST"}},
        "body": base64.b64encode(body).decode() if as_base64 else body.decode(),
        "isBase64Encoded": as_base64,
        **changes,
    }


@pytest.mark.parametrize("as_base64", [False, True])
def test_the_edge_function_keeps_every_byte_in_the_form_that_the_drain_reads(
    monkeypatch: pytest.MonkeyPatch, as_base64: bool
) -> None:
    kept: dict[str, bytes] = {}
    handler = edge_function(monkeypatch, kept)
    body = '{"event":"transaction.created", "note": "é\\/\\u00e9 "}'.encode()
    assert handler(event(body, as_base64=as_base64), None) == {"statusCode": 202}
    [(name, stored)] = kept.items()
    delivery = RawDelivery.from_bytes(stored)
    assert (delivery.conn_id, delivery.body) == ("partnero_default", body)
    assert delivery.headers["signature"] == ("ab" * 32,)
    assert re.fullmatch(r"deliveries/\d{20}-[0-9a-f]{32}\.json", name)


def test_the_edge_function_keeps_what_is_no_delivery_out_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, bytes] = {}
    handler = edge_function(monkeypatch, kept)
    assert handler(event(b"{}", rawPath="/favicon.ico"), None) == {"statusCode": 404}
    assert handler(event(b"{}", requestContext={"http": {"method": "GET"}}), None) == {"statusCode": 404}
    assert handler(event(b"{}", headers={}), None) == {"statusCode": 400}
    assert handler(event(b"x" * 262_145), None) == {"statusCode": 400}
    assert kept == {}


def test_the_edge_function_names_what_came_later_later(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, bytes] = {}
    handler = edge_function(monkeypatch, kept)
    for _ in range(50):
        handler(event(b"{}"), None)
    assert list(kept) == sorted(kept)


def test_the_form_of_a_stored_delivery_is_as_shown() -> None:
    [shown] = blocks("json")
    assert RawDelivery.from_bytes(shown.encode()).body == b'{"event": ...}'


def test_a_raw_delivery_as_the_page_shows_it_has_the_headers_that_the_receiver_asks_for() -> None:
    [shown] = blocks("json")
    headers = RawDelivery.from_bytes(shown.encode()).headers
    assert headers["content-type"] == ("application/json",)
    assert "signature" in headers


def test_the_dags_of_the_page_are_valid(tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    for number, code in enumerate(code for code in blocks("python") if "DAG(" in code):
        (tmp_path / f"dag_{number}.py").write_text(code, encoding="utf-8")
    bag = DagBag(tmp_path)
    assert bag.import_errors == {}
    tasks = [task for dag in bag.dags.values() for task in dag.tasks]
    kinds = {PartneroRegisterReceiverOperator.__name__, PartneroDrainDeliveriesOperator.__name__}
    assert {task.task_type for task in tasks} == kinds


def test_the_commands_of_the_page_are_the_programs() -> None:
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    commands += re.findall(r"^ExecStart=/opt/airflow/venv/bin/(.*)$", PAGE, re.MULTILINE)
    commands += re.findall(r"the command is `([^`]+)`", PAGE)
    assert len(commands) == 4
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "partnero-receiver"
        _parser().parse_args(arguments)


def test_the_configuration_of_the_page_is_what_the_provider_declares() -> None:
    shown = ConfigParser()
    shown.read_string("".join(blocks("ini")))
    assert set(shown["partnero"]) <= set(get_provider_info()["config"]["partnero"]["options"])
    assert shown["partnero"]["max_body_kb"] == "256"
    assert "client_max_body_size 256k;" in PAGE


def test_the_probes_of_kubernetes_ask_for_the_two_pages_at_the_default_port() -> None:
    [block] = blocks("yaml")
    asked = [probe["httpGet"] for probe in yaml.safe_load(block).values()]
    assert [one["path"] for one in asked] == ["/healthz", "/readyz"]
    assert {one["port"] for one in asked} == {_parser().get_default("port")}


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"within {prompt_senders.HEADERS_WITHIN:.0f} seconds" in PAGE
    assert f"the oldest first when {prompt_senders.MOST_UNASKED} wait" in PAGE
    assert f"headers have more than {serving._LARGEST_HEADERS // 1024} KiB" in PAGE
    assert f"is gone after {serving._TO_FINISH}" in PAGE
    assert f"it stays {drain_once._UNTIL_RUNS_ARE_SEEN:.0f} seconds more" in PAGE


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert len(links) >= 3
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_every_snippet_of_the_page_is_run_here_or_with_nginx() -> None:
    languages = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    assert set(languages) == {"ini", "bash", "systemd", "yaml", "nginx", "python", "json"}
    assert languages.count("nginx") == 1
