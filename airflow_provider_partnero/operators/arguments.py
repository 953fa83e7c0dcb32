"""Reads arguments after templating, since a template renders every value to text; and checks them before, if it can."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Generic, TypeVar

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.arguments import checked_events
from airflow_provider_partnero.api.quoting import short_repr

T = TypeVar("T")

_TEMPLATE_SIGNS = ("{{", "{%", "{#")


class RefusedArgument(AirflowFailException, ValueError):  # noqa: N818 - it is both errors of its bases
    """An argument that cannot be right, found by an operator's constructor.

    The constructor of a mapped task runs in the task. There, no retry can help.
    """


def is_final(value: object) -> bool:
    """Whether a value is what the task will get: neither a template nor the output of another task."""
    if isinstance(value, str):
        return not any(sign in value for sign in _TEMPLATE_SIGNS)
    if isinstance(value, list | tuple | AbstractSet):
        return all(map(is_final, value))
    return value is None or isinstance(value, bytes | int | float | Mapping | FunctionType)


def check_early(value: object, check: Callable[..., object], *, argument: str) -> None:
    """Check an argument when the DAG is parsed, if it is final by then.

    :param check: called as ``check(value, argument=argument)`` when the task runs, too; raises a ``ValueError``.
    :raises RefusedArgument: the value is refused.
    """
    if not is_final(value):
        return
    try:
        check(value, argument=argument)
    except ValueError as error:
        raise RefusedArgument(str(error)) from error


@dataclass(frozen=True, slots=True)
class OptionalArgument(Generic[T]):
    """An argument that the DAG may leave out.

    One that it gives is read, also if a template renders it to nothing: a task that did without it would do something
    else than the DAG says, and succeed.

    :param name: of the argument.
    :param read: called as ``read(value, argument=name)``; raises a ``ValueError``.
    :param is_given: whether the DAG gives it.
    """

    name: str
    read: Callable[..., T]
    is_given: bool

    @classmethod
    def of(cls, name: str, value: object, read: Callable[..., T], *, left_out: object = None) -> OptionalArgument[T]:
        """The argument as the operator's constructor gets it, checked as :func:`check_early` does.

        :param left_out: its default. If that is not None, None is refused: a mapped task may get it from another one.
        """
        if value is not left_out:
            check_early(value, read, argument=name)
        return cls(name, read, value is not left_out)

    def value(self, rendered: object) -> T | None:
        """What the rendered argument says; None if it is left out."""
        return self.read(rendered, argument=self.name) if self.is_given or rendered is not None else None


def as_flag(value: object, *, argument: str) -> bool:
    """A flag, from a bool or from its text (``True``, ``false``), which a template renders it to.

    :raises ValueError: ``value`` is anything else.
    """
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in {"true", "false"}:
        raise ValueError(f"{argument}={short_repr(value)}: must be True or False")
    return text == "true"


def as_texts(value: Iterable[str] | str, *, argument: str) -> tuple[str, ...]:
    """Texts, from a list, from a list as text (``"['partner.created']"``), or from a text separated by commas.

    White space beside a comma belongs to the separator. A set is sorted, so that it is the same in every run.

    :raises ValueError: ``value`` is anything else, or a text that starts like a list but is not one.
    """
    parsed = _parse_list(value, argument) if isinstance(value, str) else value
    if isinstance(parsed, bytes | Mapping) or not isinstance(parsed, Iterable):
        raise _list_error(value, argument)
    if isinstance(parsed, str):
        return (parsed,)
    return tuple(sorted(parsed, key=repr)) if isinstance(parsed, AbstractSet) else tuple(parsed)


def _parse_list(value: str, argument: str) -> Any:
    text = value.strip()
    if not text.startswith(("[", "(", "{")):
        return [name.strip() for name in text.split(",") if name.strip()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _list_error(value, argument) from None


def _list_error(value: object, argument: str) -> ValueError:
    kind = "event names such as ['partner.created']" if "events" in argument else "texts"
    return ValueError(f"{argument}={short_repr(value)}: must be a list of {kind}")


def as_optional_text(value: str | None) -> str | None:
    """A text, or None if it is not given: None, ``"None"`` or an empty text."""
    return None if value is None or (isinstance(value, str) and value.strip() in {"", "None"}) else value


def as_events(value: Iterable[str] | str, *, argument: str = "events") -> tuple[str, ...]:
    """Event names, at least one, from what :func:`as_texts` takes."""
    return checked_events(as_texts(value, argument=argument), argument=argument)
