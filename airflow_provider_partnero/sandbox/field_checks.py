"""Checks of what tests ask for, with messages that name the field, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 1_000_000_000
"""The largest number; in seconds, an HTTP date can still express a time so far ahead."""


def check_text(name: str, value: object) -> None:
    """:raises ValueError: a value is neither text nor None."""
    if not (value is None or isinstance(value, str)):
        raise ValueError(f"{name} is {value!r}; allowed: text")


def check_number(name: str, value: object, least: int, most: int = MOST) -> None:
    """:raises ValueError: a value is neither a number in this range nor None."""
    if not (value is None or (isinstance(value, int | float) and least <= value <= most)):
        raise ValueError(f"{name} is {value!r}; allowed: {least} to {most}")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """:raises ValueError: a value is neither one of these nor None."""
    if value is not None and value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(repr, allowed))}")
