"""Reads the report of an audit for the page: from where the task said it is, and only if it is one.

An API server may read files that the page's readers may not, and anybody who may write XComs can name a place. So
only Airflow's own file systems are asked, no URL of the web, and what is no report of the connection is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Response

from airflow_provider_partnero.webhooks.history import UnreadableAuditError, shown_id, written
from airflow_provider_partnero.webhooks.report.embedded import past_audit_in
from airflow_provider_partnero.webhooks.report.whereabouts import ReportWhereabouts

STORAGE_SECONDS = 10.0
LARGEST = 8 * 2**20  # bytes; a page of HTML lists 100 findings of a rule, and has some 300,000

# Nothing in a report runs, and it is of no site: somebody else may have written it.
_HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


class ReportMissingError(Exception):
    """A report cannot be shown. The message says why, to those who may read what the task told."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as it is in the storage now.

    :param at: when its audit was made.
    """

    content: bytes
    suffix: str
    at: str


def read_report(where: ReportWhereabouts) -> ReportFile:
    """The report at a place. It may take as long as the storage does.

    :raises ReportMissingError: there is none of this connection, or it cannot be read.
    """
    content = _content(where)
    try:
        past = past_audit_in(content.decode("utf-8"), where.suffix)
    except (UnreadableAuditError, UnicodeDecodeError):
        raise _missing() from None
    if past.conn_id != shown_id(where.conn_id):
        raise _missing()
    return ReportFile(content, where.suffix, written(past.at))


def report_response(report: ReportFile) -> Response:
    """The report for a frame: a page without any right, or plain text."""
    media_type = "text/html" if report.suffix == ".html" else "text/plain"
    return Response(report.content, media_type=media_type, headers=_HEADERS)


def _content(where: ReportWhereabouts) -> bytes:
    from airflow.sdk import ObjectStoragePath

    try:
        path = ObjectStoragePath(where.path)
        # Not the path's own methods: they would read the web, too, and whatever else Python has a library for.
        return _bytes_of(path.fs, path.path)
    except ReportMissingError:
        raise
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        raise _missing() from None
    except Exception as error:  # each kind of storage has errors of its own, whose words may hold a key
        raise ReportMissingError(
            f"The storage cannot be read ({type(error).__name__}). The API server needs the same provider and "
            "connection for it as the workers have."
        ) from error


def _bytes_of(storage: Any, path: str) -> bytes:
    told = storage.info(path)
    if told.get("type") != "file":  # a folder, or a pipe or device, which may neither end nor begin
        raise _missing()
    if (told.get("size") or 0) <= LARGEST:
        content: bytes = storage.cat_file(path, start=0, end=LARGEST + 1)
        if len(content) <= LARGEST:
            return content
    raise ReportMissingError(f"The report is larger than {LARGEST:,} bytes. Open it where it is.")


def _missing() -> ReportMissingError:
    """One error for what is not there and for what is no report, so that nobody learns which files there are."""
    return ReportMissingError(
        "No report of this connection can be read there. It may be on the disk of a worker, which this API server does "
        "not see. Or it was deleted, or replaced by something else."
    )
