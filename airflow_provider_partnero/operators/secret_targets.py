"""Where the signing secret of a new webhook goes: into an Airflow Variable, or to a function. Nothing else sees it.

What a function raises may quote the secret, and so may whatever that error was chained to. So neither the error nor its
traceback leaves this module: only its class, its words without the secret, and the line of the function.
"""

from __future__ import annotations

import base64
import html
import inspect
import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePath
from urllib.parse import quote

from airflow_provider_partnero.airflow_compat import log_level, set_variable
from airflow_provider_partnero.api.quoting import short_repr, shortened

_VARIABLE = "variable:"
_VARIABLE_NAME = re.compile(r"\w[\w.:-]{0,249}")  # no "/", which Airflow 3.0 does not take
_ALLOWED = (
    "must be 'variable:NAME', with a name of letters, digits, '_', '-', '.' and ':', or 'package.module.function', "
    "a function that is called with key and secret"
)
_SUPERVISOR = "supervisor"  # the logger of the process that writes a task's Variables
_LONGEST_WORDS = 500  # characters of an error's text
_PIECE = 6  # characters of the secret in a row that give too much of it away


class SecretNotHandedOverError(RuntimeError):
    """Where the signing secret should go did not take it. The webhook is there; the next try hands over again."""


@dataclass(frozen=True, slots=True)
class SecretTarget:
    """A place that takes signing secrets.

    :param name: as the DAG names it, for messages.
    :param store: called with the webhook's key and its secret; what it returns is ignored.
    """

    name: str
    store: Callable[[str, str], object] = field(repr=False)

    def hand_over(self, key: str, secret: str) -> None:
        """Give the secret of the webhook ``key`` away. It may be given several times: a task may be retried.

        :raises SecretNotHandedOverError: it was not taken. No part of the secret is in it, and it has no cause.
        """
        from airflow.sdk.log import mask_secret

        mask_secret(str(secret))  # for what the function logs or prints itself
        if fault := self._fault(key, secret):
            raise SecretNotHandedOverError(
                f"{self.name} did not take the signing secret of webhook {short_repr(key)}: {fault}"
            )

    def _fault(self, key: str, secret: str) -> str | None:
        try:
            returned = self.store(key, str(secret))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - see the module's docstring
            return _shown(error, secret)
        except BaseException as error:  # noqa: BLE001 - a time-out, perhaps while another error was handled
            words = _shown(error, secret)
            error.__cause__ = error.__context__ = error.__traceback__ = None
            if _holds_part("".join(traceback.format_exception(error)), str(secret)):
                return words
            raise error.with_traceback(None)  # noqa: B904
        if inspect.iscoroutine(returned):
            returned.close()  # without a warning
        if inspect.isawaitable(returned) or inspect.isgenerator(returned) or inspect.isasyncgen(returned):
            return f"it returned a {type(returned).__name__}, which nobody runs"
        return None


def checked_secret_to(value: object, *, argument: str = "secret_to") -> str:
    """``variable:NAME`` or ``package.module.function``, as a text; nothing is imported.

    :raises ValueError: it is neither.
    """
    text = value if isinstance(value, str) else ""
    is_variable = text.startswith(_VARIABLE) and _VARIABLE_NAME.fullmatch(text.removeprefix(_VARIABLE))
    if not is_variable and not ("." in text and all(map(str.isidentifier, text.split(".")))):
        raise ValueError(f"{argument}={short_repr(value)}: {_ALLOWED}")
    return text


def secret_target(text: str, *, argument: str = "secret_to") -> SecretTarget:
    """What a text that :func:`checked_secret_to` accepts stands for. A function is imported here, in the task.

    :raises ValueError: the function cannot be imported, or not be called with two arguments and done; or Airflow would
        log the Variable.
    """
    if text.startswith(_VARIABLE):
        if log_level(_SUPERVISOR) in {"DEBUG", "NOTSET"}:
            raise ValueError(
                f"{argument}={short_repr(text)}: at the log level DEBUG, Airflow logs what tasks write to Variables; "
                f"set [logging] namespace_levels = {_SUPERVISOR}=INFO (from Airflow 3.2), or give a function"
            )
        return SecretTarget(text, _into_variable(text.removeprefix(_VARIABLE)))
    try:
        function = _imported(text)
    except (Exception, SystemExit) as error:
        reason = shortened(f"{type(error).__name__}: {error}", _LONGEST_WORDS)
        raise ValueError(f"{argument}={short_repr(text)}: cannot be imported ({reason}); {_ALLOWED}") from error
    if fault := _fault_of(function):
        raise ValueError(f"{argument}={short_repr(text)}: {fault}; {_ALLOWED}")
    return SecretTarget(text, function)


def _into_variable(name: str) -> Callable[[str, str], object]:
    def store(key: str, secret: str) -> None:
        set_variable(name, secret, f"Signing secret of Partnero's webhook {key}")

    return store


def _imported(path: str) -> Callable[[str, str], object]:
    module, _, name = path.rpartition(".")
    found: Callable[[str, str], object] = getattr(import_module(module), name)
    return found


def _fault_of(function: object) -> str | None:
    """Why this is no function that stores a secret as soon as it is called; None if it is one."""
    if not callable(function):
        return f"is a {type(function).__name__}"
    if hasattr(function, "operator_class"):
        return "is a task, which would not run when it is called"
    if (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        return "is asynchronous or a generator, so that calling it does nothing"
    try:
        inspect.signature(function).bind("key", "secret")
    except TypeError as error:
        return f"cannot be called with two arguments ({error})"
    except ValueError:  # a function without a signature, written in C
        return None
    return None


def _shown(error: BaseException, secret: str) -> str:
    """An error in words that hold nothing of the secret: its class, its text, and where the function raised it."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    name = "an error" if _holds_part(name, str(secret)) else name
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    where = "".join(f" ({PurePath(frame.filename).name}, line {frame.lineno})" for frame in frames[:1])
    return f"{name}: {_without(str(secret), _text_of(error))}{where}"  # plain, since a Secret hides its repr


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever a foreign __str__ raises may hold the secret, too
        return "(it has no readable message)"


def _without(secret: str, text: str) -> str:
    """The text with ``***`` in place of the secret; nothing of the text if another piece of the secret is in it."""
    from airflow_provider_partnero.api.redaction import HIDDEN

    shown = text.replace(secret, HIDDEN)
    if _holds_part(shown, secret):
        return "(its message is not shown, since it holds a part of the secret)"
    return shortened("".join(letter if letter.isprintable() else " " for letter in shown), _LONGEST_WORDS)


def _holds_part(text: str, secret: str) -> bool:
    """Whether a piece of the secret is in the text, also with blanks, commas and the like between its characters."""
    folded, spellings = text.casefold(), {spelling.casefold() for spelling in _spellings(secret)}
    close = {joined for joined in map(_joined, spellings) if len(joined) >= _PIECE}
    return any(
        piece in within
        for within, written in ((folded, spellings), (_joined(folded), close))
        for spelling in written
        for piece in _pieces(spelling)
    )


def _joined(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _spellings(secret: str) -> set[str]:
    """The secret as texts, code, JSON, URLs, HTML, hexadecimal and base64 write it, also within more of those."""
    raw = secret.encode(errors="surrogatepass")
    in_base64 = [base64.b64encode(bytes(shift) + raw)[shift and shift + 1 : -4].decode() for shift in range(3)]
    written = [repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(raw, safe=""), html.escape(secret), raw.hex()]
    return {text for text in (secret, *written, *in_base64, *map(_url_safe, in_base64)) if text}


def _url_safe(text: str) -> str:
    return text.translate(str.maketrans("+/", "-_"))


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(max(1, len(text) - _PIECE + 1))]
