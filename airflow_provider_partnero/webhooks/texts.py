"""Makes texts from outside safe to show in logs, tables and pages."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.api.quoting import shortened

# Letters, marks and symbols by Unicode's books that nobody sees: fillers, joiners, variation selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Marks above, below and across letters. A pile of them reaches into the lines around it; no language needs five on one.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06dc\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_PILED = re.compile(f"(?<=[{_MARKS}]{{4}})[{_MARKS}]+")
_FORMULA_STARTS = ("=", "+", "-", "@")


def visible(text: str) -> str:
    """The text with every invisible character written out, such as ``<U+202E>``.

    This covers control characters, line breaks, bidirectional marks, zero-width characters, blank letters and lone
    surrogates, and of the marks on one letter those after the fourth. The result is one line, covers no other, reads in
    the order in which it is written, and can be encoded and stored anywhere.
    """
    if text.isprintable() and (text.isascii() or not (_UNSEEN.search(text) or _PILED.search(text))):
        return text
    text = _PILED.sub(lambda marks: "".join(map(_written_out, marks[0])), text)
    return "".join(_written_out(letter) if _is_unseen(letter) else letter for letter in text)


def visible_start(text: str, longest: int) -> str:
    """The visible text, or its beginning and an ellipsis, in at most ``longest`` characters (from 1).

    It costs no more for a longer text, since what is cut off is not looked at.
    """
    return shortened(visible(text[: longest + 1]), longest)


def visible_json(plain: Any) -> str:
    """JSON in lines, with the characters written out that nobody sees."""
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    return "\n".join(map(visible, text.split("\n")))


def quoted(text: str, longest: int = 60) -> str:
    """The text in double quotes, visible and shortened, for use in a sentence."""
    return f'"{visible_start(text, longest)}"'


def cell(text: str, longest: int = 120) -> str:
    """The text for a cell of a table: visible, shortened, and not a formula if it is pasted into a spreadsheet.

    A leading ``=``, ``+``, ``-`` or ``@`` gets an apostrophe before it, which tells spreadsheets that this is text.
    """
    shown = visible_start(text, longest)
    return f"'{shown}" if starts_formula(shown) else shown


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet may take the text for a formula."""
    return text.lstrip().startswith(_FORMULA_STARTS)


def program_label(program: Program) -> str:
    """``Demo (Affiliate)``: the programme's name and type, as far as they are known, on one line."""
    name, type_ = visible_start(program.name, 80), visible_start(program.type, 40)
    return f"{name} ({type_})" if name and type_ else name or f"({type_})"


def listed(texts: list[str] | tuple[str, ...], *, most: int = 3, total: int | None = None) -> str:
    """``a, b and c``, or ``a, b, c and 7 more``.

    :param most: how many to name.
    :param total: how many there are, if ``texts`` only holds the first of them.
    """
    total = len(texts) if total is None else total
    named = list(texts[:most])
    if total > len(named):
        return f"{', '.join(named)} and {total - len(named):,} more"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)


def columns(text: str) -> int:
    """How many columns the text takes in a terminal: a wide character takes two, a combining one none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(letter) for letter in text)


def padded(text: str, width: int) -> str:
    """The text followed by spaces up to ``width`` columns."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns, broken at spaces where there are any.

    :param width: from 2, since a wide character takes two.
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, width)
        lines += whole
    return [*lines, line] if line else lines


def counted(number: int, noun: str) -> str:
    """``1 webhook``, ``2 webhooks``, ``10,000 webhooks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _pieces(word: str, width: int) -> list[str]:
    """The word in pieces of at most ``width`` columns; at least one."""
    pieces = [""]
    room = width
    for letter in word:
        taken = columns(letter)
        if taken > room:
            pieces.append("")
            room = width
        pieces[-1] += letter
        room -= taken
    return pieces


def _written_out(letter: str) -> str:
    return f"<U+{ord(letter):04X}>"


def _is_unseen(letter: str) -> bool:
    return not letter.isprintable() or _UNSEEN.match(letter) is not None


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
