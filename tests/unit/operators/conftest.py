"""The operators' clients do not wait between attempts, nor between two looks for a webhook."""

from __future__ import annotations

import pytest

from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.hooks.partnero import PartneroHook


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PartneroHook, "clock", Clock(wait=lambda _seconds, _stopped: None))
