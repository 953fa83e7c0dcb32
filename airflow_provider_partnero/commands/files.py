"""Reads and writes the files that a command names; errors name the file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_partnero.operators.keys import under_declared_keys
from airflow_provider_partnero.operators.whole_files import is_no_file, replace_file

if TYPE_CHECKING:
    from airflow_provider_partnero.api.specs import WebhookSpec

_MOST_CHARACTERS = 8_000_000  # of a declaration: some 50,000 webhooks
_TEMPLATE = re.compile(r"\{[{%#]")


def read_text(path: str) -> str:
    """The text of a declaration or of a saved plan, in UTF-8.

    :raises ValueError: it cannot be read, or is too long to be either.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not a text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{path}: has more than {_MOST_CHARACTERS:,} characters, which is too much for a declaration")
    return text


def parse_declaration(text: str, path: str, partnero_conn_id: str) -> tuple[WebhookSpec, ...]:
    """The declared webhooks in the text of a file, each with a key.

    :param path: the file; its suffix decides the format.
    :raises ValueError: it is no declaration; the message names the file.
    """
    from airflow_provider_partnero.commands.saved_plan import SavedPlan
    from airflow_provider_partnero.webhooks.spec_files import parse_specs

    if SavedPlan.parse(text, path):
        raise ValueError(f"{path}: is a saved plan and no declaration; only apply takes one")
    if template := _TEMPLATE.search(text):
        line = text.count("\n", 0, template.start()) + 1
        raise ValueError(
            f"{path}, line {line}: holds a template ({template[0]}), which only a task of Airflow renders; commands "
            "want a declaration without templates"
        )
    try:
        return under_declared_keys(partnero_conn_id, parse_specs(text, suffix=Path(path).suffix))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check_writable(path: str, *, argument: str, suffixes: tuple[str, ...]) -> None:
    """Refuse an output file that cannot be written, before anything else is done.

    :param argument: that names it.
    :param suffixes: what its name may end in.
    :raises ValueError: its name has another suffix, it is no file, or its folder is missing or read-only.
    """
    file = Path(path)
    if file.suffix not in suffixes:
        raise ValueError(f"{argument} {path}: must end in {' or '.join(suffixes)}")
    if os.path.isdir(file):
        raise ValueError(f"{argument} {path}: is a folder")
    if is_no_file(path):
        raise ValueError(f"{argument} {path}: is a pipe or a device, and not a file")
    if not os.path.isdir(file.parent):
        raise ValueError(f"{argument} {path}: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise ValueError(f"{argument} {path}: the folder {file.parent} cannot be written to")


def write_text(path: str, text: str) -> None:
    """Write a file in UTF-8, whole or not at all. A link is followed.

    :raises ValueError: it cannot be written.
    """
    try:
        replace_file(path, text)
    except OSError as error:
        raise ValueError(f"{path}: cannot be written ({error.strerror})") from None
