"""How texts from outside are made visible and short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.api.quoting import shortened
from airflow_provider_partnero.webhooks import texts
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.texts import columns, visible, visible_start, wrapped

from .builders import thorough, webhook


@thorough
@given(st.text(max_size=30), st.integers(min_value=1, max_value=40))
def test_the_start_of_a_visible_text_is_that_of_the_whole(text: str, longest: int) -> None:
    assert visible_start(text, longest) == shortened(visible(text), longest)


@thorough
@given(st.text(max_size=60), st.integers(min_value=2, max_value=20))
def test_wrapped_text_loses_nothing_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(columns(line) <= width for line in lines)


def test_text_is_wrapped_at_spaces_and_a_long_word_is_broken() -> None:
    assert wrapped("a bc https://x.example/yz 日本語", 10) == ["a bc", "https://x.", "example/yz", "日本語"]
    assert wrapped("", 10) == []


def test_what_no_report_shows_of_a_long_name_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    is_unseen = texts._is_unseen

    def noted(letter: str) -> bool:
        looked_at.append(letter)
        return is_unseen(letter)

    monkeypatch.setattr(texts, "_is_unseen", noted)
    name = "\u202e" * 100_000
    report = audit([webhook(name=name, url="http://localhost/", is_active=False, events=(name,))])
    assert report.counts["findings"] > 2
    assert name not in str(report.to_dict())
    report.to_table()
    assert 0 < len(looked_at) < 10_000
