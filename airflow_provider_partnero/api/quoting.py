"""Shows values in messages, bounded in length and in cost."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from itertools import islice
from typing import Any

MOST_PROBLEMS = 1_000
"""How many problems are looked for: a message lists the first ten, and says how many there are."""

_MOST_LISTED = 10

_LONGEST = 120  # characters of a value in a message
_LONGEST_URL = 2_000  # characters of a text in which the secrets of a URL are hidden
_MOST_ENTRIES = 8
_LARGEST_INT = 10_000  # bits; Python refuses to write out integers of more than 4,300 digits


def short_repr(value: object) -> str:
    """The value's ``repr``, or its beginning and an ellipsis, in at most 120 characters.

    The secrets of a URL are hidden, since it may have been given in the place of another argument.

    The cost is bounded as well: only the first entries of the first levels of a list or mapping are written out. In a
    structure of a few lists that hold each other many times over, the whole ``repr`` would never end.
    """
    return shortened(_SHORT.repr(value), _LONGEST)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, in at most ``longest`` characters (from 1)."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def enumerated(problems: Sequence[str]) -> str:
    """One problem as it is; of several, the first ten, a line each.

    :param problems: at least one; if there are more than ``MOST_PROBLEMS``, so many are enough.
    """
    if len(problems) == 1:
        return problems[0]
    first = [f"  {problem}" for problem in problems[:_MOST_LISTED]]
    left_out = [f"  and {len(problems) - len(first):,} more"] if len(problems) > len(first) else []
    at_least = "at least " if len(problems) >= MOST_PROBLEMS else ""
    return "\n".join([f"{at_least}{len(problems):,} problems:", *first, *left_out])


class _Short(reprlib.Repr):
    """``reprlib`` picks a method by the name of the value's type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = _MOST_ENTRIES

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002
        return repr(_without_secrets(x[:_LONGEST_URL])[:_LONGEST])

    def repr_bytes(self, x: bytes, level: int) -> str:  # noqa: ARG002
        return repr(x[:_LONGEST])

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002
        return repr(x) if x.bit_length() <= _LARGEST_INT else f"<a whole number of {x.bit_length()} bits>"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        entries = islice(x.items(), _MOST_ENTRIES)  # the original sorts all of them
        shown = [f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}" for key, value in entries]
        return "{" + ", ".join([*shown, *(["..."] if len(x) > len(shown) else [])]) + "}"

    def repr_instance(self, x: Any, level: int) -> str:
        for base in (dict, list, tuple, set, frozenset):
            if isinstance(x, base):  # a subclass
                shown: str = getattr(self, f"repr_{base.__name__}")(x, level)
                return shown
        try:
            return repr(x)
        except Exception:  # noqa: BLE001 - whatever a foreign __repr__ raises must not hide the message
            return f"<{type(x).__name__}>"


def _without_secrets(text: str) -> str:
    if "://" not in text:
        return text
    from airflow_provider_partnero.api.redaction import redact_url

    return redact_url(text)


_SHORT = _Short()
