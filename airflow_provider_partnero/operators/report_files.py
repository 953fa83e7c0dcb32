"""Where reports are written: a path, or a URL for Airflow's ``ObjectStoragePath``."""

from __future__ import annotations

from pathlib import PurePosixPath

from airflow_provider_partnero.api.quoting import short_repr

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
    """Write a report in UTF-8, in place of what is there. Folders are made if they are missing."""
    from airflow.sdk import ObjectStoragePath

    target = ObjectStoragePath(path)
    try:
        target.write_text(text, encoding="utf-8")
    except FileNotFoundError:
        # Not before: object stores have no folders, and credentials often allow nothing but writing objects.
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
