"""The reports that a command is about to replace: what they say of earlier audits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from airflow_provider_partnero.commands.files import read_text
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError
from airflow_provider_partnero.webhooks.report import SUFFIXES
from airflow_provider_partnero.webhooks.report.embedded import LARGEST_READ, past_audit_in


def comparable(files: Iterable[str]) -> list[str]:
    """The reports among the files of an audit that say, to the next audit, what was found."""
    return [file for file in files if Path(file).suffix in SUFFIXES]


def past_audits(files: Iterable[str]) -> tuple[list[PastAudit], list[str]]:
    """The audits that these reports are about, and a sentence for each report that cannot be read.

    :param files: reports; those that do not exist are passed over.
    """
    found: list[PastAudit] = []
    problems: list[str] = []
    for file in filter(_exists, files):
        try:
            found.append(_read(file))
        except (UnreadableAuditError, ValueError) as error:
            problems.append(f"The last report could not be read: {error}.")
    return found, problems


def _read(file: str) -> PastAudit:
    if Path(file).stat().st_size > LARGEST_READ:
        raise UnreadableAuditError(f"it is larger than {LARGEST_READ:,} bytes")
    return past_audit_in(read_text(file), Path(file).suffix)


def _exists(file: str) -> bool:
    return Path(file).is_file()
