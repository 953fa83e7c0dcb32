"""In which form a command prints its result."""

from __future__ import annotations

from argparse import Namespace


def chosen_format(options: Namespace, *formats: str) -> str | None:
    """The format whose flag is given; None: text for people.

    :raises ValueError: two are given.
    """
    given = [name for name in formats if getattr(options, name)]
    if len(given) > 1:
        raise ValueError(f"--{given[0]} and --{given[1]}: give one of them")
    return given[0] if given else None
