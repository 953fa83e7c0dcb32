"""What a report file holds for the next audit, and how it is found there again.

The next audit reads the file that it is about to replace. So a report at a fixed path is all that is needed to tell
what is new: no second file, which could be lost or belong to another report, and no other place to keep it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.webhooks.comparison import Comparison, compare, remember
from airflow_provider_partnero.webhooks.history import PastAudit, UnreadableAuditError

if TYPE_CHECKING:
    from airflow_provider_partnero.webhooks.audit import AuditReport

MOST_KEPT = 1_000
"""Findings that a report file holds for the next audit."""

LARGEST_READ = 64 * 2**20
"""Bytes of a report file that is read again; one with 100,000 ordinary findings is smaller."""

JSON_FIELD = "for_next_audit"
META_NAME = "partnero-audit"
_COMMENT = f"<!-- {META_NAME}: {{}} -->"

# Each writes ASCII only, on one line, and neither <, > nor ' occurs within.
# In JSON, a quotation mark within a text has a backslash before it, so this is a field and nothing that is shown.
_FIELD = re.compile(rf'"{JSON_FIELD}"\s*:\s*')
_FORMS = {
    ".html": re.compile(rf"<meta name=\"{META_NAME}\" content='([^'<>]*)'>"),
    ".md": re.compile(rf"^<!-- {META_NAME}: ([^<>\r\n]*) -->\r?$", re.MULTILINE),
}
_ESCAPES = {letter: f"\\u{ord(letter):04x}" for letter in "<>&'"}


def past_audit_in(text: str, suffix: str) -> PastAudit:
    """The audit that a report file is about.

    :param text: the file's.
    :param suffix: the file's: ``".json"``, ``".md"`` or ``".html"``.
    :raises UnreadableAuditError: the file is damaged, or does not say what was found.
    """
    try:
        plain = _plain_in(text, suffix)
    except (ValueError, RecursionError) as error:
        raise UnreadableAuditError("it is damaged") from error
    if plain is None:
        raise UnreadableAuditError("it does not say what was found in a form that can be compared")
    return PastAudit.from_dict(plain)


def kept(report: AuditReport, moment: datetime, conn_id: str, comparison: Comparison | None) -> PastAudit:
    """What a report file holds for the next audit.

    :param moment: when the audit was made; with a time zone.
    :param comparison: this audit beside an earlier one; None: all findings count from now on.
    """
    return remember(report, comparison or compare(report, at=moment, conn_id=conn_id), conn_id, MOST_KEPT)


def comment(past: PastAudit) -> str:
    """A line of Markdown that is not shown."""
    return _COMMENT.format(attribute(past))


def attribute(past: PastAudit) -> str:
    """JSON for an attribute in single quotes, or for a comment: nothing in it can end either."""
    text = json.dumps(past.to_dict(), separators=(",", ":"))
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _plain_in(text: str, suffix: str) -> Any:
    if suffix == ".json":  # without a tree of the whole, which takes many times the file's space
        if not text.rstrip().endswith("}"):
            raise ValueError("cut off")
        fields = list(_FIELD.finditer(text))
        return json.JSONDecoder().raw_decode(text, fields[-1].end())[0] if fields else None
    if suffix not in _FORMS:
        raise ValueError(f"suffix={short_repr(suffix)}: must be one of .json, {', '.join(_FORMS)}")
    found = list(_FORMS[suffix].finditer(text))
    return json.loads(found[-1][1]) if found else None
