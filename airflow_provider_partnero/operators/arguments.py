"""Arguments after templating: a template renders to text, whatever it stood for."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def as_flag(value: object, *, argument: str) -> bool:
    """True or False, from themselves or from the text that a template makes of them.

    :raises ValueError: anything else.
    """
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in {"true", "false"}:
        raise ValueError(f"{argument}={value!r}: must be True or False")
    return text == "true"


def as_optional_flag(value: object, *, argument: str) -> bool | None:
    """Like :func:`as_flag`; None, and a template that renders to ``None`` or to nothing, mean "not given"."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    return as_flag(value, argument=argument)


def as_texts(value: Iterable[str] | str, *, argument: str) -> tuple[str, ...]:
    """Texts, from a list, from the text of one (``"['partner.created']"``), or separated by commas.

    :raises ValueError: something else, or a text that starts like a list and is none.
    """
    if not isinstance(value, str):
        if not isinstance(value, Iterable):
            raise _no_list(value, argument)
        return tuple(value)
    text = value.strip()
    if not text.startswith(("[", "(")):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        listed = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _no_list(value, argument) from None
    if isinstance(listed, str):
        return (listed,)
    if not isinstance(listed, list | tuple):
        raise _no_list(value, argument)
    return tuple(listed)


def _no_list(value: object, argument: str) -> ValueError:
    kind = "event names such as ['partner.created']" if "events" in argument else "texts"
    return ValueError(f"{argument}={value!r}: must be a list of {kind}")


def as_optional_text(value: str | None) -> str | None:
    """A text; None, and a template that renders to ``None`` or to nothing, mean "not given"."""
    return None if value is None or (isinstance(value, str) and value.strip() in {"", "None"}) else value


def as_optional_events(value: Iterable[str] | str | None) -> tuple[str, ...] | None:
    """Event names; None, and a template that renders to ``None`` or to nothing, mean "not given"."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return None
    return as_texts(value, argument="events")
