"""Reads arguments after templating, since a template renders every value to text."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def as_flag(value: object, *, argument: str) -> bool:
    """A flag, from a bool or from its text (``True``, ``false``), which a template renders it to.

    :raises ValueError: ``value`` is anything else.
    """
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in {"true", "false"}:
        raise ValueError(f"{argument}={value!r}: must be True or False")
    return text == "true"


def as_optional_flag(value: object, *, argument: str) -> bool | None:
    """A flag as for :func:`as_flag`, or None if it is not given: None, ``"None"`` or an empty text."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    return as_flag(value, argument=argument)


def as_texts(value: Iterable[str] | str, *, argument: str) -> tuple[str, ...]:
    """Texts, from a list, from a list as text (``"['partner.created']"``), or from a text separated by commas.

    :raises ValueError: ``value`` is anything else, or a text that starts like a list but is not one.
    """
    if not isinstance(value, str):
        if not isinstance(value, Iterable):
            raise _list_error(value, argument)
        return tuple(value)
    text = value.strip()
    if not text.startswith(("[", "(")):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        parsed = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _list_error(value, argument) from None
    if isinstance(parsed, str):
        return (parsed,)
    if not isinstance(parsed, list | tuple):
        raise _list_error(value, argument)
    return tuple(parsed)


def _list_error(value: object, argument: str) -> ValueError:
    kind = "event names such as ['partner.created']" if "events" in argument else "texts"
    return ValueError(f"{argument}={value!r}: must be a list of {kind}")


def as_optional_text(value: str | None) -> str | None:
    """A text, or None if it is not given: None, ``"None"`` or an empty text."""
    return None if value is None or (isinstance(value, str) and value.strip() in {"", "None"}) else value


def as_optional_events(value: Iterable[str] | str | None) -> tuple[str, ...] | None:
    """Event names, or None if they are not given: None, ``"None"`` or an empty text."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    return as_texts(value, argument="events")
