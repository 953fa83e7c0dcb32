"""Where an audit left its report: what the task tells, and what Airflow's page believes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from airflow_provider_partnero.api.quoting import short_repr

XCOM_KEY = "partnero_report"
"""The XCom of an audit's task that tells where its report is. It is there even if the audit then fails the task."""

_SUFFIXES = (".json", ".md", ".html")
_LONGEST = 4_096  # characters of a path; object stores allow 1,024 bytes for a key


@dataclass(frozen=True, slots=True)
class ReportWhereabouts:
    """The place of a report.

    :param conn_id: the connection of the audited programme.
    :param path: a path, or a URL for Airflow's ``ObjectStoragePath``.
    :param at: when the audit was made, as its report says; empty if that is not told.
    """

    conn_id: str
    path: str
    at: str = ""

    @property
    def suffix(self) -> str:
        """The suffix, which tells the format: ``.json``, ``.md`` or ``.html``."""
        return PurePosixPath(self.path).suffix

    def to_dict(self) -> dict[str, str]:
        """Plain JSON: ``{"conn_id", "path", "at"}``."""
        return {"conn_id": self.conn_id, "path": self.path, "at": self.at}

    @classmethod
    def from_plain(cls, plain: object) -> ReportWhereabouts:
        """The place that an XCom tells. Whoever may write XComs can have written anything.

        :raises ValueError: it tells none.
        """
        told = plain if isinstance(plain, Mapping) else {}
        conn_id, path, at = told.get("conn_id"), told.get("path"), told.get("at")
        if not isinstance(conn_id, str) or not isinstance(path, str) or not 0 < len(path) <= _LONGEST:
            raise ValueError(f"XCom {XCOM_KEY}={short_repr(plain)}: must be an object with 'conn_id' and 'path'")
        if not path.isprintable() or PurePosixPath(path).suffix not in _SUFFIXES:
            raise ValueError(f"XCom {XCOM_KEY}, path={short_repr(path)}: must end in one of {', '.join(_SUFFIXES)}")
        return cls(conn_id, path, at if isinstance(at, str) else "")
