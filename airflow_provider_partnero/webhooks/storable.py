"""What of a delivery's data can be stored, handed to a task and back, and what has to be changed for it."""

from __future__ import annotations

import math


def storable_text(text: str) -> str:
    """The text as every database can store it: lone surrogates and NUL become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return repaired.replace("\0", "\N{REPLACEMENT CHARACTER}")


def finite_float(text: str) -> float:
    """The number in a text.

    :raises ValueError: it is none, or beyond the range of a double.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
