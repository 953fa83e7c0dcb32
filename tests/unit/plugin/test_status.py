"""What ``/partnero/status`` says."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_partnero.ledger.overview import Overview
from airflow_provider_partnero.plugin import status
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.plugin.status import ReceiverStatus

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Ledger:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.readings = 0
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def read(self, *_: Any) -> Overview:
        self.readings += 1
        self.begun.set()
        self.goes_on.wait()
        return Overview((), {"24 h": {"accepted": 100_000, "paused": 3}}, ())


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    ledger = Ledger()
    monkeypatch.setattr(status, "read_overview", ledger.read)
    return ledger


def _status(clock: list[float]) -> ReceiverStatus:
    return ReceiverStatus(receiver_settings(), Counter(accepted=2), lambda: clock[0], lambda: NOW)


def test_it_is_plain_json_with_the_settings_the_answers_and_the_ledger(ledger: Ledger) -> None:
    told = json.loads(json.dumps(_status([0.0]).read()))
    assert told == {
        "receiver_enabled": False,
        "connections": ["partnero_default"],
        "store": "full",
        "keep_days": 91,
        "max_body_kb": 256,
        "answered_by_this_process": {"accepted": 2},
        "ledger": {
            "read_at": "2026-11-26T00:00:00+00:00",
            "deliveries": {"24 h": {"accepted": "100000 or more", "paused": 3}},
            "last_deliveries": [],
            "waiting": [],
        },
    }


def test_the_ledger_is_read_once_in_five_seconds(ledger: Ledger) -> None:
    clock = [100.0]
    page = _status(clock)
    readings = []
    for waited in (0, 5, 0.1):
        clock[0] += waited
        page.read()
        readings.append(ledger.readings)
    assert readings == [1, 1, 2]


def test_many_who_ask_at_once_cause_one_reading(ledger: Ledger) -> None:
    ledger.goes_on.clear()
    page = _status([0.0])
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(page.read) for _ in range(8)]
        ledger.begun.wait()
        ledger.goes_on.set()
        assert all(one.result()["ledger"]["waiting"] == [] for one in asked)
    assert ledger.readings == 1


def test_a_database_that_refuses_is_told_without_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Overview:
        raise LookupError("no such table: partnero_delivery\n[SQL: SELECT secret]")

    monkeypatch.setattr(status, "read_overview", refuse)
    told = _status([0.0]).read()
    assert told["ledger"] == {"problem": "LookupError: no such table: partnero_delivery"}


def test_a_bad_option_is_told_by_its_message(ledger: Ledger) -> None:
    page = ReceiverStatus(ValueError("[partnero] keep_days = '0': must be a whole number"), Counter())
    assert page.read() == {
        "problem": "[partnero] keep_days = '0': must be a whole number",
        "answered_by_this_process": {},
    }
    assert ledger.readings == 0
