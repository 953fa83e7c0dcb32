"""The page about personal data: what it claims is so."""

from __future__ import annotations

import json
import logging
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.hooks.connection import store_of
from airflow_provider_partnero.ledger import entries
from airflow_provider_partnero.webhooks import storable
from airflow_provider_partnero.webhooks.delivery import STORES, KeptFields, PartneroDelivery, read_store

PAGE = (Path(__file__).parents[2] / "airflow_provider_partnero" / "docs" / "personal_data.md").read_text("utf-8")
BODY = {
    "event": "transaction.created",
    "url": "https://airflow.example/partnero/webhooks/partnero_default",
    "webhook_key": "abcdefghij12",
    "created_at": "2025-05-07T10:30:00.000000Z",
    "data": {
        "key": "tx-1",
        "amount": 99.9,
        "partner": {"key": "p_1", "email": "zoe@person.example"},
        "rewards": [{"amount": 1, "id": "r-1"}, {"amount": 2}],
    },
}


def _table(name: str) -> dict[str, str]:
    """The first two columns of a marked table."""
    rows = PAGE.split(f"<!-- {name} -->\n")[1].split(f"<!-- end of {name} -->")[0].splitlines()[2:]
    cells = [row.strip("|").split(" | ") for row in rows]
    return {re.sub(r"[` ]*(\(default\))?[` ]*$", "", one.strip(" `")): other.strip() for one, other in cells}


def _kept(store: str) -> dict[str, Any]:
    return PartneroDelivery.from_body(json.dumps(BODY).encode()).to_extra(read_store(store))


def test_the_table_has_the_four_ways_and_each_is_read() -> None:
    ways = _table("ways")
    assert {way for way in ways if not isinstance(read_store(way), KeptFields)} == set(STORES)
    assert len(ways) == len(STORES) + 1


def test_each_way_keeps_what_its_line_says() -> None:
    envelope = {"delivery_id", "event", "webhook_key", "created_at"}
    assert set(_kept("ids")) == envelope
    assert set(_kept("full")) == envelope | {"url", "data"}
    assert _kept("full")["data"] == BODY["data"]
    keys = _kept("data-keys")
    assert set(keys) == envelope | {"url", "data", "data_fields"}
    assert keys["data"] == {"key": "tx-1", "partner": {"key": "p_1"}}
    fields = _kept("data.key, data.amount, data.partner.key")
    assert set(fields) == envelope | {"data"}
    assert fields["data"] == {"key": "tx-1", "amount": 99.9, "partner": {"key": "p_1"}}
    assert f"`{'`, `'.join(['delivery_id', 'event', 'webhook_key', 'created_at'])}`" in PAGE


def test_the_default_is_full_and_the_days_are_those_of_the_options() -> None:
    options = get_provider_info()["config"]["partnero"]["options"]
    assert options["store"]["default"] == "full"
    assert f"`[partnero] keep_days` ({options['keep_days']['default']})" in PAGE
    assert "from 1 to 3,650" in options["keep_days"]["description"]
    assert f"for at least {entries.KEPT_FOR.days} days" in PAGE


def test_the_connection_of_the_page_keeps_the_amount_of_each_reward() -> None:
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
    made: dict[str, Any] = {}
    exec(code, made)
    store = store_of(made["shop"])
    assert isinstance(store, KeptFields)
    assert _kept(str(store))["data"] == {"key": "tx-1", "amount": 99.9, "rewards": [{"amount": 1}, {"amount": 2}]}


def test_the_notes_about_fields_hold() -> None:
    assert _kept("data.partner")["data"] == {"partner": BODY["data"]["partner"]}  # type: ignore[index]
    assert _kept("data.Key, data.amount.x")["data"] == {}
    with pytest.raises(ValueError, match="up to 64 fields"):
        read_store("everything")


def test_the_marks_are_all_there_are_and_their_limits_are_the_real_ones() -> None:
    marks = _table("marks")
    assert list(marks) == [mark.value for mark in storable.Mark]
    assert f"deeper than {storable.DEEPEST} levels" in marks["deep parts"]
    assert storable.storable_name("__type") == "partnero__type"
    assert len(storable.storable_name("n" * 20_000)) == 16_000
    assert "16,000" in marks["long names"]


def test_neither_repr_nor_errors_nor_logs_of_reading_show_data(caplog: pytest.LogCaptureFixture) -> None:
    bodies = [json.dumps(BODY), json.dumps(BODY | {"event": None}), json.dumps(BODY)[:-2], json.dumps([BODY])]
    told = []
    with caplog.at_level(logging.DEBUG):
        for body in bodies:
            try:
                told.append(repr(PartneroDelivery.from_body(body.encode())))
            except ValueError as error:
                told += [str(error), repr(error.__cause__)]
    assert len(told) == 7
    assert "person.example" not in "".join(told) + caplog.text


def test_airflow_cleans_the_tables_that_the_page_names() -> None:
    from airflow.utils.db_cleanup import config_dict

    [command] = re.findall(r"^airflow db clean .*$", PAGE, re.M)
    words = shlex.split(command)
    assert set(words[words.index("--tables") + 1].split(",")) <= config_dict.keys()


def test_the_command_of_the_page_can_be_read() -> None:
    from airflow_provider_partnero.ledger.forgetting import DataMatch

    [match] = re.findall(r"deliveries forget --data-match (\S+)$", PAGE, re.M)
    delivery = PartneroDelivery.from_body(json.dumps(BODY).encode())
    assert DataMatch.parse(match).is_in(delivery.to_extra("full"))
    assert not DataMatch.parse(match).is_in(delivery.to_extra("ids"))


def test_a_connection_without_the_field_leaves_it_to_the_configuration() -> None:
    connection: Any = SimpleNamespace(conn_id="x", extra=None)
    assert store_of(connection) is None
