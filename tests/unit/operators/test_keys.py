"""Derived keys: the same in all versions, different for different parts, and valid for Partnero."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_partnero.operators.keys import derived_key

parts = st.lists(st.one_of(st.text(max_size=30), st.integers()), max_size=6).map(tuple)


# Computed by hand: SHA-256 of the JSON, as a big-endian number, its last twelve digits to base 62, the lowest first.
@pytest.mark.parametrize(
    ("given_parts", "key"),
    [
        (("partnero_default", "dag", "task", "run", -1), "Q83YDFDrNYJe"),
        (("partnero_default", "dag", "task", "run", 0), "nQ4iHFWjcVcd"),
        (("ü", "日本", "'\"", "\\", 7), "ZDXUjxBHw2iz"),
        ((), "zwzVI1aqrjpK"),
    ],
)
def test_a_key_stays_the_same_in_every_version(given_parts: tuple[str | int, ...], key: str) -> None:
    assert derived_key(*given_parts) == key


@given(parts)
def test_a_key_is_twelve_ascii_letters_and_digits(given_parts: tuple[str | int, ...]) -> None:
    key = derived_key(*given_parts)
    assert len(key) == 12
    assert key.isascii()
    assert key.isalnum()


@given(parts, parts)
def test_different_parts_make_different_keys(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert (derived_key(*one) == derived_key(*other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("1",), (1,)),
        (("a", "b"), ('a", "b',)),
        (("a", ""), ("a",)),
        (("é",), ("e\u0301",)),
    ],
)
def test_parts_never_run_into_each_other(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert derived_key(*one) != derived_key(*other)


def test_a_key_does_not_depend_on_the_process() -> None:
    code = "from airflow_provider_partnero.operators.keys import derived_key as k; print(k('a', 1))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {derived_key("a", 1)}
