"""The two limits of the receiver: how much is sent, and how much is remembered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.plugin.receiver.budget import Budget
from airflow_provider_partnero.plugin.receiver.memory import Memory


def test_a_budget_is_spent_at_once_and_comes_back_evenly() -> None:
    now = [0.0]
    budget = Budget(60, lambda: now[0])
    assert [budget.spend() for _ in range(61)] == [True] * 60 + [False]
    now[0] = 10.0
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 10_000.0
    assert [budget.spend() for _ in range(61)] == [True] * 60 + [False]


@given(st.lists(st.floats(0, 20), max_size=300), st.integers(1, 30))
def test_no_minute_sees_more_than_two_budgets(pauses: list[float], per_minute: int) -> None:
    now = [0.0]
    budget = Budget(per_minute, lambda: now[0])
    spent = []
    for pause in pauses:
        now[0] += pause
        if budget.spend():
            spent.append(now[0])
    for moment in spent:
        assert len([one for one in spent if moment <= one < moment + 60]) <= 2 * per_minute


@given(st.lists(st.integers(0, 20), max_size=200), st.integers(1, 10))
def test_a_memory_keeps_what_was_used_last(keys: list[int], most: int) -> None:
    memory: Memory[int, int] = Memory(most, lambda: 0.0)
    used: list[int] = []
    for key in keys:
        if memory.get(key, 1) is None:
            memory.put(key, key)
        used = [one for one in used if one != key] + [key]
    assert dict(memory.items()) == {key: key for key in used[-most:]}


def test_a_memory_forgets_with_age_and_when_told() -> None:
    now = [0.0]
    memory: Memory[str, str] = Memory(9, lambda: now[0])
    memory.put("a", "value")
    assert memory.get("a", 10) == "value"
    now[0] = 10
    assert memory.get("a", 10) == "value"
    now[0] = 11
    assert memory.get("a", 10) is None
    assert memory.get("a", 20) == "value"
    memory.forget("a")
    memory.forget("never known")
    assert memory.get("a", 20) is None
