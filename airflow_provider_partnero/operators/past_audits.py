"""Where an audit finds the one before it: in its asset's events, and in the report file that it is about to replace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import latest_asset_events
from airflow_provider_partnero.assets import partnero_audit_asset
from airflow_provider_partnero.webhooks.history import EXTRA_FIELD, UnreadableAuditError
from airflow_provider_partnero.webhooks.report.embedded import LARGEST_READ, past_audit_in

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.history import PastAudit

_MOST_EVENTS = 5  # other audits of the programme may have looked at less since, and people emit events by hand


def past_audits(partnero_conn_id: str, report_path: str | None) -> tuple[list[PastAudit], list[str]]:
    """The earlier audits that can be read, and a sentence for each place that cannot. Nothing here fails an audit.

    :param partnero_conn_id: the connection of the audited programme.
    :param report_path: where this audit's report will be written; None or empty: nowhere.
    """
    found: list[PastAudit] = []
    problems: list[str] = []
    if report_path:
        try:
            found += _in_report(report_path)
        except Exception as error:  # noqa: BLE001 - each kind of storage has errors of its own
            problems.append(f"The last report could not be read: {_reason(error)}.")
    try:
        found += _in_events(partnero_conn_id)
    except Exception as error:  # noqa: BLE001 - nor does an audit fail for what Airflow cannot tell
        problems.append(f"The last audit's asset event could not be read: {_reason(error)}.")
    return found, problems


def _in_report(report_path: str) -> Iterator[PastAudit]:
    from airflow.sdk import ObjectStoragePath

    path = ObjectStoragePath(report_path)
    told = _told(path)
    if told.get("type") == "other":  # a pipe or a device, which may neither end nor begin
        raise UnreadableAuditError("it is not a file")
    _check_size(int(told.get("size") or 0))
    try:
        content = path.read_bytes()  # as write_text writes: open() may use another connection to the storage
    except FileNotFoundError:
        return
    _check_size(len(content))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableAuditError("it is damaged") from error
    yield past_audit_in(text, PurePosixPath(report_path).suffix)


def _told(path: Any) -> Mapping[str, Any]:
    """What the storage tells of a file without reading it, such as its size in bytes; empty if it tells nothing."""
    try:
        told: Mapping[str, Any] = path.fs.info(path.path)
    except Exception:  # noqa: BLE001 - reading says what is wrong
        return {}
    return told


def _check_size(size: int) -> None:
    if size > LARGEST_READ:
        raise UnreadableAuditError(f"it is larger than {LARGEST_READ:,} bytes")


def _in_events(partnero_conn_id: str) -> Iterator[PastAudit]:
    """The audits among the asset's latest events, the newest first; events without one are skipped."""
    from airflow_provider_partnero.webhooks.history import PastAudit

    for event in latest_asset_events(partnero_audit_asset(partnero_conn_id), _MOST_EVENTS):
        extra: Any = event.extra
        if isinstance(extra, Mapping) and EXTRA_FIELD in extra:
            told = extra[EXTRA_FIELD]  # through an alias of Airflow 3.0 it is a text
            yield PastAudit.from_dict(json.loads(told) if isinstance(told, str) else told)


def _reason(error: Exception) -> str:
    """Why something could not be read. A storage's own words may hold a path or a key, so only their kind is told."""
    return str(error) if isinstance(error, UnreadableAuditError) else type(error).__name__
