"""Where reports are written: a path, or a URL for Airflow's ``ObjectStoragePath``."""

from __future__ import annotations

from pathlib import PurePosixPath

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.whole_files import replace_file

REPORT_SUFFIXES = (".json", ".md", ".html")


def checked_suffix(path: str, *, argument: str = "report_path") -> str:
    """The suffix of a report's path, which decides its format.

    :raises ValueError: it is not one of a report.
    """
    suffix = PurePosixPath(path).suffix if isinstance(path, str) else ""
    if suffix not in REPORT_SUFFIXES:
        raise ValueError(f"{argument}={short_repr(path)}: must end in one of {', '.join(REPORT_SUFFIXES)}")
    return suffix


def write_report(path: str, text: str) -> None:
    """Write a report in UTF-8, in place of what is there. Folders are made if they are missing.

    On this machine's disk, whoever reads it meanwhile, such as the next audit, gets the old report or the new one.

    :raises ValueError: there is a pipe or a device, where a write may have no end.
    """
    from airflow.sdk import ObjectStoragePath

    target = ObjectStoragePath(path)
    if target.protocol in {"", "file"} and _replaced(target.path, text):
        return
    try:
        target.write_text(text, encoding="utf-8")
    except FileNotFoundError:
        # Not before: object stores have no folders, and credentials often allow nothing but writing objects.
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _replaced(path: str, text: str) -> bool:
    """Whether a file could be put in the place of the old one: not in a read-only folder, nor over a mounted file."""
    try:
        replace_file(path, text)
    except OSError:
        return False
    return True
