"""Coverage-guided fuzzing of what strangers can send: ``python -m tests.fuzz --help``.

Each target is a module with one function, ``check(data)``. It takes any bytes, and raises when a promise is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"

TARGETS = {
    "receiver": "path, headers and body of a delivery, signed or not",
    "stored": "raw deliveries in an object storage",
    "answers": "the bytes that a server answers with",
    "lists": "the JSON of a list, page by page, and what an export makes of it",
    "declarations": "declaration files and saved plans, beside whatever webhooks there are",
    "reports": "webhooks of any name in reports and tables",
    "told": "what report files and the outputs of tasks tell of past audits and approved plans",
}

Check = Callable[[bytes], None]


def check_of(target: str) -> Check:
    """What checks one input of a target."""
    check: Check = import_module(f"tests.fuzz.{target}").check
    return check


def inputs_of(target: str) -> list[Path]:
    """The inputs that are kept for a target."""
    return sorted((CORPUS / target).iterdir())
