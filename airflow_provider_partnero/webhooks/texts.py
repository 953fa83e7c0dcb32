"""Texts that somebody else chose, made fit to be shown: in logs, tables, pages and databases."""

from __future__ import annotations

import unicodedata

_FORMULA_STARTS = ("=", "+", "-", "@")


def visible(text: str) -> str:
    """The text with every character that cannot be seen written out, such as ``<U+202E>``.

    Control characters, line breaks, bidirectional marks, zero-width characters and lone surrogates all go this way, so
    that the result is one line, reads in the order it is written, and can be encoded and stored anywhere.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else f"<U+{ord(letter):04X}>" for letter in text)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, in at most ``longest`` characters (from 1)."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def quoted(text: str, longest: int = 60) -> str:
    """The text in double quotes, visible and shortened, for use within a sentence."""
    return f'"{shortened(visible(text), longest)}"'


def cell(text: str, longest: int = 120) -> str:
    """The text for a table's cell: visible, shortened, and no formula when it is pasted into a spreadsheet.

    An apostrophe goes before a leading ``=``, ``+``, ``-`` or ``@``, which spreadsheets take for "this is text".
    """
    shown = shortened(visible(text), longest)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_STARTS) else shown


def listed(texts: list[str] | tuple[str, ...], *, most: int = 3, total: int | None = None) -> str:
    """``a, b and c``, or ``a, b, c and 7 more``.

    :param most: how many are named.
    :param total: how many there are, where ``texts`` holds only the first of them.
    """
    total = len(texts) if total is None else total
    named = list(texts[:most])
    if total > len(named):
        return f"{', '.join(named)} and {total - len(named):,} more"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(letter) for letter in text)


def padded(text: str, width: int) -> str:
    """The text followed by spaces up to ``width`` columns."""
    return text + " " * (width - columns(text))


def counted(number: int, noun: str) -> str:
    """``1 webhook``, ``2 webhooks``, ``10,000 webhooks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
